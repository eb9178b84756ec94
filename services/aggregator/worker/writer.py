"""The one writer of a partition: a transactional producer whose id belongs to the partition.

Opening it fences the former owner and ends its transaction. A transaction commits facts, rejects, snapshots and
progress together, or nothing. aiokafka's producer takes single records and uses transactions as before Kafka 4.0, with
five requests instead of two (docs/decisions/0018-two-requests-a-transaction.md). Only aiokafka's connections and batch
encoding are used here.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from aiokafka import TopicPartition, errors

from schemas.topics import MIB
from services.aggregator.worker.library_internals import (
    AIOKafkaClient,
    ConnectionGroup,
    CoordinationType,
    DefaultRecordBatchBuilder,
    InitProducerIdRequest,
)
from services.aggregator.worker.records import Message
from services.aggregator.worker.transaction_requests import EndTransaction, Features, Produce, levels
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings

log = logging.getLogger(__name__)

OUTPUTS = ("facts", "facts-private", "rejected", "realization", "aggregator-progress")
TRANSACTION_TIMEOUT_MS = 20_000
REQUEST_TIMEOUT_MS = 8_000  # a dead connection is given up before its transaction times out
RETRY_SECONDS = 0.01
BATCH_BYTES = MIB // 2
ZSTD = 4  # takes a third of the time of lz4, which aiokafka runs at its highest level, and half the bytes
NOT_COMPRESSED = 0
COMPRESSED_FROM_BYTES = 1_000  # below, compression costs the worker and the broker more than it saves
BUILT_IN_A_THREAD_FROM_RECORDS = 500  # below, switching to a thread takes longer than it saves
FEATURE, FEATURE_LEVEL = "transaction.version", 2  # transactions of KIP-890

NETWORK_EXCEPTION, PRODUCER_FENCED = 13, 90  # error codes that aiokafka names otherwise, or not at all
FENCED = frozenset((errors.InvalidProducerEpoch.errno, PRODUCER_FENCED))
AGAIN = frozenset((errors.ConcurrentTransactions.errno, NETWORK_EXCEPTION))


class UnsupportedBrokerError(Exception):
    """The brokers do not support the transactions that are needed (KIP-890)."""


class _Producer(NamedTuple):
    """The producer id, and its epoch, which each transaction increments."""

    id: int
    epoch: int


class _Batch(NamedTuple):
    """A batch of one partition, filled and not encoded yet."""

    builder: DefaultRecordBatchBuilder
    records: int

    def build(self) -> bytes:
        return bytes(self.builder.build())


def group_id(settings: KafkaSettings) -> str:
    """The consumer group of the aggregator."""
    return f"{settings.topic_prefix}aggregator"


class PartitionWriter:
    """Writes the transactions of one partition number.

    A retriable error (a leader or coordinator that moves, a connection that breaks) is retried until the transaction
    times out. Any other is raised: ProducerFenced when another worker owns the partition now, else the aiokafka error
    for the broker's error code.
    """

    def __init__(self, settings: KafkaSettings, partition: int) -> None:
        self._settings = settings
        self._partition = partition
        self._client: AIOKafkaClient | None = None
        self._coordinator: int | None = None
        self._producer = _Producer(-1, -1)
        self._sequences: dict[str, int] = {}  # topic -> records written to it in this transaction
        self._until = 0.0  # when the broker aborts the transaction by its timeout

    @property
    def transactional_id(self) -> str:
        return f"{self._settings.topic_prefix}aggregator-{self._partition}"

    async def open(self) -> None:
        """Become the only writer of the partition. A former owner is fenced, its open transaction aborted."""
        await self.close()
        client = AIOKafkaClient(
            **client_options(self._settings, self.transactional_id, request_timeout_ms=REQUEST_TIMEOUT_MS),
            retry_backoff_ms=int(1000 * RETRY_SECONDS),
        )
        self._client, self._coordinator, self._until = (
            client,
            None,
            float("inf"),
        )  # the engine limits the time of a takeover
        await client.bootstrap()
        await client.set_topics([self._settings.topic_prefix + topic for topic in OUTPUTS])
        _demand_transactions(levels(await self._ask_coordinator(Features())))
        answer = await self._ask_coordinator(InitProducerIdRequest(self.transactional_id, TRANSACTION_TIMEOUT_MS))
        self._begin(answer)

    async def close(self) -> None:
        """Close the connections, whatever is under way."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def write(self, to_write: Mapping[str, Iterable[Message]]) -> dict[str, int]:
        """Write messages to topics (names without prefix), in order per topic, and wait until the broker acknowledged
        them.

        The first write begins a transaction. Returns the offset after the last message of each topic that has any.
        """
        if not self._sequences:
            self._until = time.monotonic() + TRANSACTION_TIMEOUT_MS / 1000
        waiting = {
            topic: batches for topic, messages in to_write.items() if (batches := self._batches(topic, messages))
        }
        ends: dict[str, int] = {}
        while waiting:  # a request may carry one batch of each partition
            first = {topic: batches.popleft() for topic, batches in waiting.items()}
            offsets = await self._produce(await _built(first))
            ends |= {topic: offsets[topic] + batch.records for topic, batch in first.items()}
            waiting = {topic: batches for topic, batches in waiting.items() if batches}
        return ends

    async def commit(self) -> None:
        """Commit the transaction."""
        self._begin(await self._ask_coordinator(EndTransaction(self.transactional_id, *self._producer)))

    def _begin(self, answer: Any) -> None:
        self._producer = _Producer(answer.producer_id, answer.producer_epoch)
        self._sequences.clear()

    def _batches(self, topic: str, messages: Iterable[Message]) -> deque[_Batch]:
        """Messages as batches of one partition."""
        batches: deque[_Batch] = deque()
        messages, now_ms = list(messages), int(1000 * time.time())
        large = any(
            total >= COMPRESSED_FROM_BYTES for total in accumulate(len(message.value or b"") for message in messages)
        )
        compression = ZSTD if large else NOT_COMPRESSED
        batch, filled = self._empty_batch(topic, compression), 0
        for message in messages:
            record = now_ms, message.key, message.value, list(message.headers)
            if batch.append(filled, *record) is None:  # the batch is full; an empty one takes a message of any size
                batches.append(self._filled_batch(topic, batch, filled))
                batch, filled = self._empty_batch(topic, compression), 0
                batch.append(filled, *record)
            filled += 1
        if filled:
            batches.append(self._filled_batch(topic, batch, filled))
        return batches

    def _empty_batch(self, topic: str, compression: int) -> Any:
        """An empty batch for the next messages of a topic in this transaction."""
        return DefaultRecordBatchBuilder(
            magic=2,
            compression_type=compression,
            is_transactional=1,
            producer_id=self._producer.id,
            producer_epoch=self._producer.epoch,
            base_sequence=self._sequences.get(topic, 0),
            batch_size=BATCH_BYTES,
        )

    def _filled_batch(self, topic: str, builder: Any, records: int) -> _Batch:
        self._sequences[topic] = self._sequences.get(topic, 0) + records
        return _Batch(builder, records)

    # ── requests and retries ─────────────────────────────────────────────────────────────────────────────────────

    async def _produce(self, batches: dict[str, bytes]) -> dict[str, int]:
        """Write one batch of each topic. Returns the offset of the first record of each."""
        offsets: dict[str, int] = {}
        while True:
            requests: dict[int | None, dict[str, bytes]] = {}
            for topic, batch in batches.items():
                if topic not in offsets:
                    requests.setdefault(self._leader(topic), {})[self._settings.topic_prefix + topic] = batch
            if not requests:
                return offsets
            for answer in await asyncio.gather(
                *(self._send(leader, self._request(some)) for leader, some in requests.items())
            ):
                for name, partitions, _ in answer.topics if answer else ():
                    for _, code, offset, *_ in partitions:
                        if _taken(code):
                            offsets[name.removeprefix(self._settings.topic_prefix)] = offset
            if len(offsets) < len(batches):
                await self._pause()
                await self._opened.force_metadata_update()

    def _request(self, batches: dict[str, bytes]) -> Produce:
        return Produce(self.transactional_id, REQUEST_TIMEOUT_MS, self._partition, batches)

    def _leader(self, topic: str) -> int | None:
        """The leader of a topic's partition, as far as is known."""
        partition = TopicPartition(self._settings.topic_prefix + topic, self._partition)
        leader: int | None = self._opened.cluster.leader_for_partition(partition)
        return leader

    async def _ask_coordinator(self, request: Any) -> Any:
        """The transaction coordinator's response to a request, retried until it is no retriable error."""
        while True:
            if self._coordinator is None:
                self._coordinator = await self._find_coordinator()
            answer = await self._send(self._coordinator, request)
            if answer is not None and _taken(answer.error_code):
                return answer
            if answer is None or answer.error_code not in AGAIN:
                self._coordinator = None
            await self._pause()

    async def _find_coordinator(self) -> int | None:
        try:
            node: int = await self._opened.coordinator_lookup(CoordinationType.TRANSACTION, self.transactional_id)
        except errors.KafkaError as error:
            if not error.retriable:
                raise
            return None
        return node

    async def _send(self, node: int | None, request: Any) -> Any | None:
        """A node's response, or None when there was none."""
        if node is None:
            return None
        try:
            return await self._opened.send(node, request, group=ConnectionGroup.COORDINATION)
        except errors.KafkaError as error:
            if not error.retriable:
                raise
            log.warning(
                "no response from a broker; retrying",
                extra={"node": node, "error": repr(error), "partition": self._partition},
            )
            return None

    async def _pause(self) -> None:
        """Wait before a retry. Raises KafkaTimeoutError once the transaction has timed out."""
        if time.monotonic() > self._until:
            raise errors.KafkaTimeoutError(
                f"the brokers did not accept a transaction of partition {self._partition} within {TRANSACTION_TIMEOUT_MS} ms"
            )
        await asyncio.sleep(RETRY_SECONDS)

    @property
    def _opened(self) -> AIOKafkaClient:
        assert self._client is not None, "the partition was not taken over"
        return self._client


