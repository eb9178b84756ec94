"""The floor: what fetching, deciding and folding the mail costs one Python process when nothing is kept.

    python -m benchmarks.peers.floor

It reads as our engine's consumer does and folds with the engine's own `PartitionState`, from the beginning of the
inputs to the ends they have at its start. Then it says what it made of them, in one line of JSON on its standard output,
and waits to be stopped:

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

from services.aggregator.worker.records import Record
from services.aggregator.worker.state import PartitionState
from services.aggregator.worker.transport import CHUNK_RECORDS, FETCH_BYTES
from services.kit.kafka import client_options
from services.kit.settings import Settings, read, require_secret

INPUTS = ("masterplans", "program-status")
BEGINS = 0.1  # of the records: what comes before is how it warms up
OUTCOMES = ("accepted", "duplicate", "conflict", "rejected")


class Floor:
    """The state of every partition, and when it had done how much."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._states = [
            PartitionState(number, settings.partitions, require_secret(settings))
            for number in range(settings.partitions)
        ]
        self._counts = {"outcomes": Counter[str](), "reasons": Counter[str]()}
        self._done = 0

    async def run(self) -> None:
        """Read the inputs to the end, then say what was made of them."""
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_records=CHUNK_RECORDS,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=8 * FETCH_BYTES,
        )
        await consumer.start()
        try:
            tps = [TopicPartition(self._settings.topic_prefix + t, n) for t in INPUTS for n in range(len(self._states))]
            consumer.assign(tps)
            total = sum((await consumer.end_offsets(tps)).values())
            times = await self._read(consumer, total)
        finally:
            await consumer.stop()
        print(json.dumps(self._told(total, *times)), flush=True)

    async def _read(self, consumer: AIOKafkaConsumer, total: int) -> tuple[float, float, float]:
        """Fold everything. Returns how long the first record took, and from `BEGINS` on: seconds, processor seconds."""
        started, first, begun = time.monotonic(), 0.0, (0.0, 0.0)
        while self._done < total:
            for tp, fetched in (await consumer.getmany(timeout_ms=200)).items():
                first = first or time.monotonic()
                self._fold(tp, [Record(r.offset, r.timestamp, r.key, r.value) for r in fetched])
                if begun == (0.0, 0.0) and self._done >= total * BEGINS:
                    begun, from_here = (time.monotonic(), time.process_time()), self._done
        share = (total - from_here) / total / (1 - BEGINS)  # of the work it was to be: a chunk is passed whole
        return first - started, (time.monotonic() - begun[0]) / share, (time.process_time() - begun[1]) / share

    def _fold(self, tp: TopicPartition, records: list[Record]) -> None:
        folded = self._states[tp.partition].fold(tp.topic.removeprefix(self._settings.topic_prefix), records)
        self._counts["outcomes"].update({outcome: getattr(folded, outcome) for outcome in OUTCOMES})
        self._counts["reasons"].update(refused.why.reason.value for refused in folded.refused)
        self._done += len(records)

    def _told(self, total: int, first: float, seconds: float, processor: float) -> dict[str, object]:
        snapshots = [state.snapshot(plan) for state in self._states for plan in state.plans]
        return {
            "records": total,
            "first_seconds": round(first, 3),
            "seconds": round(seconds, 3),
            "processor_seconds": round(processor, 3),
            **self._counts,
            "realization": {one.plan: {"seq": one.seq, "cells": one.cells} for one in snapshots},
        }


async def main() -> None:
    """Do the job once, then wait for SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    work = asyncio.create_task(Floor(read(Settings)).run())
    stop = asyncio.create_task(stopped.wait())
    await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
        await stop
    work.cancel()


if __name__ == "__main__":
    asyncio.run(main())
