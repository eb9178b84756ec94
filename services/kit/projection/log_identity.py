"""Checks whether a log is the one that tables were built from, and reads topics whole.

Comparing positions is not enough: a log restored from a backup may have grown past them. So the last record read of
each partition is fetched again and compared.

Both functions need a consumer for themselves, and change its assignment.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from services.kit.projection.records import Last, Place, last_of, record_of

POLL_MS = 200
COMPARE_SECONDS = 30.0


class ReadPosition(NamedTuple):
    """The next offset of a partition, and its last record read; None where none was read, or for compacted topics."""

    next: int
    last: Last | None = None


async def differences(
    consumer: AIOKafkaConsumer, read: Mapping[TopicPartition, ReadPosition], compacted: Collection[TopicPartition]
) -> list[str]:
    """How the log differs from the one that was read, as sentences; empty where it does not.

    Records removed by retention or compaction can't be compared and are no difference. Raises TimeoutError when the
    broker does not respond in time.
    """
    begins, ends = await consumer.beginning_offsets(list(read)), await consumer.end_offsets(list(read))
    found, asked = list[str](), dict[TopicPartition, Last]()
    for tp, (following, last) in read.items():
        if following > ends[tp]:
            found.append(f"{_name(tp)} ends at {ends[tp]}, before the offset already read, {following}")
        elif last is not None and last.offset >= begins[tp]:
            asked[tp] = last
    consumer.assign(list(asked))
    for tp, last in asked.items():
        consumer.seek(tp, last.offset)
    async with asyncio.timeout(COMPARE_SECONDS):
        while asked:
            fetched: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(timeout_ms=POLL_MS)
            for tp in list(asked):
                records = fetched.get(tp)
                if not records and await consumer.position(tp) <= asked[tp].offset:
                    continue  # nothing was fetched yet
                wanted = asked.pop(tp)
                there = last_of(record_of(Place(*tp), records[0])) if records else None
                if there == wanted or (tp in compacted and (there is None or there.offset > wanted.offset)):
                    continue
                found.append(f"{_name(tp)} has another record at offset {wanted.offset} than the one read there")
    return found


async def whole(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition], chunk_records: int
) -> AsyncGenerator[dict[TopicPartition, list[ConsumerRecord]]]:
    """All records of partitions, from their beginnings to their current end offsets, where the consumer's positions are
    afterwards."""
    consumer.assign(list(partitions))
    begins, ends = await consumer.beginning_offsets(list(partitions)), await consumer.end_offsets(list(partitions))
    for tp, begin in begins.items():
        consumer.seek(tp, begin)
    left = {tp for tp in partitions if begins[tp] < ends[tp]}
    while left:
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=chunk_records)
        if fetched:
            yield fetched
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}


def _name(tp: TopicPartition) -> str:
    return f"{tp.topic}-{tp.partition}"
