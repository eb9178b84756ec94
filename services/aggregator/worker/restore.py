"""Reads a partition's state back: its facts up to the end, and its last progress record."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.book import Fact, Progress
from schemas.reading import ReportFact, read_fact
from services.kit.settings import Settings

LOOK_BACK = 64


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    # Without a group the default reset is `latest`: with it the restored state would silently be empty.
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 * 1024 * 1024,
        fetch_max_wait_ms=50,
    )


async def read_to_end(
    settings: Settings,
    topic: str,
    partition: int,
    position: int,
    *,
    on_end: Callable[[int], None] = lambda _: None,
) -> AsyncGenerator[tuple[int, list[Any]]]:
    """Read a partition from `position` to the end it had when asked; gives the position after each batch, and it.

    `on_end` is told the end offset. Positions count control records too, so they may pass the last record by more
    than one.
    """
    tp = TopicPartition(settings.topic_prefix + topic, partition)
    consumer = _consumer(settings)
    try:
        await consumer.start()
        consumer.assign([tp])
        consumer.seek(tp, position)
        end = (await consumer.end_offsets([tp]))[tp]
        on_end(end)
        while position < end:
            fetched = await consumer.getmany(tp, timeout_ms=100)
            position = await consumer.position(tp)
            yield position, fetched.get(tp, [])
    finally:
        await consumer.stop()


async def restore_facts(
    settings: Settings,
    partition: int,
    position: int,
    take: Callable[[ReportFact | Fact], None],
    report: Callable[[int, int], bool],
) -> int:
    """Give every fact from `position` on to `take`. Returns the position reached.

    `report(position, end)` is called after each batch; when it answers False the restore is given up and where it
    stands is returned.
    """
    known_end = position

    def note_end(end: int) -> None:
        nonlocal known_end
        known_end = end

    async with aclosing(read_to_end(settings, "facts", partition, position, on_end=note_end)) as batches:
        async for reached, records in batches:
            for record in records:
                take(read_fact(record.value))
            position = reached
            if not report(position, known_end):
                break
            await asyncio.sleep(0)
    return position


async def last_progress(settings: Settings, partition: int) -> Progress | None:
    """The last progress record of a partition, found by looking back from the end; None when there is none."""
    name, back = "aggregator-progress", LOOK_BACK
    tp = TopicPartition(settings.topic_prefix + name, partition)
    consumer = _consumer(settings)
    try:
        await consumer.start()
        first, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
    finally:
        await consumer.stop()
    while True:
        begin = max(first, end - back)
        found = None
        async for _, records in read_to_end(settings, name, partition, begin):
            if records:
                found = records[-1].value
        if found is not None:
            return Progress.model_validate_json(found, extra="ignore")
        if begin == first:
            return None
        back *= 16
