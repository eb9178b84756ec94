"""Restore: how long a worker takes to restore its state from the facts log, beside stock Faust and its table."""

import asyncio
import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from benchmarks import competitors, measured_run, prepared_broker, process_tree
from benchmarks.benchmark import Benchmark, Case, WrongOutputError, measure
from benchmarks.competitor_process import Running, running
from benchmarks.competitors import ENGINE, ONE_PROCESS, STOCK_FAUST, Competitor, Options
from benchmarks.prepared_broker import PreparedBroker
from benchmarks.results import Measurement
from benchmarks.workloads import quick, workload
from deploy.local.broker import Broker

Json = dict[str, Any]

EVENTS = 300_000
WITHIN_SECONDS = 900.0
LOOK_SECONDS = 0.1


class Account(NamedTuple):
    """A restore as a competitor reports it: facts, records read for them, seconds from beginning to end."""

    facts: int
    records: int
    seconds: float


def _of_the_engine(lines: list[Json], on: PreparedBroker) -> Account | None:
    """From the start of the first partition's restore to the end of the last one's, once all are assigned."""
    begun = [one["at"] for one in lines if one["message"] == "restoring"]
    # The first of several processes is assigned all partitions until the next one joins; the final assignment counts.
    over = {one["partition"]: one for one in lines if one["message"] == "partition taken over"}
    facts = sum(one["facts"] for one in over.values())
    if len(over) < on.workload.partitions or facts < on.expected.accepted:
        return None
    taken = datetime.fromisoformat(max(one["at"] for one in over.values())) - datetime.fromisoformat(min(begun))
    return Account(facts, facts, taken.total_seconds())


def _of_faust(lines: list[Json], _: PreparedBroker) -> Account | None:
    """As Faust itself measures its recovery."""
    recovered = next((one for one in lines if "recovered_records" in one), None)
    return (
        None if recovered is None else Account(recovered["facts"], recovered["recovered_records"], recovered["seconds"])
    )


ACCOUNTS: dict[str, Callable[[list[Json], PreparedBroker], Account | None]] = {
    ENGINE.name: _of_the_engine,
    STOCK_FAUST.name: _of_faust,
}


def restore(on: PreparedBroker, broker: Broker, competitor: Competitor, options: Options) -> dict[str, float]:
    """Restart a competitor that has done all the work, with an empty folder."""
    began = time.monotonic()
    with running(on, broker, competitor, options) as process:
        facts, records, seconds = _wait(process, on, competitor)
        ready = time.monotonic() - began
        (cpu,), peak = process_tree.cpu_seconds(process.pid), process_tree.peak_mib(process.pid)
    if facts != on.expected.accepted:
        raise WrongOutputError(f"it restored {facts:,} facts of {on.expected.accepted:,}")
    return {
        "facts_per_second": facts / seconds,
        "records_per_second": records / seconds,
        "seconds": seconds,
        "ready_seconds": ready,
        "cpu_us_per_fact": cpu / facts * 1e6,  # the start of the process included
        "peak_mib": peak,
    }


def _wait(process: Running, on: PreparedBroker, competitor: Competitor) -> Account:
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        process.check()
        lines = [line for line in process.output.splitlines() if line.startswith("{") and line.endswith("}")]
        if account := ACCOUNTS[competitor.name]([json.loads(line) for line in lines], on):
            return account
        time.sleep(LOOK_SECONDS)
    raise WrongOutputError(f"it has not restored within {WITHIN_SECONDS:.0f} s")


def _run(arguments: Namespace) -> Iterator[Measurement]:
    on = prepared_broker.prepared(quick("nation") if arguments.quick else workload("nation", arguments.events))
    for competitor, best in competitors.chosen(arguments, ACCOUNTS):
        for options in [ONE_PROCESS, best] if competitor is ENGINE and best != ONE_PROCESS else [best]:
            parameters: dict[str, str | int | float] = {
                "facts": on.expected.accepted,
                "plans": on.workload.plans,
                "competitor": competitor.name,
                "options": competitors.text(options),
            }
            with prepared_broker.broker(on) as broker:
                with running(on, broker, competitor, options) as process:
                    asyncio.run(measured_run.watch(on, broker, process))
                case = Case(parameters, partial(restore, on, broker, competitor, options))
                yield from measure("restore", [case], arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=EVENTS, help="reports in the log (default: %(default)s)")
    competitors.arguments(parser, ACCOUNTS)


RESTORE = Benchmark("restore", "facts per second when a worker restores its state", _arguments, _run)
