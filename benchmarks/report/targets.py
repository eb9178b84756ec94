"""The targets, and what was measured."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.competitors import PANTAU, STREAMS
from benchmarks.report.lookup import best, median, named, number, values
from benchmarks.results import KeptMeasurement
from benchmarks.workloads import CITY_PARTITIONS, PROVINCE

LARGE = 5_000_000  # facts of a projection
CROWD = 200  # connections
Found = tuple[str, bool] | None  # in words, and whether it is reached; None: not measured yet
All = Sequence[KeptMeasurement]


class TargetLine(NamedTuple):
    """One line of the table."""

    what: str
    to_reach: str
    found: Callable[[All], Found]


class Beside(NamedTuple):
    """Our figure and a competitor's, of the same size."""

    ours: float
    theirs: float
    size: int


def together(kept: All, competitor: str, name: str, size: str, **parameters: str | int) -> list[KeptMeasurement]:
    """What was measured of the largest size at which ours and a competitor's were measured on one day: the next day a
    shared machine may be twice as fast. Nothing where there is none."""
    both = [
        {(int(one.measurement.parameters[size]), one.day) for one in named(kept, name, competitor=who, **parameters)}
        for who in (PANTAU, competitor)
    ]
    largest = max(both[0] & both[1], default=None)
    if largest is None:
        return []
    return [one for one in named(kept, name, **parameters | {size: largest[0]}) if one.day == largest[1]]


def _beside(kept: All, competitor: str, name: str, metric: str, size: str, **parameters: str | int) -> Beside | None:
    there = together(kept, competitor, name, size, **parameters)
    if not there:
        return None
    ours, theirs = (median(there, name, metric, competitor=who) for who in (PANTAU, competitor))
    assert ours is not None and theirs is not None
    return Beside(ours, theirs, int(there[0].measurement.parameters[size]))


def replayed_beside(kept: All, competitor: str) -> Beside | None:
    """The replay of the nation, ours and a competitor's."""
    return _beside(kept, competitor, "replay", "events_per_second", "events", workload="nation")


def _ratio(competitor: str, at_least: float) -> Callable[[All], Found]:
    def found(kept: All) -> Found:
        both = replayed_beside(kept, competitor)
        if both is None:
            return None
        ours, theirs, events = both
        return (
            f"{number(ours / theirs)} x ({number(ours)} to {number(theirs)} events/s, {events:,} events)",
            ours >= at_least * theirs,
        )

    return found


def _ahead_of_at_least_once(kept: All) -> Found:
    names = {
        str(one.measurement.parameters["competitor"])
        for one in named(kept, "replay", workload="nation", guarantee="at_least_once")
    }
    ratios = {
        name: both.ours / both.theirs for name in sorted(names) if (both := replayed_beside(kept, name)) is not None
    }
    if not ratios:
        return None
    return ", ".join(f"{number(ratio)} x {name}" for name, ratio in ratios.items()), min(ratios.values()) > 1


def _restore(kept: All) -> Found:
    one = best(kept, "restore", "facts_per_second", competitor=PANTAU)
    if one is None:
        return None
    found = one.measurement.figures["facts_per_second"].median
    return f"{number(found)} facts/s, {one.measurement.parameters['options']}", found >= 100_000


def _restore_beside_faust(kept: All) -> Found:
    both = _beside(kept, "stock-faust", "restore", "facts_per_second", "facts")
    if both is None:
        return None
    ours, theirs, _ = both
    return f"{number(ours / theirs)} x ({number(ours)} to {number(theirs)} facts/s)", ours >= 10 * theirs


def _at_most(name: str, metric: str, most: float, unit: str, **parameters: str | int) -> Callable[[All], Found]:
    def found(kept: All) -> Found:
        value = median(kept, name, metric, **parameters)
        return None if value is None else (f"{number(value)} {unit}", value <= most)

    return found


def _at_least(name: str, metric: str, least: float, unit: str, **parameters: str | int) -> Callable[[All], Found]:
    def found(kept: All) -> Found:
        value = median(kept, name, metric, **parameters)
        return None if value is None else (f"{number(value)} {unit}", value >= least)

    return found


def _asof(database: str) -> Callable[[All], Found]:
    def found(kept: All) -> Found:
        large = [
            one for one in named(kept, "asof", database=database) if int(one.measurement.parameters["facts"]) >= LARGE
        ]
        return _at_most("asof", "random_p99", 50, "ms")(large)

    return found


def _flat(kept: All) -> Found:
    costs = values(named(kept, "growth"), "cpu_us_per_event")
    if len(costs) < 2:
        return None
    low, high = min(costs), max(costs)
    return f"{number(low)} to {number(high)} us: {high / low - 1:.0%} apart", high <= 1.2 * low


