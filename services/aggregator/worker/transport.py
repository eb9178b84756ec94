"""Faust's transport with another unit of work: a chunk of records instead of an event.

What differs from Faust's own, and why (measurements in docs/decisions/0007-what-we-keep-of-faust.md):

- `getmany` yields one message per partition and fetch; its value is a chunk, the list of records.
- The inputs are read `read_committed`; partitions are assigned by range, so that equal partition numbers of the three
  topics go to one worker.
- Nothing here commits offsets to the consumer group: the next offsets are in progress records (partition.py). The
  topics have `acks=False`: Faust's compiled stream keeps its own list of acknowledged offsets, which no override can
  reach, and for chunks that list would grow without bound.
- The lag is measured from the consumer's position, which passes transaction markers and aborted records: both have
  offsets, but neither is an input record.
- Each fetch reports the last stable offset and the end offset of a partition. Both are passed to the engine: where they
  differ for long, an open transaction of another client hides records (open_transactions.py).
- An input log that lost records after they were read, when its broker lost its tail, is a fail stop: the same offsets
  now hold other records. The next owner resumes at the log's end (partition.py).
- After a rebalance the consumer does not resume at offsets of the consumer group, which may be stale: the engine takes
  the partitions over and returns the offsets. Nothing is fetched meanwhile; chunks fetched earlier have an older epoch
  and are discarded.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.types import TP, ConsumerMessage

from services.aggregator.worker.fetched_records import as_records, read_as_records
from services.aggregator.worker.library_internals import (
    HookedApp,
    HookedConsumer,
    HookedConsumerThread,
    Transport,
    position_and_stable_end,
)
from services.aggregator.worker.records import InputRecord
from services.kit.fail_stop import fail_stop
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings

REBALANCE_SECONDS = 20.0
# A connection that died unnoticed costs this long, but joining the group may wait for a whole rebalance.
REQUEST_SECONDS = REBALANCE_SECONDS + 10.0
FETCH_SECONDS = 0.2  # how long a fetch may wait for records; a takeover waits for it to end
# aiokafka sends one fetch at a time to a broker. A fetch of idle partitions delays the others by this long.
FETCH_WAIT_MS = 100
CHUNK_RECORDS = 8_000  # about what a fetch of a partition holds; folding so many takes a tenth of a second
FETCH_BYTES = 4 * 1024 * 1024
LOG_APPEND_TIME = 1  # the type of all timestamps on the inputs
ENDS_SECONDS = 0.5  # between reports of end offsets to the engine


@dataclass(slots=True)
class Chunk:
    """Records of one topic and partition, fetched under one ownership of the partition (`epoch`).

    Until the engine has `taken` it, records fetched later are added to it: small chunks become one, in one transaction,
    and a busy partition does not block the others.
    """

    topic: str
    partition: int
    epoch: int
    records: list[InputRecord]
    behind: int  # records in the partition after these, when they were fetched
    taken: bool = False

    def add(self, later: "Chunk") -> bool:
        """Add a later chunk of the same partition. Returns False where this one is taken, full or of another epoch."""
        if self.taken or later.epoch != self.epoch or len(self.records) + len(later.records) > CHUNK_RECORDS:
            return False
        self.records += later.records
        self.behind = later.behind
        return True


class _Fetched(NamedTuple):
    """Records of a partition, and the lag after them in offsets."""

    records: list[InputRecord]
    behind: int


class Takeover(Protocol):
    """What the transport needs of the engine."""

    def epoch(self, partition: int) -> int:
        """A number that changes whenever the partition is taken over or given up."""

    async def take_over(self, partitions: Iterable[int]) -> Mapping[tuple[str, int], int]:
        """Become the owner of partitions. Returns the next offset to read per full topic name and partition."""

    def observe_ends(self, topic: str, partition: int, stable: int, end: int, answer: float) -> None:
        """Record the last stable offset and the end offset of a partition of a topic (full name), from the broker's
        response at that time."""


class TakeoverApp(HookedApp):
    """An app whose consumer connects by `kafka_settings`, and whose partitions `takeover` owns."""

    kafka_settings: KafkaSettings
    takeover: Takeover


class _ConsumerThread(HookedConsumerThread):
    """Faust's consumer thread, with isolation `read_committed`."""

    app: TakeoverApp
    _looked_at = 0.0

    def new_consumer(self, brokers: list[str]) -> AIOKafkaConsumer:
        conf = self.app.conf
        read_as_records()
        return AIOKafkaConsumer(
            **client_options(self.app.kafka_settings, "pantau-worker", request_timeout_ms=int(REQUEST_SECONDS * 1000)),
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=CHUNK_RECORDS,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=8 * FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            retry_backoff_ms=20,
            value_deserializer=as_records,
        )

    def fetched(
        self, consumer: AIOKafkaConsumer, records: Mapping[TopicPartition, list[Any]]
    ) -> dict[TopicPartition, _Fetched]:
        if time.monotonic() - self._looked_at > ENDS_SECONDS:
            self._looked_at = time.monotonic()
            _pass_on_ends(consumer, self.app.takeover)
        return {tp: _Fetched(some, _behind(consumer, tp)) for tp, some in records.items() if some}


