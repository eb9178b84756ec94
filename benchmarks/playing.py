"""Plays one run: a competitor comes to a broker full of mail and does all that is to be done, while it is watched."""

import asyncio
import os
import time
from typing import NamedTuple

from benchmarks import comparison, ground, output, process_tree, topics
from benchmarks.ground import Ground
from benchmarks.peers.peer import Options, Peer
from benchmarks.running import Competitor, WrongError, competitor

LOOK_SECONDS = 0.1
BEGINS = 0.1  # of the work: what comes before is how a competitor warms up
STALLED_SECONDS = 120.0
QUIET_SECONDS = 2.0
TOLD_SECONDS = 60.0


class Sample(NamedTuple):
    """One look, `at` (monotonic seconds): how far `facts` is committed, and processor seconds used so far."""

    at: float
    committed: float
    cpu: float
    broker_cpu: float
    harness_cpu: float
    machine_cpu: float


class Run(NamedTuple):
    """A run that was right to the last fact. From 10 % of the facts to all of them unless said otherwise."""

    events_per_second: float
    cpu_us_per_event: float
    seconds: float
    cpu_seconds: float
    broker_cpu_seconds: float
    harness_cpu_seconds: float
    other_cpu_seconds: float  # of everything else on the machine: more than a little, and the run was disturbed
    first_fact_seconds: float  # from the start of the process
    whole_seconds: float  # from the start of the process to the last fact
    peak_mib: float
    broker_peak_mib: float
    book_bytes_per_fact: float  # on the broker's disk


def play(on: Ground, peer: Peer, options: Options) -> Run:
    """One run of a competitor. Raises WrongError when its output is not what is expected."""
    with ground.broker(on) as broker:
        broker_pid = broker.process.pid
        began = time.monotonic()
        with competitor(on, broker, peer, options) as running:
            samples = asyncio.run(watch(on, broker.bootstrap, running, broker_pid))
            peaks = process_tree.peak_mib(running.pid), process_tree.peak_mib(broker_pid)
        if found := asyncio.run(output.differences(broker.bootstrap, on)):
            raise WrongError("\n".join(["the output is not what is expected:", *found]))
        book = ground.bytes_of(broker, "facts")
        return _figures(samples, began, on.expected.accepted, *peaks, book)


async def watch(on: Ground, bootstrap: str, running: Competitor, broker_pid: int) -> list[Sample]:
    """Look again and again until all facts are committed and the last realization of every plan covers its last fact."""
    tps = topics.partitions("facts", on.workload.partitions)
    samples: list[Sample] = []
    moved = time.monotonic()
    async with topics.reader(bootstrap) as consumer:
        while True:
            running.check()
            committed = await topics.committed(consumer, tps)
            now = time.monotonic()
            if not samples or committed != samples[-1].committed:
                moved = now
            used, by_broker = process_tree.cpu_seconds(running.pid, broker_pid)
            by_harness, by_all = sum(os.times()[:2]), process_tree.machine_cpu_seconds()
            samples.append(Sample(now, committed, used, by_broker, by_harness, by_all))
            if committed >= on.expected.accepted and now - moved > QUIET_SECONDS:
                break
            if now - moved > STALLED_SECONDS:
                raise WrongError(
                    f"nothing moved for {STALLED_SECONDS:.0f} s, at {committed:,} of {on.expected.accepted:,}"
                )
            await asyncio.sleep(LOOK_SECONDS)
    deadline = time.monotonic() + TOLD_SECONDS
    while not comparison.covers(await output.realizations(bootstrap, on.workload.partitions), on.expected):
        if time.monotonic() > deadline:
            raise WrongError("the last realization of some plan does not cover its last fact")
        await asyncio.sleep(LOOK_SECONDS)
    return samples


def _figures(samples: list[Sample], began: float, facts: int, peak: float, broker_peak: float, book: int) -> Run:
    end = samples[-1].committed
    last = next(one for one in samples if one.committed == end)
    first = _at(samples, BEGINS * end)
    spent = Sample(*(after - before for before, after in zip(first, last, strict=True)))
    events = facts * (1 - BEGINS)
    return Run(
        events_per_second=events / spent.at,
        cpu_us_per_event=spent.cpu / events * 1e6,
        seconds=spent.at,
        cpu_seconds=spent.cpu,
        broker_cpu_seconds=spent.broker_cpu,
        harness_cpu_seconds=spent.harness_cpu,
        other_cpu_seconds=max(0.0, spent.machine_cpu - spent.cpu - spent.broker_cpu - spent.harness_cpu),
        first_fact_seconds=next(one.at for one in samples if one.committed) - began,
        whole_seconds=last.at - began,
        peak_mib=peak,
        broker_peak_mib=broker_peak,
        book_bytes_per_fact=book / facts,
    )


def _at(samples: list[Sample], committed: float) -> Sample:
    """The moment at which so much was committed, between the two looks around it."""
    after = next(number for number, one in enumerate(samples) if one.committed >= committed)
    if after == 0:
        return samples[0]
    a, b = samples[after - 1], samples[after]
    share = (committed - a.committed) / (b.committed - a.committed)
    return Sample(*(x + share * (y - x) for x, y in zip(a, b, strict=True)))
