"""Publishes records and returns when the broker has acknowledged them. Nothing here blocks (docs/decisions/0011)."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.structs import RecordMetadata

from schemas.topics import KIB, PLAN_VERSION_LIMIT, ROOM, partition_of
from services.kit.http.problems import UnavailableProblem
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0  # how long a caller waits for the broker's acknowledgement, including connecting
CONNECT_SECONDS = 3.0
CLOSE_SECONDS = 2.0
LINGER_MS = 2  # for single records, so that records of many callers share a batch
BATCH_BYTES = 512 * KIB  # a topic's size limit applies to batches too; a larger record becomes a batch of its own

NOT_ACKNOWLEDGED = (
    "Kafka did not acknowledge the event in time. It may have been stored all the same: send it again with the same id."
)


class OutgoingRecord(NamedTuple):
    """A record to publish, on the partition of its plan. `topic` is its name without prefix."""

    topic: str
    plan: str
    key: str
    value: bytes
    content_type: str = "application/json"


class Receipt(NamedTuple):
    """Where an acknowledged record is stored. `topic` is its name without prefix."""

    topic: str
    partition: int
    offset: int


class _Place(NamedTuple):
    """A partition of a topic, named without prefix."""

    topic: str
    partition: int


class _SentBatch(NamedTuple):
    """A batch that was sent: the positions of its records in the request, and a future of the offset of the first
    one."""

    place: _Place
    positions: Sequence[int]
    acknowledged: asyncio.Future[RecordMetadata]


class Publisher:
    """One idempotent producer per event loop; it connects when first used."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._connecting: asyncio.Task[AIOKafkaProducer] | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    async def publish(self, *records: OutgoingRecord) -> list[Receipt]:
        """Publish records, and return when all are acknowledged. Raises UnavailableProblem when one is not."""
        receipts = []
        for outcome in await self.try_to_publish(records):
            if outcome is None:
                raise UnavailableProblem(NOT_ACKNOWLEDGED)
            receipts.append(outcome)
        return receipts

    async def try_to_publish(self, records: Sequence[OutgoingRecord]) -> list[Receipt | None]:
        """Publish records. Returns for each its receipt, or None when the broker did not acknowledge it in time.

        Records of one partition are stored in their order.
        """
        producer, sent = None, list[_SentBatch]()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                producer = await self._connected()
                for place, positions in self._by_place(records).items():
                    await self._send(producer, place, records, positions, sent)
                for each in sent:
                    with suppress(KafkaError):  # logged below
                        await each.acknowledged
        except (TimeoutError, KafkaTimeoutError):
            log.warning("records were not acknowledged in time", extra={"records": len(records)})
        except KafkaError as error:
            log.warning("records could not be published", extra={"records": len(records), "error": repr(error)})
            self._retire(producer)
        return self._receipts(producer, len(records), sent)

    async def close(self) -> None:
        """Send pending records, within a time limit, and close the producer."""
        if self._connecting is not None:
            self._connecting.cancel()
        self._retire(self._producer)
        if self._retiring:
            _, late = await asyncio.wait(self._retiring, timeout=CLOSE_SECONDS)
            for task in late:  # the requests of what is still pending were answered with 503
                task.cancel()

    def _by_place(self, records: Sequence[OutgoingRecord]) -> dict[_Place, list[int]]:
        """The positions of records, by topic and partition."""
        places: dict[_Place, list[int]] = {}
        for position, record in enumerate(records):
            place = _Place(record.topic, partition_of(record.plan, self._settings.partitions))
            places.setdefault(place, []).append(position)
        return places

    async def _send(
        self,
        producer: AIOKafkaProducer,
        place: _Place,
        records: Sequence[OutgoingRecord],
        positions: Sequence[int],
        sent: list[_SentBatch],
    ) -> None:
        """Send records to one topic and partition. A single record shares a batch with those of other callers. Many go
        in batches of their own, because the producer's usual way, a future for each record, is slower."""
        topic = self._settings.topic_prefix + place.topic
        if len(positions) == 1:
            _, _, key, value, content_type = records[positions[0]]
            acknowledged = await producer.send(
                topic, value, key.encode(), place.partition, headers=[("content-type", content_type.encode())]
            )
            sent.append(_SentBatch(place, positions, acknowledged))
            return
        at = 0
        while at < len(positions):
            began, batch = at, producer.create_batch()
            while at < len(positions):
                _, _, key, value, content_type = records[positions[at]]
                headers = [("content-type", content_type.encode())]
                if batch.append(timestamp=None, key=key.encode(), value=value, headers=headers) is None:
                    break  # the batch is full
                at += 1
            batch.close()  # no other caller's records may join the batch
            acknowledged = await producer.send_batch(batch, topic, partition=place.partition)
            sent.append(_SentBatch(place, positions[began:at], acknowledged))
            await asyncio.sleep(0)  # lets other tasks run

    def _receipts(
        self, producer: AIOKafkaProducer | None, records: int, sent: Sequence[_SentBatch]
    ) -> list[Receipt | None]:
        """The receipts of what was acknowledged in time. Futures of the rest are cancelled."""
        receipts: list[Receipt | None] = [None] * records
        for place, positions, acknowledged in sent:
            if acknowledged.cancel() or acknowledged.cancelled():
                continue
            error = acknowledged.exception()
            if error is not None:
                log.warning("records were not acknowledged", extra={"records": len(positions), "error": repr(error)})
                self._retire(producer)
                continue
            first = acknowledged.result().offset
            for index, position in enumerate(positions):
                receipts[position] = Receipt(*place, first + index)
        return receipts

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect(), name="connect a publisher")
        return await asyncio.shield(self._connecting)  # all waiting callers share one attempt

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **client_options(self._settings, "pantau-publisher", request_timeout_ms=4_000),
            acks="all",
            enable_idempotence=True,
            linger_ms=LINGER_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=PLAN_VERSION_LIMIT + ROOM,
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await producer.start()
        except BaseException:
            await _stop(producer)
            raise
        self._producer = producer
        return producer

    def _retire(self, producer: AIOKafkaProducer | None) -> None:
        """Discard a producer, so that the next call makes a new one. A record that failed for good leaves a gap in the
        producer's sequence numbers, after which the broker refuses its records for that partition. Pending records are
        waited for."""
        if producer is not None and producer is self._producer:
            self._producer = None
            task = asyncio.create_task(_stop(producer), name="stop a publisher")
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        with suppress(KafkaError):
            await producer.stop()
    finally:
        await producer.client.close()