def _behind(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    """The lag of a partition in committed offsets, as of the last fetch."""
    known = position_and_stable_end(consumer, tp)
    if known is None:
        return 0  # a rebalance: this worker does not own the partition
    position, stable_end = known
    return max(0, stable_end - position)


def _pass_on_ends(consumer: AIOKafkaConsumer, takeover: Takeover) -> None:
    for tp in consumer.assignment():
        stable, end = consumer.last_stable_offset(tp), consumer.highwater(tp)
        if stable is not None and end is not None:
            takeover.observe_ends(tp.topic, tp.partition, stable, end, consumer.last_poll_timestamp(tp) or 0)


class ChunkConsumer(HookedConsumer):
    """Delivers chunks; commits nothing."""

    app: TakeoverApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fetching = asyncio.Lock()
        self._waiting: dict[TP, Chunk] = {}  # the last chunk of each partition
        self._next: dict[TP, int] = {}  # the offset after the last record fetched of each partition
        self._takeover = self.app.takeover

    def new_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's own signature
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        async with self._fetching:
            active = self.active_partitions()
            epochs = {tp.partition: self._takeover.epoch(tp.partition) for tp in active}
            fetched = await self.fetch(active, min(timeout, FETCH_SECONDS)) if active else {}
        if not active:
            await self.sleep(FETCH_SECONDS)
        for fetched_tp, (records, behind) in (fetched or {}).items():
            if not self.flow_active or self.should_stop:
                return  # a rebalance: the takeover that follows resumes after the last transaction
            tp = TP(*fetched_tp)
            chunk = Chunk(tp.topic, tp.partition, epochs[tp.partition], records, behind)
            waiting = self._waiting.get(tp)
            self._go_on(tp, chunk.records)
            if waiting is None or not waiting.add(chunk):
                self._waiting[tp] = chunk
                yield tp, self._message(tp, records, chunk)

    def _go_on(self, tp: TP, records: list[InputRecord]) -> None:
        """Record the offset read up to; fail stop where it was already beyond these records."""
        if records[0].offset < self._next.get(tp, 0):
            fail_stop(
                f"{tp.topic}-{tp.partition} was read up to offset {self._next[tp]}, and is now read from {records[0].offset} again"
            )
        self._next[tp] = records[-1].offset + 1

    def _message(self, tp: TP, fetched: list[InputRecord], chunk: Chunk) -> ConsumerMessage:
        first, last = fetched[0], fetched[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, first.offset, last.received_ms / 1000, LOG_APPEND_TIME, [], None, chunk,
            None, 0, 0, tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def perform_seek(self) -> None:
        """Take the assigned partitions over, and resume after the last committed transaction."""
        async with self._fetching:
            assigned = self.assignment()
            positions = await self._takeover.take_over({tp.partition for tp in assigned})
            await self.seek_wait({tp: positions[tp.topic, tp.partition] for tp in assigned})
            for tp in assigned:
                self.forget_read_offset(tp)
                self._next[tp] = positions[tp.topic, tp.partition]


class ChunkTransport(Transport):
    """The transport of the aggregator."""

    Consumer = ChunkConsumer
