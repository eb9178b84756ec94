"""Replay: events per second from a full log, of each competitor; and what an event costs ours as plans and years grow."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, get_args

from benchmarks import competitors, measured_run, prepared_broker
from benchmarks.benchmark import Benchmark, Case, measure
from benchmarks.competitors import COMPETITORS, ENGINE, ONE_PROCESS
from benchmarks.results import Measurement
from benchmarks.workloads import NATION, NATION_PARTITIONS, PROGRAMS, PROVINCE, Name, Workload, quick, workload


def _replay(arguments: Namespace) -> Iterator[Measurement]:
    for name in arguments.workload or ["nation"]:
        on = prepared_broker.prepared(quick(name) if arguments.quick else workload(name, arguments.events))
        cases = []
        for competitor, options in competitors.chosen(arguments, COMPETITORS):
            parameters = {
                "workload": name,
                "plans": on.workload.plans,
                "events": on.expected.records,
                "competitor": competitor.name,
                "guarantee": competitor.guarantee,
                "options": competitors.text(options),
            }
            cases.append(Case(parameters, partial(measured_run.play, on, competitor, options)))
        yield from measure("replay", cases, arguments.runs)


def _replay_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--workload", action="append", choices=get_args(Name), help="again for more (default: nation)")
    parser.add_argument("--events", type=int, help="so many reports instead of the workload's own number")
    competitors.arguments(parser, COMPETITORS)


class Point(NamedTuple):
    """A workload of `plans` plans with `years` years of monthly reports."""

    plans: int
    years: int

    @property
    def workload(self) -> Workload:
        """Every program's report of every month, on as many partitions as the nation has."""
        return Workload(self.plans, self.plans * PROGRAMS * 12 * self.years, NATION_PARTITIONS)


# One year from a province to the nation; one to ten years in a province. (One plan's year is done within half a second,
# too short to measure a cost: the city has its ten years.)
POINTS = (Point(1, 10), Point(PROVINCE, 1), Point(PROVINCE, 3), Point(PROVINCE, 10), Point(NATION, 1))


def _growth(arguments: Namespace) -> Iterator[Measurement]:
    for point in POINTS[:1] if arguments.quick else POINTS:
        on = prepared_broker.prepared(quick("city") if arguments.quick else point.workload)
        parameters: dict[str, str | int | float] = {
            "plans": on.workload.plans,
            "years": point.years,
            "facts": on.expected.accepted,
            "competitor": ENGINE.name,
        }

        def run(on: prepared_broker.PreparedBroker = on) -> dict[str, float]:
            found = measured_run.play(on, ENGINE, ONE_PROCESS)
            return {metric: found[metric] for metric in ("events_per_second", "cpu_us_per_event", "peak_mib")}

        yield from measure("growth", [Case(parameters, run)], arguments.runs)


REPLAY = Benchmark(
    "replay", "events per second from a full log, beside others that do the same job", _replay_arguments, _replay
)
GROWTH = Benchmark(
    "growth", "what an event costs, and a fact in memory, as plans and years grow", lambda _: None, _growth
)
