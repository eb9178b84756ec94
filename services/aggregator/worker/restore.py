"""Reads a partition's state back: its facts up to the end, and its last progress record."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.facts import Progress
from services.kit.partition_readers import Readers
from services.kit.projection.facts import DecodedFact, decode_fact

LOOK_BACK = 64
BATCH = 1_000  # records, after which control returns to the event loop


async def read_to_end(
    consumer: AIOKafkaConsumer, tp: TopicPartition, position: int
) -> AsyncGenerator[tuple[int, int, list[Any]]]:
    """Read a partition from `position` to the end offset it has at the call.

    Yields after each batch the position, the end offset and the records. Transaction markers have offsets too, so a
    position may be more than one past the last record.
    """
    consumer.assign([tp])
    consumer.seek(tp, position)
    end = (await consumer.end_offsets([tp]))[tp]
    yield position, end, []
    while position < end:
        fetched = await consumer.getmany(tp, timeout_ms=100, max_records=BATCH)
        position = await consumer.position(tp)
        yield position, end, fetched.get(tp, [])


async def restore_facts(
    consumer: AIOKafkaConsumer,
    tp: TopicPartition,
    position: int,
    take: Callable[[DecodedFact, bytes], None],
    report: Callable[[int, int], bool],
) -> int:
    """Pass every fact from `position` on, with its record's value, to `take`. Returns the position reached.

    `report(position, end)` is called after each batch; when it returns False the restore stops there.
    """
    async with aclosing(read_to_end(consumer, tp, position)) as batches:
        async for reached, end, records in batches:
            for record in records:
                take(decode_fact(record.key, record.value), record.value)
            position = reached
            if not report(position, end):
                break
            await asyncio.sleep(0)
    return position


async def last_progress(readers: Readers, partition: int) -> Progress | None:
    """The last progress record of a partition, searched backwards from the end; None when there is none."""
    tp = TopicPartition(readers.settings.topic_prefix + "aggregator-progress", partition)
    async with readers.consumer() as consumer:
        first, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
        back = LOOK_BACK
        while True:
            begin = max(first, end - back)
            found = None
            async for _, _, records in read_to_end(consumer, tp, begin):
                if records:
                    found = records[-1].value
            if found is not None:
                return Progress.model_validate_json(found, extra="ignore")
            if begin == first:
                return None
            back *= 16
