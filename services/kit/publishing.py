"""Publishes to topics and returns when the broker has acknowledged. Blocks: for plain `def` routes and threads."""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError

from schemas.access import Audited
from schemas.topics import PLAN_VERSION_LIMIT, ROOM, partition_of
from services.kit.problems import UnavailableProblem
from services.kit.settings import Settings

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0  # how long a sender waits for the broker's word after the last record was handed over
BLOCK_MS = 3_000  # for a connection, or for room in the buffer
CLOSE_SECONDS = 2
LINGER_MS = 2
BATCH_BYTES = 128 * 1024

NOT_ACKNOWLEDGED = "The broker has not acknowledged it in time. It may be there all the same: send the same id again."


class Letter(NamedTuple):
    """A record to be published, on the partition of its plan. `topic` is its name without prefix."""

    topic: str
    plan: str
    key: str
    value: bytes
    content_type: str = "application/json"


class Receipt(NamedTuple):
    """Where the broker keeps an acknowledged record. `topic` is its name without prefix."""

    topic: str
    partition: int
    offset: int


class Publisher:
    """One idempotent producer, shared by all threads of a process; connects when first used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None
        self._lock = threading.Lock()

    def publish(self, *letters: Letter) -> list[Receipt]:
        """Publish letters, and return when all are acknowledged. Raises UnavailableProblem when one is not."""
        receipts = []
        for outcome in self.try_to_publish(letters):
            if outcome is None:
                raise UnavailableProblem(NOT_ACKNOWLEDGED)
            receipts.append(outcome)
        return receipts

    def try_to_publish(self, letters: Sequence[Letter]) -> list[Receipt | None]:
        """Publish letters; for each its receipt, or None when the broker has not acknowledged it in time."""
        try:
            futures = [self._send(letter) for letter in letters]
        except KafkaError as error:
            log.warning("could not publish", extra={"records": len(letters), "error": repr(error)})
            return [None] * len(letters)
        deadline, receipts, errors = time.monotonic() + ANSWER_SECONDS, list[Receipt | None](), list[KafkaError]()
        for letter, future in zip(letters, futures, strict=True):
            try:
                metadata = future.get(max(0.0, deadline - time.monotonic()))
            except KafkaError as error:
                errors.append(error)
                receipts.append(None)
            else:
                receipts.append(Receipt(letter.topic, metadata.partition, metadata.offset))
        if errors:
            log.warning("not acknowledged", extra={"records": len(errors), "error": repr(errors[0])})
        return receipts

    def close(self) -> None:
        """Send what is still here, briefly, and let go of the broker."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):  # what is still here was answered with 503
                producer.close(timeout=CLOSE_SECONDS)

    def _send(self, letter: Letter) -> Any:
        return self._connected().send(
            self._settings.topic_prefix + letter.topic,
            key=letter.key.encode(),
            value=letter.value,
            partition=partition_of(letter.plan, self._settings.partitions),
            headers=[("content-type", letter.content_type.encode())],
        )

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            with self._lock:
                if self._producer is None:
                    self._producer = KafkaProducer(
                        bootstrap_servers=self._settings.kafka.split(","),
                        acks="all",
                        enable_idempotence=True,
                        allow_auto_create_topics=False,
                        linger_ms=LINGER_MS,
                        batch_size=BATCH_BYTES,
                        max_request_size=PLAN_VERSION_LIMIT + ROOM,
                        max_block_ms=BLOCK_MS,
                        bootstrap_timeout_ms=BLOCK_MS,
                        request_timeout_ms=4_000,
                        delivery_timeout_ms=10_000,
                        reconnect_backoff_max_ms=1_000,
                        metrics_enabled=False,
                    )
        return self._producer


def audit_letter(audited: Audited) -> Letter:
    """The record of who did what."""
    key = f"{audited.plan}/{audited.office}"
    return Letter("audit", audited.plan, key, audited.model_dump_json().encode())
