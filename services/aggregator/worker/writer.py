"""The one writer of a partition: a transactional producer whose id belongs to the partition.

Opening it fences the former owner and ends its transaction. A transaction carries facts, rejects, snapshots, progress
and the consumed offsets together, or nothing.
"""

from collections.abc import Iterable
from contextlib import suppress

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.producer import sender
from aiokafka.structs import OffsetAndMetadata

from schemas.topics import MIB, PLAN_VERSION_LIMIT, ROOM
from services.aggregator.worker.records import Message
from services.kit.settings import Settings

TRANSACTION_TIMEOUT_MS = 20_000
REQUEST_TIMEOUT_MS = 8_000  # a connection that died without a word is given up while its transaction still lives
BATCH_BYTES = MIB // 2

# After a commit the broker still writes the transaction's markers, for a few ms, and refuses the next transaction of the
# same id until then. aiokafka asks again after 20 ms, which is half of the delay at 200 events a second on one partition.
assert sender.BACKOFF_OVERRIDE == 0.02, "aiokafka waits another time now: look again"
sender.BACKOFF_OVERRIDE = 0.005


def group_id(settings: Settings) -> str:
    """The consumer group of the aggregator."""
    return f"{settings.topic_prefix}aggregator"


class PartitionWriter:
    """Writes the transactions of one partition number."""

    def __init__(self, settings: Settings, partition: int) -> None:
        self._settings = settings
        self._partition = partition
        self._producer: AIOKafkaProducer | None = None

    @property
    def transactional_id(self) -> str:
        return f"{self._settings.topic_prefix}aggregator-{self._partition}"

    async def open(self) -> None:
        """Become the only writer of the partition. A former owner is fenced, its open transaction aborted."""
        await self.close()
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka,
            client_id=self.transactional_id,
            transactional_id=self.transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            compression_type="zstd",  # a third of the time of lz4, which aiokafka asks for its best, and half the bytes
            max_batch_size=BATCH_BYTES,
            max_request_size=PLAN_VERSION_LIMIT + 4 * ROOM,
            retry_backoff_ms=10,
        )
        self._producer = producer
        await producer.start()

    async def close(self) -> None:
        """Let go of the producer, whatever state it is in."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                with suppress(KafkaError):  # such as: fenced
                    await producer.stop()
            finally:
                await producer.client.close()

    async def begin(self) -> None:
        """Begin a transaction."""
        await self._opened.begin_transaction()

    async def write(self, topic: str, messages: Iterable[Message]) -> int | None:
        """Write messages in order, and wait until the broker has them. Returns the offset after the last one.

        Batches are built here, because a Python call and a future per record are what limits the usual way.
        """
        producer = self._opened
        name = self._settings.topic_prefix + topic
        sent = []
        batch, filled = producer.create_batch(), 0
        for message in messages:
            if (
                batch.append(timestamp=None, key=message.key, value=message.value, headers=list(message.headers))
                is None
            ):
                sent.append((await producer.send_batch(batch, name, partition=self._partition), filled))
                batch, filled = producer.create_batch(), 0
                if (
                    batch.append(timestamp=None, key=message.key, value=message.value, headers=list(message.headers))
                    is None
                ):
                    raise ValueError(f"a record of {len(message.value or b'')} bytes does not fit into an empty batch")
            filled += 1
        if filled:
            sent.append((await producer.send_batch(batch, name, partition=self._partition), filled))
        end = None
        for future, count in sent:
            metadata = await future
            end = metadata.offset + count
        return end

    async def send_offsets(self, offsets: dict[str, int]) -> None:
        """Make the next offset to read of each full topic name part of the transaction."""
        if offsets:
            positions = {TopicPartition(t, self._partition): OffsetAndMetadata(o, "") for t, o in offsets.items()}
            await self._opened.send_offsets_to_transaction(positions, group_id(self._settings))

    async def commit(self) -> None:
        """Commit the transaction."""
        await self._opened.commit_transaction()

    @property
    def _opened(self) -> AIOKafkaProducer:
        assert self._producer is not None, "the partition was not taken over"
        return self._producer
