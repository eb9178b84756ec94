"""Whether a log is the one that tables were made from, and topics read whole.

A position alone does not say: a log restored from a backup may have grown past it. So the last record that was read
of each partition is fetched again and compared.

Both functions use a consumer that does nothing else meanwhile, and leave it with another assignment.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from services.kit.projection.records import Last, Place, last_of, record_of

POLL_MS = 200
COMPARE_SECONDS = 30.0


class ReadPosition(NamedTuple):
    """How far a partition was read: the next offset, and the last record; None where none was, or that is not kept."""

    next: int
    last: Last | None = None


async def differences(
    consumer: AIOKafkaConsumer, read: Mapping[TopicPartition, ReadPosition], compacted: Collection[TopicPartition]
) -> list[str]:
    """How the log differs from the one of which so much was read; empty where it does not.

    What is gone for its age can't be compared, nor can what compaction has removed; neither is a difference. Raises
    TimeoutError when the broker does not answer in time.
    """
    begins, ends = await consumer.beginning_offsets(list(read)), await consumer.end_offsets(list(read))
    found, asked = list[str](), dict[TopicPartition, Last]()
    for tp, (following, last) in read.items():
        if following > ends[tp]:
            found.append(f"{_name(tp)} ends at {ends[tp]} before what was read of it, up to {following}")
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
                    continue  # nothing came yet
                wanted = asked.pop(tp)
                there = last_of(record_of(Place(*tp), records[0])) if records else None
                if there == wanted or (tp in compacted and (there is None or there.offset > wanted.offset)):
                    continue
                found.append(f"{_name(tp)} holds another record at {wanted.offset} than was read there")
    return found


async def whole(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition], chunk_records: int
) -> AsyncGenerator[dict[TopicPartition, list[ConsumerRecord]]]:
    """All records of partitions, from their beginnings to where they end now. Afterwards the consumer's positions are
    there."""
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
