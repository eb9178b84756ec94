"""Replay: a competitor comes to a broker full of mail, and does all that is to be done."""

import asyncio
import json
import os
import subprocess
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

from benchmarks import comparison, ground, process_tree, topics
from benchmarks.competitors import COMPETITORS
from benchmarks.ground import Ground
from benchmarks.instrument import Instrument
from benchmarks.peers.peer import Options, Peer, environment
from benchmarks.results import Figure, Measurement
from benchmarks.workloads import Name, quick, workload
from deploy.local import children
from tests.parts.waiting import free_port

LOOK_SECONDS = 0.1
BEGINS = 0.1  # of the work: what comes before is how a competitor warms up
STALLED_SECONDS = 120.0
QUIET_SECONDS = 2.0
TOLD_SECONDS = 60.0


class Sample(NamedTuple):
    """One look, `at` (monotonic seconds): how far `facts` is committed, and processor seconds used so far."""

    at: float
    committed: int
    cpu: float
    broker_cpu: float
    machine_cpu: float


class Run(NamedTuple):
    """A run that was right to the last fact. From 10 % of the facts to all of them unless said otherwise."""

    events_per_second: float
    seconds: float
    first_fact_seconds: float  # from the start of the process
    whole_seconds: float  # from the start of the process to the last fact
    cpu_seconds: float
    broker_cpu_seconds: float
    other_cpu_seconds: float  # of everything else on the machine, the harness included
    cpu_us_per_event: float
    peak_mib: float
    broker_peak_mib: float


class WrongError(Exception):
    """A competitor did something else than the job: it does not count."""


def play(on: Ground, peer: Peer, options: Options) -> Run:
    """One run of a competitor. Raises WrongError when its output is not what is expected."""
    with ground.broker(on) as broker:
        state = broker.folder.parent / "state"
        state.mkdir()
        log = broker.folder.parent / "competitor.log"
        env = environment(broker.bootstrap, ground.PREFIX, on.workload.partitions, state, options)
        env |= {"PANTAU_WORKER_METRICS_PORT": str(free_port()), "PANTAU_STATE": str(state)}
        began = time.monotonic()
        process = children.start(peer.command(options), log=log, env={**os.environ, **env})
        try:
            samples = asyncio.run(_watch(on, broker.bootstrap, process, broker.process.pid))
            used, by_broker = process_tree.used(process.pid), process_tree.used(broker.process.pid)
        except WrongError as wrong:
            raise WrongError(f"{wrong}\n{_tail(log)}") from None
        finally:
            children.stop(process, within_seconds=20)
        found = asyncio.run(comparison.differences(broker.bootstrap, on))
        if found:
            raise WrongError("\n".join(["the output is not what is expected:", *found]))
        return _figures(samples, began, on.expected.accepted, used.peak_mib, by_broker.peak_mib)


async def _watch(on: Ground, bootstrap: str, process: "subprocess.Popen[bytes]", broker: int) -> list[Sample]:
    """Look again and again until everything is written and told."""
    tps = topics.partitions("facts", on.workload.partitions)
    samples: list[Sample] = []
    moved = time.monotonic()
    async with topics.reader(bootstrap) as consumer:
        while True:
            if process.poll() is not None:
                raise WrongError(f"it left with code {process.returncode}")
            committed = await topics.committed(consumer, tps)
            now = time.monotonic()
            if not samples or committed != samples[-1].committed:
                moved = now
            used, by_broker = process_tree.used(process.pid), process_tree.used(broker)
            samples.append(Sample(now, committed, used.cpu_seconds, by_broker.cpu_seconds, process_tree.busy_seconds()))
            if committed >= on.expected.accepted and now - moved > QUIET_SECONDS:
                break
            if now - moved > STALLED_SECONDS:
                raise WrongError(
                    f"nothing moved for {STALLED_SECONDS:.0f} s, at {committed:,} of {on.expected.accepted:,}"
                )
            await asyncio.sleep(LOOK_SECONDS)
        deadline = time.monotonic() + TOLD_SECONDS
        while not await comparison.is_told(bootstrap, on):
            if time.monotonic() > deadline:
                raise WrongError("the last realization of some plan does not cover its last fact")
            await asyncio.sleep(0.5)
    return samples


