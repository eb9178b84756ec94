"""Writes many records to a broker as fast as one process can; a workload's records together with the expected output."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from benchmarks import records
from benchmarks.expected import Expected, Reckoning
from benchmarks.workloads import Workload
from schemas.envelope import MEDIA_TYPE
from schemas.topics import MIB
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings

BATCH_BYTES = 512 * 1024
HEADERS = [("content-type", MEDIA_TYPE.encode())]


class ToWrite(NamedTuple):
    """A record, and its partition."""

    partition: int
    key: bytes
    value: bytes | None


@asynccontextmanager
async def producer(bootstrap: str) -> AsyncGenerator[AIOKafkaProducer]:
    """A producer of large batches. It is idempotent, because the expected output relies on offsets."""
    started = AIOKafkaProducer(
        **client_options(KafkaSettings(kafka=bootstrap)),
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        max_request_size=18 * MIB,
    )
    await started.start()
    try:
        yield started
    finally:
        await started.stop()


async def write(
    to: AIOKafkaProducer, topic: str, written: Iterable[ToWrite], headers: Sequence[tuple[str, bytes]] = ()
) -> int:
    """Write records, one batch of each partition at a time. Returns their number when the broker has all."""
    batches: dict[int, Any] = {}
    sent, count, with_headers = [], 0, list(headers)
    for partition, key, value in written:
        count += 1
        if partition not in batches:
            batches[partition] = to.create_batch()
        batch = batches[partition]
        if batch.append(timestamp=None, key=key, value=value, headers=with_headers) is None:
            if batch.record_count():
                sent.append(await to.send_batch(batch, topic, partition=partition))
                await asyncio.sleep(0)  # lets the producer send
            batches[partition] = batch = to.create_batch()
            if batch.append(timestamp=None, key=key, value=value, headers=with_headers) is None:  # larger than a batch
                sent.append(await to.send(topic, value, key, partition=partition, headers=with_headers))
    for partition, batch in batches.items():
        if batch.record_count():
            sent.append(await to.send_batch(batch, topic, partition=partition))
    for each in sent:
        await each
    return count


async def load(workload: Workload, bootstrap: str, prefix: str) -> Expected:
    """Write all of a workload's records to existing topics. Returns the expected output of a competitor."""
    reckoning = Reckoning(workload)

    def reports() -> Iterable[ToWrite]:
        for one in records.reports(workload):
            reckoning.take(one)
            yield ToWrite(one.partition, one.plan.key.encode(), one.value)

    versions = (ToWrite(plan.partition, plan.key.encode(), value) for plan, value in records.versions(workload))
    async with producer(bootstrap) as to:
        await write(to, prefix + "masterplans", versions, HEADERS)
        await write(to, prefix + "program-status", reports(), HEADERS)
    return reckoning.done()
