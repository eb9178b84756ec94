"""The internals of Faust and aiokafka that the worker uses: overridden hooks, private attributes and undocumented
modules.

No other file of the services uses any, except services/kit/kafka_refusals.py for one connection, since the kit imports
nothing of the worker. pyproject.toml pins the versions exactly. tests/contract/test_library_internals.py lists each
name with its purpose, and fails with that text where a library no longer has it.
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

# ── Faust ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class HookedApp(faust.App):
    """A Faust app whose subclass makes the transport. It creates no folder for Faust's tables."""

    @abstractmethod
    def new_transport(self, brokers: list[URL]) -> Transport:
        """The transport for these brokers."""

    def _new_transport(self) -> Transport:
        return self.new_transport(self.conf.broker_consumer)

    def _create_directories(self) -> None: ...


class HookedWorker(faust.Worker):
    """Faust's worker, whose subclass handles the signals that stop it."""

    @abstractmethod
    async def stop_on(self, signal: signal.Signals) -> None:
        """End the process on this signal."""

    def _schedule_shutdown(self, signal: signal.Signals) -> None:
        self._stopping = asyncio.ensure_future(self.stop_on(signal), loop=self.loop)


class HookedConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread, whose subclass makes the consumer and converts each fetch."""

    @abstractmethod
    def new_consumer(self, brokers: list[str]) -> AIOKafkaConsumer:
        """A consumer that is not started yet."""

    @abstractmethod
    def fetched(
        self, consumer: AIOKafkaConsumer, records: Mapping[TopicPartition, list[Any]]
    ) -> Mapping[TopicPartition, Any]:
        """The result of `HookedConsumer.fetch` for these records."""

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
    """Faust's consumer, whose subclass makes the thread. It commits no offsets, and keeps no list of acknowledged
    ones."""

    @abstractmethod
    def new_thread(self) -> HookedConsumerThread:
        """The thread that fetches."""

    def active_partitions(self) -> set[TP]:
        """The assigned partitions that are not paused by their streams."""
        return set(self._get_active_partitions())

    async def fetch(self, partitions: set[TP], wait_seconds: float) -> Mapping[TopicPartition, Any]:
        """The records fetched of these partitions, as converted by the thread's `fetched`."""
        return await self._getmany(partitions, wait_seconds)

    def forget_read_offset(self, tp: TP) -> None:
        """Make Faust accept any next offset of a partition, as if nothing had been read of it."""
        self._read_offset[tp] = None

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        return False

    def _new_consumer_thread(self) -> HookedConsumerThread:
        return self.new_thread()

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Keep no list of gaps between acknowledged offsets: it is not needed here."""

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        raise AssertionError("only transactions commit offsets")


# ── aiokafka ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def position_and_stable_end(consumer: AIOKafkaConsumer, tp: TopicPartition) -> tuple[int, int] | None:
    """The consumer's position in a partition, and the partition's last stable offset as of the last fetch (0 before
    any). None where the partition is not assigned or its position is not known yet."""
    assignment = consumer._subscription.subscription.assignment
    state = assignment.state_value(tp) if assignment is not None else None
    if state is None or not state.has_valid_position:
        return None
    return state.position, state.lso or 0


class HookedPartitionRecords(PartitionRecords):
    """The committed records of one partition, in order. Where `as_they_are` says so, they are the batches' own objects,
    and no `ConsumerRecord`s are made of them."""

    def __init__(self, tp: TopicPartition, batches: MemoryRecords, *args: Any) -> None:
        super().__init__(tp, batches, *args)
        if self.as_they_are(batches, self._value_deserializer):
            self._consumer_record = record_itself

    @abstractmethod
    def as_they_are(self, batches: MemoryRecords, value_deserializer: Any) -> bool:
        """Whether a consumer with this deserializer gets the batches' own objects."""

    def __iter__(self) -> Iterator[Any]:
        return self._records_iterator or iter(())


def record_itself(_: TopicPartition, record: Any) -> Any:
    return record


def read_fetches_with(batches: type[MemoryRecords], records: type[HookedPartitionRecords]) -> None:
    """Make the consumers of this process decode fetched batches and records with these classes."""
    fetcher.MemoryRecords = batches
    fetcher.PartitionRecords = records  # type: ignore[misc]  # a class, replaced by ours


def records_in_python(data: bytes, number: int, readable: Callable[[bytearray], bytearray]) -> Iterator[Any]:
    """The records of one batch (`number`, counted from 1) of the fetched `data`, decoded by aiokafka's pure Python.

    `readable` wraps the uncompressed bytes of the batch before they are decoded.
    """
    batches = _MemoryRecordsPy(data)
    for _ in range(number - 1):
        batches.next_batch()
    batch = _DefaultRecordBatchPy(batches._next_slice or b"")
    batch._maybe_uncompress()
    batch._buffer = readable(batch._buffer)
    return iter(batch)


def compress_fast(encode: Callable[..., bytes] = zstd_encode) -> None:
    """Make this process compress zstd batches at level 1. For facts that takes 0.4 of the time of level 3, aiokafka's
    level, and a few bytes less."""
    vars(sys.modules[DefaultRecordBatchBuilder.__module__])["zstd_encode"] = partial(encode, level=1)