async def _built(batches: Mapping[str, _Batch]) -> dict[str, bytes]:
    """The bytes of each topic's batch. Large batches are compressed in a thread, which releases the interpreter's lock, so
    that another partition can be folded meanwhile."""

    def build() -> dict[str, bytes]:
        return {topic: batch.build() for topic, batch in batches.items()}

    large = any(batch.records >= BUILT_IN_A_THREAD_FROM_RECORDS for batch in batches.values())
    return await asyncio.to_thread(build) if large else build()


def _taken(code: int) -> bool:
    """Whether an error code means success; False for one to retry. Raises the error for any other."""
    if code == errors.NoError.errno:
        return True
    if code in FENCED:
        raise errors.ProducerFenced
    error = errors.for_code(code)
    if error.retriable or code in AGAIN:
        return False
    raise error(f"the broker returned error {code}")


def _demand_transactions(features: Mapping[str, int]) -> None:
    """Raises UnsupportedBrokerError where the cluster has not finalized the transactions of KIP-890."""
    level = features.get(FEATURE, 0)
    if level < FEATURE_LEVEL:
        raise UnsupportedBrokerError(
            f"the cluster has {FEATURE}={level}, and {FEATURE_LEVEL} is needed: run Kafka 4.0 or later, "
            f"and kafka-features.sh upgrade --feature {FEATURE}={FEATURE_LEVEL}"
        )