def bytes_per_fact(kept: All) -> float | None:
    """What each further fact takes in memory: between one year and ten of the same plans."""
    by_years = {years: best(kept, "growth", "peak_mib", plans=PROVINCE, years=years) for years in (1, 10)}
    few, many = by_years[1], by_years[10]
    if few is None or many is None:
        return None
    mib = many.measurement.figures["peak_mib"].median - few.measurement.figures["peak_mib"].median
    facts = int(many.measurement.parameters["facts"]) - int(few.measurement.parameters["facts"])
    return mib * 1024**2 / facts


def _memory(kept: All) -> Found:
    found = bytes_per_fact(kept)
    return None if found is None else (f"{number(found)} bytes", found <= 500)


TARGETS = (
    TargetLine("replay of the nation, one worker (of two processes on two cores), beside Kafka Streams `exactly_once_v2`", "2.0 x", _ratio(STREAMS, 2.0)),
    TargetLine("the same beside every peer that works at least once", "ahead", _ahead_of_at_least_once),
    TargetLine("the same beside the floor", "0.5 x", _ratio("floor", 0.5)),
    TargetLine("restore of a worker's state", "100,000 facts/s", _restore),
    TargetLine("the same beside stock Faust's table recovery", "10 x", _restore_beside_faust),
    TargetLine("publish to visible, one city, 200 events/s, half of them", "10 ms", _at_most("delay", "p50_ms", 10, "ms", workload="city", competitor=PANTAU, rate=200)),
    TargetLine("publish to visible, one city, 200 events/s, 99 of 100", "100 ms", _at_most("delay", "p99_ms", 100, "ms", workload="city", competitor=PANTAU, rate=200)),
    TargetLine("publish to visible, one city, 1,000 events/s, 99 of 100", "200 ms", _at_most("delay", "p99_ms", 200, "ms", workload="city", competitor=PANTAU, rate=1_000)),
    TargetLine("publish to visible, the nation on 12 partitions, 200 events/s, half of them", "10 ms", _at_most("delay", "p50_ms", 10, "ms", workload="nation", partitions=CITY_PARTITIONS, competitor=PANTAU, rate=200)),
    TargetLine("publish to visible, the nation on 12 partitions, 200 events/s, 99 of 100", "100 ms", _at_most("delay", "p99_ms", 100, "ms", workload="nation", partitions=CITY_PARTITIONS, competitor=PANTAU, rate=200)),
    TargetLine("publish to visible, the nation on 12 partitions, 1,000 events/s, 99 of 100", "200 ms", _at_most("delay", "p99_ms", 200, "ms", workload="nation", partitions=CITY_PARTITIONS, competitor=PANTAU, rate=1_000)),
    TargetLine("single events into one process, 1,000 events/s, 99 of 100", "50 ms", _at_most("intake", "p99_ms", 50, "ms", events_per_request=1, rate=1_000)),
    TargetLine("batches of 500 events into one process", "20,000 events/s", _at_least("intake", "events_per_second", 20_000, "events/s", events_per_request=500)),
    TargetLine("HTTP `POST` to the change at a client of the stream, 100 events/s, 99 of 100", "200 ms", _at_most("streams", "p99_ms", 200, "ms", rate=100)),
    TargetLine("HTTP `POST` to the change at the last of 2,000 clients, 99 of 100", "1,000 ms", _at_most("streams", "p99_ms", 1_000, "ms", listeners=2_000, stopped=0)),
    TargetLine("the same beside 500 more that read nothing", "1,000 ms", _at_most("streams", "p99_ms", 1_000, "ms", listeners=2_000, stopped=500)),
    TargetLine("HTTP `POST` acknowledged beside 200 connections without a key that do the worst, 99 of 100", "500 ms", _at_most("strangers", "acknowledged_p99_ms", 500, "ms", crowd=CROWD)),
    TargetLine("HTTP `POST` to the change on a live page beside them, 99 of 100", "1,000 ms", _at_most("strangers", "change_p99_ms", 1_000, "ms", crowd=CROWD)),
    TargetLine("memory of one of 2,000 clients of the stream", "60 KiB", _at_most("streams", "kib_per_client", 60, "KiB", listeners=2_000, stopped=0)),
    TargetLine("memory of one of them where every fifth reads nothing", "60 KiB", _at_most("streams", "kib_per_client", 60, "KiB", listeners=2_000, stopped=500)),
    TargetLine("as-of questions at random in a projection of 5,000,000 reports, SQLite, 99 of 100", "50 ms", _asof("SQLite")),
    TargetLine("the same, PostgreSQL", "50 ms", _asof("PostgreSQL")),
    TargetLine("cost of an event from 1 to 514 plans and from 1 to 10 years", "flat within 20 %", _flat),
    TargetLine("memory of a fact", "500 bytes", _memory),
)  # fmt: skip