def _figures(samples: list[Sample], began: float, facts: int, peak: float, broker_peak: float) -> Run:
    end = samples[-1].committed
    last = next(one for one in samples if one.committed == end)
    first = _at(samples, BEGINS * end)
    seconds, events = last.at - first.at, facts * (1 - BEGINS)
    cpu, by_broker = last.cpu - first.cpu, last.broker_cpu - first.broker_cpu
    return Run(
        events_per_second=events / seconds,
        seconds=seconds,
        first_fact_seconds=next(one.at for one in samples if one.committed) - began,
        whole_seconds=last.at - began,
        cpu_seconds=cpu,
        broker_cpu_seconds=by_broker,
        other_cpu_seconds=last.machine_cpu - first.machine_cpu - cpu - by_broker,
        cpu_us_per_event=cpu / events * 1e6,
        peak_mib=peak,
        broker_peak_mib=broker_peak,
    )


def _at(samples: list[Sample], committed: float) -> Sample:
    """The moment at which so much was committed, between the two looks around it."""
    after = next(number for number, one in enumerate(samples) if one.committed >= committed)
    if after == 0:
        return samples[0]
    a, b = samples[after - 1], samples[after]
    share = (committed - a.committed) / (b.committed - a.committed)
    return Sample(*(x + share * (y - x) for x, y in zip(a, b, strict=True)))  # type: ignore[arg-type]


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


UNITS = {
    "events_per_second": "events/s", "cpu_us_per_event": "us", "peak_mib": "MiB", "broker_peak_mib": "MiB",
}  # fmt: skip


def measure(on: Ground, peer: Peer, options: Options, runs: int, name: Name) -> Measurement:
    """Several runs of a competitor at one point of its grid. Raises WrongError."""
    played = []
    for number in range(1, runs + 1):
        played.append(play(on, peer, options))
        print(f"  run {number}: {_told(played[-1])}", flush=True)
    figures = {
        field: Figure(UNITS.get(field, "s"), tuple(round(getattr(run, field), 3) for run in played))  # type: ignore[arg-type]
        for field in Run._fields
    }
    parameters = {
        "workload": name,
        "plans": on.workload.plans,
        "events": on.expected.records,
        "competitor": peer.name,
        "guarantee": peer.guarantee,
        "options": json.dumps(dict(options)),
    }
    return Measurement("replay", parameters, figures)


def _told(run: Run) -> str:
    return (
        f"{run.events_per_second:,.0f} events/s; wall {run.seconds:.1f} s, of processor: competitor {run.cpu_seconds:.1f} s, "
        f"broker {run.broker_cpu_seconds:.1f} s, everything else {run.other_cpu_seconds:.1f} s; "
        f"first fact after {run.first_fact_seconds:.1f} s, peak {run.peak_mib:,.0f} MiB"
    )


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--workload",
        action="append",
        choices=get_args(Name),
        help="what is replayed; may be given again (default: nation)",
    )
    parser.add_argument("--events", type=int, help="so many reports instead of the workload's own number")
    parser.add_argument(
        "--competitor", action="append", choices=list(COMPETITORS), help="may be given again (default: all)"
    )
    parser.add_argument(
        "--grid", action="store_true", help="try every point of the competitors' grids, not the first only"
    )


def _run(arguments: Namespace) -> Iterator[Measurement]:
    for name in arguments.workload or ["nation"]:
        on = ground.prepared(quick(name) if arguments.quick else workload(name, arguments.events))
        for competitor in arguments.competitor or COMPETITORS:
            peer = COMPETITORS[competitor]
            peer.build()
            for options in peer.grid if arguments.grid else peer.grid[:1]:
                print(
                    f"replay of {name}, {on.expected.records:,} events: {competitor} {dict(options) or ''}", flush=True
                )
                try:
                    yield measure(on, peer, options, 1 if arguments.quick else arguments.runs, name)
                except WrongError as wrong:
                    print(f"  does not count: {wrong}", flush=True)


REPLAY = Instrument("replay", "events per second from a full log, beside others that do the same job", _arguments, _run)
