"""docs/benchmarks.md: the targets, and everything that was measured."""

from collections.abc import Iterable, Sequence

from benchmarks.report.lookup import best, named, number, shown
from benchmarks.report.targets import TARGETS
from benchmarks.results import KeptMeasurement

YARDSTICK = "yardstick, ms"

BEGINNING = """\
# Benchmarks

`make bench` measures, `benchmarks/results.json` keeps the measurements, and `python -m benchmarks.report.generate` generates this
page from them: nothing on it is typed by hand. `make bench ARGS="--help"` shows how to run one benchmark;
`benchmarks/competitors.py` has the competitors. Each row is the latest measurement of its kind; a figure is the median of its runs, ± half of the distance between the lowest and the highest.
"""

HOW = """\
## How it is measured

- One machine, one broker, the same topics, byte for byte, and the same cores for every competitor. The records are loaded once; each
  run starts a broker on a copy of its folder.
- A competitor does the whole job: decode, validate, deduplicate by identity with the content compared, one durable fact for each report,
  standing, realization per dimension. Its whole output (every fact, every reject with its reason, the last realization of every plan) is compared with what the generator of the
  records knows, which tests compare with `tests/oracle.py`. Where anything differs the run does not count.
- Events per second: from the moment when 10 % of the facts are committed to the moment when all are, by the committed end offsets that any
  `read_committed` reader sees. What comes before (starting, joining, warming up) has figures of its own.
- The floor fetches, decodes and folds in one Python process and writes nothing: the cost without durability. It measures its own time.
- Processor time is what the kernel counts for the competitor and its child processes. "Everything else" is what neither competitor nor broker nor harness used: where
  it is more than a little, the run was disturbed.
- Delay: new reports of plans drawn at random come at a steady pace; each counts from being handed to the producer until a `read_committed` reader
  in another process has its fact. The broker runs as Kafka's own script starts it, and has worked at 200 a second for a minute before anything
  counts; "first" is that minute, in which its JVM compiles. A replay is too short for that: there the broker has only the first compiler (C1), with which ours and Kafka Streams are faster.
- The yardstick is the time of half a million additions in Python on one core at the time of a measurement: a shared machine may be half as fast an hour
  later. Competitors are compared where they were measured together.
"""


def text(kept: Sequence[KeptMeasurement]) -> str:
    """The whole page."""
    sections = [BEGINNING, _targets(kept)]
    if named(kept, "replay"):
        sections.append(_replay(kept))
    names = dict.fromkeys(one.measurement.name for one in kept)
    sections += [_section(name, named(kept, name)) for name in names if name != "replay"]
    return "\n".join([*sections, HOW, _circumstances(kept)])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _targets(kept: Sequence[KeptMeasurement]) -> str:
    rows = []
    for target in TARGETS:
        found = target.found(kept)
        verdict = ("not measured yet", "") if found is None else (found[0], "yes" if found[1] else "**no**")
        rows.append((target.what, target.to_reach, *verdict))
    return "## Targets\n\n" + _table(("", "to reach", "found", "reached"), rows)


def _replay(kept: Sequence[KeptMeasurement]) -> str:
    text = ["## Replay\n"]
    workloads = dict.fromkeys(
        (one.measurement.parameters["workload"], one.measurement.parameters["events"]) for one in named(kept, "replay")
    )
    for workload, events in workloads:
        played = named(kept, "replay", workload=str(workload), events=int(events))
        text.append(f"### {workload}, {int(events):,} events of {played[0].measurement.parameters['plans']} plans\n")
        names = dict.fromkeys(str(one.measurement.parameters["competitor"]) for one in played)
        bests = [one for name in names if (one := best(played, "replay", "events_per_second", competitor=name))]
        bests.sort(key=lambda one: -one.measurement.figures["events_per_second"].median)
        head = (
            "competitor",
            "guarantee",
            "events/s",
            "processor, us an event",
            "broker's, s",
            "everything else's, s",
            "seconds",
            "before the first fact, s",
            "peak MiB",
        )
        text.append(_table(head, (_replayed(one) for one in bests)))
        tried = [one for one in played if one not in bests]
        if tried:
            text.append("Other measured options:\n")
            text.append(_table(("competitor", "options", "events/s"), (_tried(one) for one in tried)))
        chosen = [one for one in bests if one.measurement.parameters["options"] != "{}"]
        if chosen:
            text.append("Options of the best:\n")
            text.append(_table(("competitor", "options"), (_tried(one)[:2] for one in chosen)))
    return "\n".join(text)


