"""A topic of one partition, what is published to it and what is read of it: for tests of brokers themselves."""

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings

TOPIC = "records"


def publish(bootstrap: str, value: bytes, within_seconds: float = 20) -> None:
    """Publish one record, and return when it is acknowledged. Raises TimeoutError when it is not."""

    async def send() -> None:
        producer = AIOKafkaProducer(
            **client_options(KafkaSettings(kafka=bootstrap), request_timeout_ms=2_000), enable_idempotence=True
        )
        try:
            async with asyncio.timeout(within_seconds):
                await producer.start()
                await producer.send_and_wait(TOPIC, value, partition=0)
        finally:
            with suppress(TimeoutError):  # what was not acknowledged need not be sent
                await asyncio.wait_for(producer.stop(), 1)
            await producer.client.close()

    asyncio.run(send())


def published(bootstrap: str, count: int) -> list[bytes | None]:
    """The first records."""

    async def read() -> list[bytes | None]:
        consumer = AIOKafkaConsumer(
            TOPIC, **client_options(KafkaSettings(kafka=bootstrap)), auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            async with asyncio.timeout(20):
                return [(await consumer.getone()).value for _ in range(count)]
        finally:
            await consumer.stop()

    return asyncio.run(read())


def make_topic(bootstrap: str, replicas: int = 1) -> None:
    """Make it."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(**client_options(KafkaSettings(kafka=bootstrap)))
        await admin.start()
        try:
            await admin.create_topics([NewTopic(TOPIC, 1, replicas)])
        finally:
            await admin.close()

    asyncio.run(make())
