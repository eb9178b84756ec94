"""Runs one replay: a competitor processes all records of a prepared broker while its progress is sampled."""

import asyncio
import json
import os
import time
from typing import Any, NamedTuple

from benchmarks import comparison, prepared_broker, process_tree, topics
from benchmarks.benchmark import WrongOutputError
from benchmarks.comparison import LastRealization
from benchmarks.competitor_process import Running, running
from benchmarks.competitors import FLOOR, Competitor, Options
from benchmarks.expected import ACCEPTED, DUPLICATE
from benchmarks.prepared_broker import PreparedBroker
from deploy.local.broker import Broker
from schemas.vocabulary import Reason

LOOK_SECONDS = 0.1
BEGINS = 0.1  # of the work, in which a competitor warms up
STALLED_SECONDS = 120.0
QUIET_SECONDS = 2.0
REALIZATION_SECONDS = 60.0


class Sample(NamedTuple):
    """One sample, `at` (monotonic seconds): how far `facts` is committed, and CPU seconds used so far."""

    at: float
    committed: float
    cpu: float
    broker_cpu: float
    harness_cpu: float
    machine_cpu: float


def play(on: PreparedBroker, competitor: Competitor, options: Options) -> dict[str, float]:
    """The figures of one run, from 10 % of the facts to all of them unless noted otherwise.

    events_per_second, cpu_us_per_event, seconds, cpu_seconds, broker_cpu_seconds, harness_cpu_seconds;
    other_cpu_seconds of everything else on the machine: more than a little, and the run was disturbed;
    first_fact_seconds and whole_seconds from the start of the process to the first and the last fact;
    peak_mib, broker_peak_mib; book_bytes_per_fact on the broker's disk.

    Raises WrongOutputError when its output is not what is expected.
    """
    with prepared_broker.broker(on) as broker:
        began = time.monotonic()
        with running(on, broker, competitor, options) as process:
            if competitor is FLOOR:
                output = _printed(process, on)
                found, figures = _floor_differences(output, on), _floor_figures(output, time.monotonic() - began)
            else:
                samples = asyncio.run(watch(on, broker, process))
                found, figures = [], _figures(samples, began, on.expected.accepted)
            peaks = process_tree.peak_mib(process.pid), process_tree.peak_mib(broker.process.pid)
        if competitor is not FLOOR:
            found = asyncio.run(comparison.differences(broker.bootstrap, on))
        if found:
            raise WrongOutputError("\n".join(["the output is not what is expected:", *found]))
        on_disk = prepared_broker.bytes_of(broker, "facts") / on.expected.accepted
    return figures | {"peak_mib": peaks[0], "broker_peak_mib": peaks[1], "book_bytes_per_fact": on_disk}


async def watch(on: PreparedBroker, broker: Broker, process: Running) -> list[Sample]:
    """Sample until all facts are committed and the last realization of every plan covers its last fact."""
    tps, facts = topics.partitions("facts", on.workload.partitions), on.expected.accepted
    samples: list[Sample] = []
    moved = time.monotonic()
    async with topics.reader(broker.bootstrap) as consumer:
        while True:
            process.check()
            committed = sum((await consumer.end_offsets(tps)).values())  # transaction markers take offsets, too
            now = time.monotonic()
            if not samples or committed != samples[-1].committed:
                moved = now
            cpu, broker_cpu = process_tree.cpu_seconds(process.pid, broker.process.pid)
            harness_cpu, machine_cpu = sum(os.times()[:2]), process_tree.machine_cpu_seconds()
            samples.append(Sample(now, committed, cpu, broker_cpu, harness_cpu, machine_cpu))
            if committed >= facts and now - moved > QUIET_SECONDS:
                break
            if now - moved > STALLED_SECONDS:
                raise WrongOutputError(f"no progress for {STALLED_SECONDS:.0f} s, at {committed:,} of {facts:,}")
            await asyncio.sleep(LOOK_SECONDS)
    deadline = time.monotonic() + REALIZATION_SECONDS
    while not comparison.covers(await comparison.realizations(broker.bootstrap, on.workload.partitions), on.expected):
        if time.monotonic() > deadline:
            raise WrongOutputError("the last realization of some plan does not cover its last fact")
        await asyncio.sleep(LOOK_SECONDS)
    return samples


