"""Sends the sample's reports as a department's system would that writes to Kafka itself: CloudEvents, key = plan."""

import json
import sys
import time
from collections.abc import Sequence
from typing import Final

from kafka import KafkaProducer

from deploy.local.process_settings import InstallationSettings
from samples.plan import PLAN
from samples.reports import Line, event
from schemas.envelope import MEDIA_TYPE
from schemas.topics import partition_of
from services.kit.kafka import client_options

TOPIC: Final = "program-status"
LINGER_MS: Final = 20
BATCH_BYTES: Final = 256 * 1024
ACKNOWLEDGED_WITHIN_SECONDS: Final = 120
BAR_WIDTH: Final = 32
LINE_EVERY_SECONDS: Final = 5.0


class ReportSender:
    """One producer, for all departments."""

    def __init__(self, settings: InstallationSettings) -> None:
        self._topic = settings.topic_prefix + TOPIC
        self._partition = partition_of(PLAN, settings.partitions)
        self._producer = KafkaProducer(
            **client_options(settings, "pantau-sample"),
            acks="all",
            enable_idempotence=True,
            allow_auto_create_topics=False,
            linger_ms=LINGER_MS,
            batch_size=BATCH_BYTES,
            delivery_timeout_ms=ACKNOWLEDGED_WITHIN_SECONDS * 1000,
        )

    def send(self, lines: Sequence[Line]) -> None:
        """Publish events in this order, and return when the broker has them all. Raises KafkaError."""
        futures = [
            self._producer.send(
                self._topic,
                key=PLAN.encode(),
                value=json.dumps(event(line), ensure_ascii=False).encode(),
                partition=self._partition,
                headers=[("content-type", MEDIA_TYPE.encode())],
            )
            for line in lines
        ]
        self._producer.flush(ACKNOWLEDGED_WITHIN_SECONDS)
        for future in futures:
            future.get(0)

    def close(self) -> None:
        self._producer.close()


class ProgressBar:
    """Shows progress: a bar on a terminal, else a line every few seconds."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._bar = sys.stdout.isatty()
        self._next = time.monotonic() + LINE_EVERY_SECONDS

    def show(self, done: int, now_at: str) -> None:
        """Show how many are done; `now_at` names the position."""
        last = done >= self._total
        if self._bar:
            full = BAR_WIDTH * done // max(self._total, 1)
            bar = "█" * full + "·" * (BAR_WIDTH - full)
            print(
                f"\r{'sample':<8} {self._what} {bar} {done}/{self._total} {now_at} ",
                end="\n" if last else "",
                flush=True,
            )
        elif last or time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_EVERY_SECONDS
            announce(f"{self._what}: {done} of {self._total} reports {now_at}")


def announce(what: str) -> None:
    """Print a line in the supervisor's format."""
    print(f"{'sample':<8} {what}", flush=True)
