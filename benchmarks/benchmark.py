"""What every benchmark is, and how its cases are run."""

import re
from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.results import Measurement, MetricValues, Unit

# The first of these found in a metric's name gives its unit; a plain number has none.
UNITS: tuple[tuple[str, Unit], ...] = (
    (r"^events_per_second$", "events/s"),
    (r"^(facts|followed)_per_second$", "facts/s"),
    (r"_per_second$|^processors$|^broker_processors$", "1"),
    (r"_ms$|^(cold|random|warm)_", "ms"),
    (r"_us(_|$)", "us"),
    (r"_mib$", "MiB"),
    (r"^kib_", "KiB"),
    (r"_percent$", "percent"),
    (r"_bytes_", "bytes"),
    (r"seconds$", "s"),
)


class WrongOutputError(Exception):
    """A competitor's output is not what is expected: its run does not count."""


class Case(NamedTuple):
    """One row of a benchmark: under which parameters, and a run of it, which returns its figures by metric.

    A run may raise WrongOutputError.
    """

    parameters: Mapping[str, str | int | float]
    run: Callable[[], Mapping[str, float]]


class Benchmark(NamedTuple):
    """One promise that can be measured: `python -m benchmarks NAME`.

    `arguments` adds options to the parser; each has a default, the published one. `run` measures and yields each
    measurement as soon as it is complete. Beside its own arguments it gets `runs` (how often each case is run), `quick`
    (the smallest form that still does everything, within seconds: its figures mean nothing) and `results` (the file of
    earlier measurements).
    """

    name: str
    promise: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Iterable[Measurement]]


def unit_of(metric: str) -> Unit:
    """The unit of a metric, by its name."""
    return next((unit for pattern, unit in UNITS if re.search(pattern, metric)), "1")


def measure(name: str, cases: Sequence[Case], runs: int) -> Iterator[Measurement]:
    """Run each case several times, alternating: other load on the machine changes within minutes and then affects all
    cases alike. Each round begins with another case, so that none always follows the same one.

    A case with a wrong output gives no measurement. Exits with an error at the end when there was one.
    """
    found: dict[int, list[Mapping[str, float]]] = {index: [] for index in range(len(cases))}
    wrong, order = set[int](), deque(found)
    for number in range(1, runs + 1):
        for index in [one for one in order if one not in wrong]:
            print(f"{name}, run {number}: {_words(cases[index].parameters)}", flush=True)
            try:
                found[index].append(cases[index].run())
                print(f"  {_words(found[index][-1])}", flush=True)
            except WrongOutputError as error:
                wrong.add(index)
                print(f"  does not count: {error}", flush=True)
        order.rotate(-1)
    for index, case in enumerate(cases):
        if index not in wrong:
            yield Measurement(name, case.parameters, figures(found[index]))
    if wrong:
        raise SystemExit(f"wrong output: {'; '.join(_words(cases[index].parameters) for index in sorted(wrong))}")


def figures(runs: Sequence[Mapping[str, float]]) -> dict[str, MetricValues]:
    """The figures of several runs; a metric may be of some of them only."""
    metrics = dict.fromkeys(metric for run in runs for metric in run)
    return {
        metric: MetricValues(unit_of(metric), tuple(round(run[metric], 3) for run in runs if metric in run))
        for metric in metrics
    }


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the rising values that `percent` per cent of them do not exceed."""
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def _words(values: Mapping[str, str | int | float]) -> str:
    return " ".join(f"{key}={f'{one:,.4g}' if isinstance(one, float) else one}" for key, one in values.items())
