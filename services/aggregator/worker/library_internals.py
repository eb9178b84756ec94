"""What the worker takes from the insides of Faust and aiokafka: hooks that it overrides, private attributes, and modules that
are not documented. No other file of the services uses any of them, but for the connection that
services/kit/kafka_refusals.py makes: the kit imports nothing of the worker.

pyproject.toml pins the versions exactly. tests/contract/test_library_internals.py lists each name with what it is used
for, and fails with that text where a library no longer has it.
"""

import asyncio
import signal
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.codec import zstd_encode
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.protocol.api import Request, RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport, server_list
from faust.types import TP
from yarl import URL

__all__ = [
    "AIOKafkaClient",
    "Boolean",
    "CompactArray",
    "CompactBytes",
    "CompactString",
    "ConnectionGroup",
    "CoordinationType",
    "DefaultRecordBatchBuilder",
    "HookedApp",
    "HookedConsumer",
    "HookedConsumerThread",
    "HookedPartitionRecords",
    "HookedWorker",
    "InitProducerIdRequest",
    "Int16",
    "Int32",
    "Int64",
    "MemoryRecords",
    "Request",
    "RequestStruct",
    "Response",
    "ResponseHeader_v0",
    "Schema",
    "TaggedFields",
    "Transport",
    "compress_fast",
    "position_and_stable_end",
    "read_fetches_with",
    "records_in_python",
]

# ── Faust: where the worker changes what it does ─────────────────────────────────────────────────────────────────────


class HookedApp(faust.App):
    """A Faust app over a transport of the subclass, without the folder of Faust's tables."""

    @abstractmethod
    def new_transport(self, brokers: list[URL]) -> Transport:
        """The transport for these brokers."""

    def _new_transport(self) -> Transport:
        return self.new_transport(self.conf.broker_consumer)

    def _create_directories(self) -> None: ...


class HookedWorker(faust.Worker):
    """Faust's worker, stopped by the subclass."""

    @abstractmethod
    async def stop_on(self, signal: signal.Signals) -> None:
        """End the process, which has received this signal."""

    def _schedule_shutdown(self, signal: signal.Signals) -> None:
        self._stopping = asyncio.ensure_future(self.stop_on(signal), loop=self.loop)


class HookedConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread; the subclass makes its consumer and sees each fetch."""

    @abstractmethod
    def new_consumer(self, brokers: list[str]) -> AIOKafkaConsumer:
        """The consumer of the worker, not started yet."""

    @abstractmethod
    def fetched(
        self, consumer: AIOKafkaConsumer, records: Mapping[TopicPartition, list[Any]]
    ) -> Mapping[TopicPartition, Any]:
        """What `HookedConsumer.fetch` gives for these records."""

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        return self.new_consumer(server_list(transport.url, transport.default_port))

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's own signature
        max_records: int | None = None,
    ) -> Mapping[TopicPartition, Any]:
        records = await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=max_records)
        return self.fetched(consumer, records)


class HookedConsumer(Consumer):
    """Faust's consumer, with a thread of the subclass. It commits nothing, and keeps no list of what could be."""

    @abstractmethod
    def new_thread(self) -> HookedConsumerThread:
        """The thread that fetches."""

    def active_partitions(self) -> set[TP]:
        """The assigned partitions whose streams take more."""
        return set(self._get_active_partitions())

    async def fetch(self, partitions: set[TP], wait_seconds: float) -> Mapping[TopicPartition, Any]:
        """What came of these partitions, as the thread's `fetched` gives it."""
        return await self._getmany(partitions, wait_seconds)

    def forget_read_offset(self, tp: TP) -> None:
        """Have Faust take whatever comes next of a partition, as if nothing had been read of it."""
        self._read_offset[tp] = None

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        return False

    def _new_consumer_thread(self) -> HookedConsumerThread:
        return self.new_thread()

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust's list of gaps between acknowledged offsets, which nobody needs here."""

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        raise AssertionError("only transactions commit offsets")


# ── aiokafka ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def position_and_stable_end(consumer: AIOKafkaConsumer, tp: TopicPartition) -> tuple[int, int] | None:
    """The offset up to which a partition was handed out, and its last stable offset as the last fetch has seen it (0
    before any). None where the partition is not assigned, or its position not known yet."""
    assignment = consumer._subscription.subscription.assignment
    state = assignment.state_value(tp) if assignment is not None else None
    if state is None or not state.has_valid_position:
        return None
    return state.position, state.lso or 0


class HookedPartitionRecords(PartitionRecords):
    """The records of one partition, in order, as far as they are committed; where the subclass says so they are what the
    batches hold, and no `ConsumerRecord` is made of them."""

    def __init__(self, tp: TopicPartition, batches: MemoryRecords, *args: Any) -> None:
        super().__init__(tp, batches, *args)
        if self.as_they_are(batches, self._value_deserializer):
            self._consumer_record = record_itself

    @abstractmethod
    def as_they_are(self, batches: MemoryRecords, value_deserializer: Any) -> bool:
        """Whether records are given as they are to a consumer with this deserializer."""

    def __iter__(self) -> Iterator[Any]:
        return self._records_iterator or iter(())


def record_itself(_: TopicPartition, record: Any) -> Any:
    return record


def read_fetches_with(batches: type[MemoryRecords], records: type[HookedPartitionRecords]) -> None:
    """Have the consumers of this process split what they fetch of a partition into batches and records by these classes."""
    fetcher.MemoryRecords = batches
    fetcher.PartitionRecords = records  # type: ignore[misc]  # a class, for which ours is put


def records_in_python(data: bytes, number: int, readable: Callable[[bytearray], bytearray]) -> Iterator[Any]:
    """The records of one of the batches (counted from 1) in the fetched `data`, read by aiokafka's own Python.

    `readable` is what the bytes of the batch, uncompressed, are read through.
    """
    batches = _MemoryRecordsPy(data)
    for _ in range(number - 1):
        batches.next_batch()
    batch = _DefaultRecordBatchPy(batches._next_slice or b"")
    batch._maybe_uncompress()
    batch._buffer = readable(batch._buffer)
    return iter(batch)


def compress_fast(encode: Callable[..., bytes] = zstd_encode) -> None:
    """Have batches with zstd compressed at level 1 in this process: facts in 0.4 of the time of level 3, which aiokafka
    takes, and in a few bytes less."""
    vars(sys.modules[DefaultRecordBatchBuilder.__module__])["zstd_encode"] = partial(encode, level=1)