def _figures(samples: list[Sample], began: float, facts: int) -> dict[str, float]:
    end = samples[-1].committed
    last = next(one for one in samples if one.committed == end)
    spent = Sample(*(after - before for before, after in zip(_at(samples, BEGINS * end), last, strict=True)))
    events = facts * (1 - BEGINS)
    return {
        "events_per_second": events / spent.at,
        "cpu_us_per_event": spent.cpu / events * 1e6,
        "seconds": spent.at,
        "cpu_seconds": spent.cpu,
        "broker_cpu_seconds": spent.broker_cpu,
        "harness_cpu_seconds": spent.harness_cpu,
        "other_cpu_seconds": max(0.0, spent.machine_cpu - spent.cpu - spent.broker_cpu - spent.harness_cpu),
        "first_fact_seconds": next(one.at for one in samples if one.committed) - began,
        "whole_seconds": last.at - began,
    }


def _at(samples: list[Sample], committed: float) -> Sample:
    """The sample at the time when so much was committed, interpolated between two samples."""
    after = next(number for number, one in enumerate(samples) if one.committed >= committed)
    if after == 0:
        return samples[0]
    a, b = samples[after - 1], samples[after]
    share = (committed - a.committed) / (b.committed - a.committed)
    return Sample(*(x + share * (y - x) for x, y in zip(a, b, strict=True)))


def _printed(process: Running, on: PreparedBroker) -> dict[str, Any]:
    """The line that the floor prints at its end (benchmarks/peers/floor.py); waits as long as a slow one would need."""
    deadline = time.monotonic() + STALLED_SECONDS + on.expected.records / 2_000
    while time.monotonic() < deadline:
        process.check()
        for line in process.output.splitlines():
            if line.startswith('{"records"') and line.endswith("}"):
                output: dict[str, Any] = json.loads(line)
                return output
        time.sleep(LOOK_SECONDS)
    raise WrongOutputError("it prints no result")


def _floor_figures(output: dict[str, Any], whole_seconds: float) -> dict[str, float]:
    """It measures itself; nothing else of ours runs meanwhile."""
    events = output["records"] * (1 - BEGINS)
    return {
        "events_per_second": events / output["seconds"],
        "cpu_us_per_event": output["processor_seconds"] / events * 1e6,
        "seconds": output["seconds"],
        "cpu_seconds": output["processor_seconds"],
        "broker_cpu_seconds": 0.0,
        "harness_cpu_seconds": 0.0,
        "other_cpu_seconds": 0.0,
        "first_fact_seconds": output["first_seconds"],
        "whole_seconds": whole_seconds,
    }


def _floor_differences(output: dict[str, Any], on: PreparedBroker) -> list[str]:
    """How the floor's output differs from the expected one. Empty: not at all."""
    counts = dict(on.expected.counts)
    duplicate, conflict = counts.pop(DUPLICATE), counts.pop(Reason.CONFLICT.value)
    rejected = sum(counts.values()) - counts[ACCEPTED]
    wanted = {"accepted": on.expected.accepted, "duplicate": duplicate, "conflict": conflict, "rejected": rejected}
    found = [] if output["outcomes"] == wanted else [f"outcomes {output['outcomes']}, expected {wanted}"]
    written = {plan: LastRealization(plan, one["seq"], one["cells"]) for plan, one in output["realization"].items()}
    if not comparison.covers(written, on.expected):
        found.append("it counted other facts")
    return found + comparison.of_realizations(written, on.expected)
