"""What is published of the benchmarks is what results.json says: the best point counts, and a target that is missed says so."""

from argparse import Namespace
from functools import partial
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.benchmark import Case, WrongOutputError, measure
from benchmarks.competitors import ONE_PROCESS, PANTAU, Competitor, Options, best_known, chosen, text
from benchmarks.peers.kafka_streams import PROMPT
from benchmarks.report import page, scaling
from benchmarks.report.lookup import number
from benchmarks.report.targets import TARGETS
from benchmarks.results import KeptMeasurement, Measurement, MetricValues, Unit
from benchmarks.workloads import CITY_PARTITIONS, NATION, NATION_PARTITIONS, PROGRAMS, PROVINCE

MACHINE: dict[str, str | int | float] = {"processor": "Some CPU", "cores": 2, "memory_gib": 24.0, "kernel": "6.1"}
RUN: dict[str, Unit] = {
    "cpu_us_per_event": "us", "broker_cpu_seconds": "s", "other_cpu_seconds": "s", "seconds": "s", "first_fact_seconds": "s",
    "peak_mib": "MiB", "book_bytes_per_fact": "bytes",
}  # fmt: skip


def kept(
    name: str, parameters: dict[str, str | int | float], **figures: tuple[Unit, tuple[float, ...]]
) -> KeptMeasurement:
    measured = {metric: MetricValues(unit, values) for metric, (unit, values) in figures.items()}
    return KeptMeasurement(
        Measurement(name, parameters, measured), "2026-11-24T15:00:00+00:00", "abc", MACHINE, {"kafka": "4.3.1"}
    )


def replay(
    competitor: str, guarantee: str, *values: float, options: str = "{}", events: int = 1_000_000
) -> KeptMeasurement:
    parameters: dict[str, str | int | float] = {
        "workload": "nation", "plans": NATION, "events": events, "competitor": competitor, "guarantee": guarantee,
        "options": options,
    }  # fmt: skip
    others: dict[str, tuple[Unit, tuple[float, ...]]] = {metric: (unit, (1.0,)) for metric, unit in RUN.items()}
    return kept("replay", parameters, events_per_second=("events/s", values), **others)


def delay(
    competitor: str,
    rate: int,
    p50: float,
    p99: float,
    workload: str = "nation",
    partitions: int = CITY_PARTITIONS,
    options: str = "{}",
) -> KeptMeasurement:
    parameters: dict[str, str | int | float] = {
        "workload": workload, "partitions": partitions, "competitor": competitor, "rate": rate, "options": options,
    }  # fmt: skip
    used: dict[str, tuple[Unit, tuple[float, ...]]] = {"processors": ("1", (0.5,)), "broker_processors": ("1", (0.9,))}
    return kept("delay", parameters, p50_ms=("ms", (p50,)), p99_ms=("ms", (p99,)), **used)


def growth(plans: int, years: int, cost: float, peak: float) -> KeptMeasurement:
    facts = plans * (1 + PROGRAMS * 12 * years)
    parameters: dict[str, str | int | float] = {"plans": plans, "years": years, "facts": facts}
    return kept("growth", parameters, cpu_us_per_event=("us", (cost,)), peak_mib=("MiB", (peak,)))


def restore(competitor: str, rate: float) -> KeptMeasurement:
    options = text(ONE_PROCESS) if competitor == PANTAU else "{}"
    parameters: dict[str, str | int | float] = {"facts": 300_514, "competitor": competitor, "options": options}
    return kept("restore", parameters, facts_per_second=("facts/s", (rate,)))


def intake(events: int, rate: int | str, accepted: float, p99: float) -> KeptMeasurement:
    figures: dict[str, tuple[Unit, tuple[float, ...]]] = {"p99_ms": ("ms", (p99,))}
    parameters: dict[str, str | int | float] = {"events_per_request": events, "rate": rate}
    return kept("intake", parameters, events_per_second=("events/s", (accepted,)), **figures)


def streams(listeners: int, stopped: int, rate: float, p99: float, memory: float) -> KeptMeasurement:
    parameters: dict[str, str | int | float] = {"listeners": listeners, "stopped": stopped, "rate": rate}
    return kept("streams", parameters, p99_ms=("ms", (p99,)), kib_per_client=("KiB", (memory,)))


def strangers(crowd: int, acknowledged: float, change: float) -> KeptMeasurement:
    figures: dict[str, tuple[Unit, tuple[float, ...]]] = {"change_p99_ms": ("ms", (change,))}
    return kept("strangers", {"crowd": crowd}, acknowledged_p99_ms=("ms", (acknowledged,)), **figures)


def asof(database: str, facts: int, p99: float) -> KeptMeasurement:
    parameters: dict[str, str | int | float] = {"database": database, "facts": facts}
    return kept("asof", parameters, random_p99=("ms", (p99,)), followed_per_second=("facts/s", (10_000,)))


