"""The floor: the cost of fetching, deciding and folding the records in one Python process that writes nothing.

    python -m benchmarks.peers.floor

It reads as our engine's consumer does and folds with the engine's own `PartitionState`, from the beginning of the
inputs to the ends they have at its start. Then it prints its result, in one line of JSON on its standard
output, and waits to be stopped:

    records, seconds, processor_seconds      from 10 % of the records to the last, which is what counts
    first_seconds                            from the start of reading to the first record
    outcomes                                 accepted, duplicate, conflict, rejected
    reasons                                  of conflict and rejected, by code
    realization                              plan -> {seq, cells}, as on the topic `realization`
"""

import asyncio
import json
import signal
import time
from collections import Counter

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.process_settings import InstallationSettings
from services.aggregator.worker.records import InputRecord
from services.aggregator.worker.state import PartitionState
from services.aggregator.worker.transport import CHUNK_RECORDS, FETCH_BYTES
from services.kit.kafka import client_options
from services.kit.settings import read, require_secret

INPUTS = ("masterplans", "program-status")
BEGINS = 0.1  # of the records, in which it warms up
OUTCOMES = ("accepted", "duplicate", "conflict", "rejected")


async def fold(settings: InstallationSettings) -> dict[str, object]:
    """Read the inputs to the end. Returns the result to print."""
    count, prefix, secret = settings.partitions, settings.topic_prefix, require_secret(settings)
    states = [PartitionState(number, count, secret) for number in range(count)]
    outcomes, reasons = Counter[str](), Counter[str]()
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=CHUNK_RECORDS,
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=8 * FETCH_BYTES,
    )
    await consumer.start()
    try:
        tps = [TopicPartition(prefix + topic, number) for topic in INPUTS for number in range(count)]
        consumer.assign(tps)
        total = sum((await consumer.end_offsets(tps)).values())
        done, at_beginning, started, first, begun, used = 0, 0, time.monotonic(), 0.0, 0.0, 0.0
        while done < total:
            for tp, fetched in (await consumer.getmany(timeout_ms=200)).items():
                first = first or time.monotonic()
                records = [InputRecord(one.offset, one.timestamp, one.key, one.value) for one in fetched]
                folded = states[tp.partition].fold(tp.topic.removeprefix(prefix), records)
                outcomes.update({outcome: getattr(folded, outcome) for outcome in OUTCOMES})
                reasons.update(refused.why.reason.value for refused in folded.refused)
                done += len(records)
                if not begun and done >= total * BEGINS:
                    begun, used, at_beginning = time.monotonic(), time.process_time(), done
        share = (total - at_beginning) / total / (1 - BEGINS)  # of the work, about: a chunk is processed whole
        seconds, processor = (time.monotonic() - begun) / share, (time.process_time() - used) / share
    finally:
        await consumer.stop()
    snapshots = [state.snapshot(plan) for state in states for plan in state.plans]
    return {
        "records": total,
        "first_seconds": round(first - started, 3),
        "seconds": round(seconds, 3),
        "processor_seconds": round(processor, 3),
        "outcomes": outcomes,
        "reasons": reasons,
        "realization": {one.plan: {"seq": one.seq, "cells": one.cells} for one in snapshots},
    }


async def main() -> None:
    """Do the job once, then wait for SIGTERM, which also ends the job."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    work, stop = asyncio.create_task(fold(read(InstallationSettings))), asyncio.create_task(stopped.wait())
    await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        print(json.dumps(work.result()), flush=True)
        await stop
    work.cancel()


if __name__ == "__main__":
    asyncio.run(main())
