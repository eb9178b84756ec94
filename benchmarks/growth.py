"""Growth: what an event costs our engine, and a fact in memory, from one plan to the nation and from one year to ten."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks import ground, playing
from benchmarks.engine import ENGINE, ONE_PROCESS, PANTAU
from benchmarks.ground import Ground
from benchmarks.instrument import Instrument
from benchmarks.results import Figure, Measurement
from benchmarks.workloads import NATION, NATION_PARTITIONS, PROGRAMS, PROVINCE, Workload, quick


class Point(NamedTuple):
    """So many plans with so many years of monthly reports."""

    plans: int
    years: int

    @property
    def workload(self) -> Workload:
        """Every program's report of every month, on as many partitions as the nation has."""
        return Workload(self.plans, self.plans * PROGRAMS * 12 * self.years, NATION_PARTITIONS)


# One year from a province to the nation; one to ten years in a province. (One plan's year is done within half a second,
# too short to tell a cost by: the city has its ten years.)
POINTS = (Point(1, 10), Point(PROVINCE, 1), Point(PROVINCE, 3), Point(PROVINCE, 10), Point(NATION, 1))


def measure(point: Point, on: Ground, runs: int) -> Measurement:
    """Several replays by our engine."""
    played = []
    for number in range(1, runs + 1):
        played.append(playing.play(on, ENGINE, ONE_PROCESS))
        told = played[-1]
        print(f"  run {number}: {told.cpu_us_per_event:.1f} us an event, peak {told.peak_mib:,.0f} MiB", flush=True)
    figures = {
        "events_per_second": Figure("events/s", tuple(round(run.events_per_second, 1) for run in played)),
        "cpu_us_per_event": Figure("us", tuple(round(run.cpu_us_per_event, 2) for run in played)),
        "peak_mib": Figure("MiB", tuple(round(run.peak_mib, 1) for run in played)),
    }
    parameters: dict[str, str | int] = {
        "plans": on.workload.plans,
        "years": point.years,
        "facts": on.expected.accepted,
        "competitor": PANTAU,
    }
    return Measurement("growth", parameters, figures)


def _arguments(_: ArgumentParser) -> None:
    """None: the points are what is published."""


def _run(arguments: Namespace) -> Iterator[Measurement]:
    if arguments.quick:
        yield measure(Point(1, 1), ground.prepared(quick("city")), 1)
        return
    for point in POINTS:
        print(f"growth: {point.plans} plans, {point.years} years, {point.workload.reports:,} reports", flush=True)
        yield measure(point, ground.prepared(point.workload), arguments.runs)


GROWTH = Instrument("growth", "what an event costs, and a fact in memory, as plans and years grow", _arguments, _run)