AT_ONCE = text(PROMPT | {"threads": 2})
GOOD = [
    replay("pantau", "exactly_once", 100_000, 101_000, 99_000),
    replay("kafka-streams-exactly-once", "exactly_once", 30_000, options='{"threads": 1}'),
    replay("kafka-streams-exactly-once", "exactly_once", 40_000, options='{"threads": 2}'),
    replay("kafka-streams-exactly-once", "exactly_once", 20_000, options=AT_ONCE),
    replay("pantau", "exactly_once", 60_000, options='{"processes": 1}'),
    replay("stock-faust", "at_least_once", 2_000, events=300_000),
    replay("pantau", "exactly_once", 90_000, events=300_000),
    replay("floor", "none", 150_000),
    delay("pantau", 200, 8, 60),
    delay("pantau", 1_000, 20, 150),
    delay("pantau", 200, 30, 90, partitions=NATION_PARTITIONS),
    delay("pantau", 200, 8, 60, "city"),
    delay("pantau", 1_000, 20, 150, "city"),
    delay("kafka-streams-exactly-once", 200, 500, 1_000, "city"),
    delay("kafka-streams-exactly-once", 200, 13, 40, "city", options=AT_ONCE),
    restore("pantau", 150_000),
    restore("stock-faust", 10_000),
    growth(1, 10, 10, 100),
    growth(PROVINCE, 1, 10.5, 200),
    growth(PROVINCE, 10, 11, 900),
    growth(NATION, 1, 11.5, 1_500),
    intake(1, 1_000, 999, 49),
    intake(1, "flat out", 2_000, 49),
    intake(500, "flat out", 20_001, 300),
    streams(2_000, 0, 1.0, 999, 59),
    streams(2_000, 500, 1.0, 999, 59),
    streams(4, 0, 100.0, 199, 500),
    strangers(200, 499, 999),
    asof("SQLite", 5_000_000, 49),
    asof("PostgreSQL", 5_000_000, 49),
    asof("PostgreSQL", 50_000, 51),
]
BAD = [
    replay("pantau", "exactly_once", 70_000),
    replay("kafka-streams-exactly-once", "exactly_once", 40_000),
    replay("kafka-streams-at-least-once", "at_least_once", 71_000),
    replay("floor", "none", 150_000),
    delay("pantau", 200, 12, 101),
    delay("pantau", 1_000, 20, 201),
    delay("pantau", 200, 12, 101, "city"),
    delay("pantau", 1_000, 20, 201, "city"),
    restore("pantau", 90_000),
    restore("stock-faust", 10_000),
    growth(1, 10, 10, 100),
    growth(PROVINCE, 1, 10.5, 200),
    growth(PROVINCE, 10, 12.5, 1_100),
    intake(1, 1_000, 999, 51),
    intake(500, "flat out", 19_000, 300),
    streams(2_000, 0, 1.0, 1_010, 61),
    streams(2_000, 500, 1.0, 1_010, 61),
    streams(4, 0, 100.0, 201, 500),
    strangers(0, 1, 1),
    strangers(200, 501, 1_001),
    asof("SQLite", 5_000_000, 51),
    asof("PostgreSQL", 5_000_000, 51),
    asof("PostgreSQL", 50_000, 1),
]


def test_what_is_reached_is_shown_as_reached() -> None:
    assert {target.what: target.found(GOOD) for target in TARGETS if not (target.found(GOOD) or ("", False))[1]} == {}


def test_what_is_missed_is_shown_as_missed() -> None:
    assert [target.what for target in TARGETS if (target.found(BAD) or ("", True))[1]] == []
    assert page.text(BAD).count("**no**") == len(TARGETS)


def test_nothing_is_reached_that_was_not_measured() -> None:
    assert [target.found([]) for target in TARGETS] == [None] * len(TARGETS)
    assert page.text([]).count("not measured yet") == len(TARGETS)


def test_the_best_point_of_a_grid_stands_for_its_competitor_and_the_others_are_listed() -> None:
    text = page.text(GOOD)

    assert "2.5 x (100,000 to 40,000 events/s, 1,000,000 events)" in text
    assert text.index('{"threads": 1}') < text.index('{"threads": 2}')  # tried; best
    assert "| pantau | exactly once | 100,000 ± 1% |" in text


def test_competitors_are_compared_on_what_both_have_played() -> None:
    assert "45 x stock-faust" in page.text(GOOD)


def test_competitors_are_compared_on_what_both_have_played_on_one_day() -> None:
    # A shared machine is another one the next day.
    tomorrow = "2026-11-25T15:00:00+00:00"
    later = [replay("stock-faust", "at_least_once", 500), replay("pantau", "exactly_once", 10_000, events=300_000)]

    found = page.text(GOOD + [one._replace(taken=tomorrow) for one in later])
    assert "45 x stock-faust" in found
    both = [replay("stock-faust", "at_least_once", 500), replay("pantau", "exactly_once", 10_000)]
    assert "20 x stock-faust" in page.text(GOOD + [one._replace(taken=tomorrow) for one in both])


