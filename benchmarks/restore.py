"""Restore: how long a worker takes to have its state back from the book, beside stock Faust and its table."""

import asyncio
import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from benchmarks import ground, playing, points, process_tree, results
from benchmarks.competitors import COMPETITORS
from benchmarks.engine import ONE_PROCESS, PANTAU
from benchmarks.ground import Ground
from benchmarks.instrument import Instrument
from benchmarks.peers.peer import Options, Peer
from benchmarks.results import Figure, Measurement, Unit
from benchmarks.running import Competitor, WrongError, competitor
from benchmarks.workloads import quick, workload

Json = dict[str, Any]

EVENTS = 300_000
WITHIN_SECONDS = 900.0
LOOK_SECONDS = 0.1


class Restored(NamedTuple):
    """One restore, by the competitor's own account, and from the start of its process to the end of the restore."""

    facts_per_second: float
    records_per_second: float  # as many as facts, or all that a table's log holds for them
    seconds: float
    ready_seconds: float
    cpu_us_per_fact: float  # the start of the process included
    peak_mib: float


Account = Callable[[list[Json], Ground], tuple[int, int, float] | None]


def _of_the_engine(said: list[Json], on: Ground) -> tuple[int, int, float] | None:
    """Facts, records that were read for them, and seconds from the first partition's beginning to the last one's end, once all are taken over."""
    begun = [one["at"] for one in said if one["message"] == "restoring"]
    # Of several processes the first takes all partitions, until the next one joins: what counts is who has them at last.
    over = {one["partition"]: one for one in said if one["message"] == "partition taken over"}
    facts = sum(one["facts"] for one in over.values())
    if len(over) < on.workload.partitions or facts < on.expected.accepted:
        return None
    taken = datetime.fromisoformat(max(one["at"] for one in over.values())) - datetime.fromisoformat(min(begun))
    return facts, facts, taken.total_seconds()


def _of_faust(said: list[Json], _: Ground) -> tuple[int, int, float] | None:
    """Facts, records that were read for them, and seconds of the recovery, as Faust itself has measured it."""
    told = next((one for one in said if "recovered_records" in one), None)
    return None if told is None else (told["facts"], told["recovered_records"], told["seconds"])


ACCOUNTS: dict[str, Account] = {PANTAU: _of_the_engine, "stock-faust": _of_faust}


def play(on: Ground, peer: Peer, options: Options, runs: int) -> Iterator[Restored]:
    """Let a competitor do all the work of a ground, then start it again, so many times, with nothing but the broker."""
    with ground.broker(on) as broker:
        with competitor(on, broker, peer, options) as running:
            asyncio.run(playing.watch(on, broker.bootstrap, running, broker.process.pid))
        for _ in range(runs):
            began = time.monotonic()
            with competitor(on, broker, peer, options) as running:
                facts, records, seconds = _listen(running, on, ACCOUNTS[peer.name])
                ready = time.monotonic() - began
                (cpu,), peak = process_tree.cpu_seconds(running.pid), process_tree.peak_mib(running.pid)
            if facts != on.expected.accepted:
                raise WrongError(f"it restored {facts:,} facts of {on.expected.accepted:,}")
            yield Restored(facts / seconds, records / seconds, seconds, ready, cpu / facts * 1e6, peak)


def _listen(running: Competitor, on: Ground, account: Account) -> tuple[int, int, float]:
    """Wait for a restore; what the competitor says of it."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while (told := account(_said(running), on)) is None:
        if time.monotonic() > deadline:
            raise WrongError(f"it has not restored within {WITHIN_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    return told


def _said(running: Competitor) -> list[Json]:
    """The lines of JSON a competitor has written so far."""
    running.check()
    return [json.loads(line) for line in running.said.splitlines() if line.startswith("{") and line.endswith("}")]


def measure(on: Ground, peer: Peer, options: Options, runs: int) -> Measurement:
    """Several restores of one competitor."""
    played = []
    for number, one in enumerate(play(on, peer, options, runs), 1):
        played.append(one)
        print(f"  run {number}: {one.facts_per_second:,.0f} facts/s in {one.seconds:.1f} s", flush=True)
    units: dict[str, Unit] = {
        "facts_per_second": "facts/s",
        "records_per_second": "1",
        "cpu_us_per_fact": "us",
        "peak_mib": "MiB",
    }
    figures = {
        field: Figure(units.get(field, "s"), tuple(round(getattr(run, field), 3) for run in played))
        for field in Restored._fields
    }
    parameters: dict[str, str | int] = {
        "facts": on.expected.accepted,
        "plans": on.workload.plans,
        "competitor": peer.name,
        "options": points.text(options),
    }
    return Measurement("restore", parameters, figures)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=EVENTS, help="reports in the book (default: %(default)s)")
    parser.add_argument(
        "--competitor", action="append", choices=list(ACCOUNTS), help="may be given again (default: all)"
    )


def _run(arguments: Namespace) -> Iterator[Measurement]:
    on = ground.prepared(quick("nation") if arguments.quick else workload("nation", arguments.events))
    for name in arguments.competitor or ACCOUNTS:
        peer = COMPETITORS[name]
        peer.build()
        best = points.best_known(peer, results.read(arguments.results))
        for options in [ONE_PROCESS, best] if name == PANTAU and best != ONE_PROCESS else [best]:
            print(f"restore of {on.expected.accepted:,} facts: {name} {points.text(options)}", flush=True)
            yield measure(on, peer, options, 1 if arguments.quick else arguments.runs)


RESTORE = Instrument("restore", "facts per second when a worker gets its state back", _arguments, _run)