def _replayed(one: KeptMeasurement) -> Sequence[str]:
    _, parameters, figures = one.measurement
    metrics = (
        "events_per_second", "cpu_us_per_event", "broker_cpu_seconds", "other_cpu_seconds", "seconds", "first_fact_seconds", "peak_mib",
    )  # fmt: skip
    columns = [shown(figures[metrics[0]]), *(number(figures[metric].median) for metric in metrics[1:])]
    return str(parameters["competitor"]), str(parameters["guarantee"]).replace("_", " "), *columns


def _tried(one: KeptMeasurement) -> Sequence[str]:
    _, parameters, figures = one.measurement
    return str(parameters["competitor"]), f"`{parameters['options']}`", shown(figures["events_per_second"])


def _section(name: str, kept: Sequence[KeptMeasurement]) -> str:
    """Any benchmark's measurements: a column for each parameter that varies, and for each figure; and when they were
    taken and how fast the machine was then, where that was not on one day."""
    keys = dict.fromkeys(key for one in kept for key in one.measurement.parameters)
    varying = [key for key in keys if len({str(one.measurement.parameters.get(key)) for one in kept}) > 1]
    fixed = [f"{_words(key)} {kept[0].measurement.parameters[key]}" for key in keys if key not in varying]
    metrics = {metric: figure.unit for one in kept for metric, figure in one.measurement.figures.items()}
    head = [*map(_words, varying), *(_headed(metric, unit) for metric, unit in metrics.items())]
    several_days = len({one.day for one in kept}) > 1
    if several_days:
        head += ["on", YARDSTICK]
    rows = []
    for one in kept:
        _, parameters, figures = one.measurement
        columns = [shown(figures[metric]) if metric in figures else "" for metric in metrics]
        if several_days:
            columns += [one.day, _yardstick([one])]
        rows.append([*(_value(parameters.get(key, "")) for key in varying), *columns])
    return "\n".join(
        [f"## {_words(name).capitalize()}\n", *([", ".join(fixed) + ".\n"] if fixed else []), _table(head, rows)]
    )


def _value(value: str | int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"`{value}`" if str(value).startswith("{") else str(value)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _headed(metric: str, unit: str) -> str:
    """A metric's name with its unit, which is no part of it twice."""
    bare = metric.removesuffix(f"_{unit.lower()}").removesuffix("_seconds").removesuffix("_per_second")
    return _words(bare) if unit == "1" else f"{_words(bare)}, {unit}"


def _circumstances(kept: Sequence[KeptMeasurement]) -> str:
    text = ["## With what\n"]
    if not kept:
        return text[0] + "\nNothing is measured yet.\n"
    groups: dict[tuple[str, str, str], list[KeptMeasurement]] = {}
    for one in kept:
        groups.setdefault((one.measurement.name, one.day, one.commit), []).append(one)
    rows = [(name, day, f"`{commit}`", *_where(group)) for (name, day, commit), group in groups.items()]
    text.append(_table(("measured", "on", "at commit", "machine", YARDSTICK), rows))
    versions: dict[str, dict[str, None]] = {}
    for one in kept:
        for part, version in one.versions.items():
            versions.setdefault(part, {})[version] = None
    text.append(_table(("part", "version"), ((part, ", ".join(several)) for part, several in versions.items())))
    return "\n".join(text)


def _where(group: Sequence[KeptMeasurement]) -> tuple[str, str]:
    """The machine of some measurements, and how fast it was at each."""
    machine = group[-1].machine
    machine_text = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}"
    )
    return machine_text, _yardstick(group)


def _yardstick(group: Sequence[KeptMeasurement]) -> str:
    """From the fastest to the slowest moment of the machine, of what was measured since there is a yardstick."""
    found = sorted(
        {number(float(one.machine["yardstick_ms"])) for one in group if "yardstick_ms" in one.machine}, key=float
    )
    return " to ".join(dict.fromkeys((found[0], found[-1]))) if found else ""