def test_figures_of_several_days_tell_their_day() -> None:
    later = restore("stock-faust", 1_000)._replace(
        taken="2026-11-25T15:00:00+00:00", machine=MACHINE | {"yardstick_ms": 33.2}, versions={"kafka": "4.2.1"}
    )
    text = page.text([restore("pantau", 150_000), later])

    assert "| 150,000 | 2026-11-24 |  |" in text
    assert "| 1,000 | 2026-11-25 | 33.2 |" in text
    assert "| kafka | 4.3.1, 4.2.1 |" in text
    assert " | on | " not in page.text([later]).split("## How it is measured")[0]


def test_the_page_on_scaling_follows_from_the_figures() -> None:
    text = scaling.text(GOOD)

    assert scaling.UNKNOWN not in text
    assert "<!--nation.ten-years-->26,275,680<!--/-->" in text
    assert "<!--nation.restore-->175 s<!--/-->" in text
    assert "<!--nation.processes-->2<!--/-->" in text
    assert "<!--nation.follow-->0.73<!--/-->" in text
    # an event costs 1 us of the worker, and 1 s of the broker for 900,000 events: 2.11 us for two cores
    assert "<!--ours.ceiling-->947,000<!--/-->" in text
    assert "<!--ours.share-->10.6<!--/-->" in text
    # twice 40,000 events a second on two cores, and what the floor takes
    assert "<!--twice.us-->25<!--/-->" in text
    assert "<!--floor.us-->1<!--/-->" in text
    assert "<!--delay.theirs.p50-ms-->500<!--/-->" in text
    # where it commits at once, and ours of as many events
    assert "<!--prompt.rate-->20,000<!--/-->" in text
    assert "<!--prompt.ours-->100,000<!--/-->" in text
    assert "<!--prompt.p50-ms-->13<!--/-->" in text
    assert "<!--delay.few.p99-ms-->60<!--/-->" in text
    assert "<!--delay.many.p99-ms-->90<!--/-->" in text
    assert scaling.UNKNOWN in scaling.text([])


def test_the_last_measurement_of_a_row_counts_and_the_file_keeps_no_other(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    for size, value in ((1, 1.0), (2, 3.0), (1, 2.0)):
        results.keep(Measurement("x", {"size": size}, {"seconds": MetricValues("s", (value,))}), file)

    found = results.read(file)
    assert [one.measurement.figures["seconds"].median for one in found] == [2.0, 3.0]
    assert found[0].versions["kafka"]
    assert found[0].machine["cores"]


def test_a_case_is_run_by_turns_and_one_that_does_not_do_the_job_is_not_measured() -> None:
    order = []

    def run(name: str, value: float) -> dict[str, float]:
        order.append(name)
        if value < 0:
            raise WrongOutputError("it lost a fact")
        return {"seconds": value}

    cases = [Case({"n": name}, partial(run, name, value)) for name, value in (("a", 1), ("b", 2), ("c", -1))]
    measured = measure("x", cases, 2)

    assert [next(measured), next(measured)] == [
        Measurement("x", {"n": "a"}, {"seconds": MetricValues("s", (1, 1))}),
        Measurement("x", {"n": "b"}, {"seconds": MetricValues("s", (2, 2))}),
    ]
    assert order == ["a", "b", "c", "b", "a"]
    with pytest.raises(SystemExit, match="wrong output: n=c"):
        next(measured)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1234, "0.123"), (12.34, "12.3"), (123.4, "123"), (1234.5, "1,230"), (123456, "123,000")],
)
def test_a_figure_has_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def streams_with(options: Options) -> Competitor:
    return Competitor("kafka-streams-exactly-once", "exactly_once", options, lambda _: [])


def test_a_competitor_is_measured_at_the_best_point_that_is_known() -> None:
    one, two = {"threads": 1}, {"threads": 2}

    assert best_known(streams_with(one), GOOD) == two
    assert best_known(streams_with(one), []) == one
    assert best_known(streams_with({"tasks": 3}), GOOD) == {"tasks": 3}  # of before it had other options


def test_a_competitor_is_measured_at_an_option_that_is_asked_for(tmp_path: Path) -> None:
    given = Namespace(competitor=[PANTAU], results=tmp_path / "none.json", option=["processes=2", "threads=4"])
    ((competitor, options),) = chosen(given, [])

    assert (competitor.name, options) == (PANTAU, {"processes": 2})
    assert chosen(Namespace(competitor=[PANTAU], results=tmp_path / "none.json", option=[]), [])[0][1] == ONE_PROCESS
