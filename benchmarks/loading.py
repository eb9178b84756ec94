"""Puts a workload into a broker, as fast as one process can, and notes meanwhile what is to be expected of it."""

import itertools
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks import mail
from benchmarks.expected import Expected, Reckoning
from benchmarks.workloads import Workload
from schemas.envelope import MEDIA_TYPE
from schemas.topics import MIB
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings

BATCH_BYTES = 512 * 1024
HEADERS = [("content-type", MEDIA_TYPE.encode())]
SLICE = 5_000  # reports between two looks at the network


class _Sender:
    """Fills one batch per partition of a topic and sends those that are full."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partitions: int) -> None:
        self._producer, self._topic = producer, topic
        self._batches = [producer.create_batch() for _ in range(partitions)]
        self._full: list[tuple[int, Any]] = []
        self._sent: list[Any] = []

    def add(self, partition: int, key: bytes, value: bytes | None) -> None:
        if self._batches[partition].append(timestamp=None, key=key, value=value, headers=HEADERS) is None:
            self._full.append((partition, self._batches[partition]))
            self._batches[partition] = self._producer.create_batch()
            taken = self._batches[partition].append(timestamp=None, key=key, value=value, headers=HEADERS)
            assert taken is not None, "a record does not fit into an empty batch"

    async def send(self, *, everything: bool = False) -> None:
        """Hand the full batches to the broker; with `everything` all of them, and wait until it has them."""
        full, self._full = self._full, []
        if everything:
            full += [(partition, batch) for partition, batch in enumerate(self._batches) if batch.record_count()]
        for partition, batch in full:
            self._sent.append(await self._producer.send_batch(batch, self._topic, partition=partition))
        if everything:
            for each in self._sent:
                await each


async def load(workload: Workload, bootstrap: str, prefix: str) -> Expected:
    """Send all of a workload's mail to topics that are there. Returns what is to be expected of a competitor."""
    producer = AIOKafkaProducer(
        **client_options(KafkaSettings(kafka=bootstrap)),
        enable_idempotence=True,  # what is sent again lies there once: offsets are counted on
        max_batch_size=BATCH_BYTES,
        max_request_size=8 * MIB,
    )
    await producer.start()
    try:
        versions = _Sender(producer, prefix + "masterplans", workload.partitions)
        for plan, value in mail.versions(workload):
            versions.add(plan.partition, plan.key.encode(), value)
        await versions.send(everything=True)
        sender = _Sender(producer, prefix + "program-status", workload.partitions)
        reckoning, reports = Reckoning(workload), mail.reports(workload)
        while slice_of_them := list(itertools.islice(reports, SLICE)):
            for one in slice_of_them:
                reckoning.take(one)
                sender.add(one.partition, one.plan.key.encode(), one.value)
            await sender.send()
        await sender.send(everything=True)
        return reckoning.done()
    finally:
        await producer.stop()
