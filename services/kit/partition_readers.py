"""Shared consumers that find end offsets and read partitions back, without a consumer group.

Each new consumer fetches the metadata of the whole cluster. With a new one for every use, taking over 96 partitions
took 5 s of processor time before the first fact was read.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import chain
from typing import Any, Literal, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import MIB
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings

Isolation: TypeAlias = Literal["read_committed", "read_uncommitted"]

AT_ONCE = 4
REQUEST_TIMEOUT_MS = 8_000
FETCH_BYTES = 8 * MIB
LET_GO_SECONDS = 1.0
IDLE_SECONDS = 10.0  # a connection idle for longer may be dead, and noticing that takes a whole timeout


class Readers:
    """A pool of consumers without a group, made when first needed. `fetch_bytes`: the limit of one fetch of a
    partition."""

    def __init__(self, settings: KafkaSettings, fetch_bytes: int = FETCH_BYTES) -> None:
        self.settings = settings
        self._fetch_bytes = fetch_bytes
        self._idle: dict[Isolation, list[tuple[AIOKafkaConsumer, float]]] = {}  # each with the time of its last use
        self._turns = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def consumer(self, isolation: Isolation = "read_committed") -> AsyncGenerator[AIOKafkaConsumer]:
        """A started consumer for exclusive use in the block. After an exception in the block it is not used again."""
        idle = self._idle.setdefault(isolation, [])
        async with self._turns:
            consumer = await _fresh(idle) or await self._started(isolation)
            try:
                yield consumer
                consumer.unsubscribe()
            except BaseException:
                await consumer.stop()
                raise
            idle.append((consumer, time.monotonic()))

    async def _started(self, isolation: Isolation) -> AIOKafkaConsumer:
        # Without a group the default reset is `latest`: with it the restored state would silently be empty.
        consumer = AIOKafkaConsumer(
            **client_options(self.settings, "pantau-reader", request_timeout_ms=REQUEST_TIMEOUT_MS),
            auto_offset_reset="earliest",
            isolation_level=isolation,
            enable_auto_commit=False,
            max_partition_fetch_bytes=self._fetch_bytes,
            fetch_max_wait_ms=50,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    async def ends(
        self, places: Iterable[tuple[str, int]], isolation: Isolation = "read_committed"
    ) -> dict[tuple[str, int], int]:
        """The end offsets of partitions (topic without prefix, number) at an isolation level; for `read_committed` the
        last stable offsets."""
        named = {
            TopicPartition(self.settings.topic_prefix + topic, number): (topic, number) for topic, number in places
        }
        async with self.consumer(isolation) as consumer:
            return {named[tp]: end for tp, end in (await consumer.end_offsets(list(named))).items()}

    async def close(self) -> None:
        """Close all consumers."""
        idle, self._idle = self._idle, {}
        for consumer, _ in chain.from_iterable(idle.values()):
            await _let_go(consumer.stop())


async def _fresh(idle: list[tuple[AIOKafkaConsumer, float]]) -> AIOKafkaConsumer | None:
    """A recently used consumer, if there is one; those idle for too long are closed."""
    while idle:
        consumer, used_at = idle.pop()
        if time.monotonic() - used_at < IDLE_SECONDS:
            return consumer
        await _let_go(consumer.stop())
    return None


async def _let_go(closing: Coroutine[Any, Any, None]) -> None:
    """Close a client, within a time limit, since it may wait for a response that never comes."""
    with suppress(TimeoutError):
        await asyncio.wait_for(closing, LET_GO_SECONDS)
