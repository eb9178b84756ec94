"""Reads what a competitor writes, as any `read_committed` reader would."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.prepared_broker import PREFIX
from schemas.topics import MIB
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings


@asynccontextmanager
async def reader(bootstrap: str) -> AsyncGenerator[AIOKafkaConsumer]:
    """A reader of committed records, of no topic yet."""
    consumer = AIOKafkaConsumer(
        **client_options(KafkaSettings(kafka=bootstrap)),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 * MIB,
        check_crcs=False,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


def partitions(topic: str, count: int) -> list[TopicPartition]:
    """The partitions of a topic, given without prefix."""
    return [TopicPartition(PREFIX + topic, number) for number in range(count)]


async def everything(bootstrap: str, topic: str, count: int) -> AsyncGenerator[Any]:
    """Every record of a topic that is committed now; those of a partition in order."""
    tps = partitions(topic, count)
    async with reader(bootstrap) as consumer:
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        left = {tp for tp in tps if ends[tp]}
        await consumer.seek_to_beginning(*tps)
        while left:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    yield record
            done = {tp for tp in left if await consumer.position(tp) >= ends[tp]}
            consumer.pause(*done)
            left -= done
