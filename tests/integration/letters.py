"""A topic of one partition, what is published to it and what is read of it: for tests of brokers themselves."""

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

TOPIC = "letters"


def publish(bootstrap: str, value: bytes, within_seconds: float = 20) -> int:
    """Publish one record. Returns its timestamp in ms when it is acknowledged; raises TimeoutError when it is not."""

    async def send() -> int:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, request_timeout_ms=2_000)
        try:
            async with asyncio.timeout(within_seconds):
                await producer.start()
                return int((await producer.send_and_wait(TOPIC, value, partition=0)).timestamp)
        finally:
            with suppress(TimeoutError):  # what was not acknowledged need not be sent
                await asyncio.wait_for(producer.stop(), 1)
            await producer.client.close()

    return asyncio.run(send())


def published(bootstrap: str, count: int) -> list[bytes]:
    """The first records."""

    async def read() -> list[bytes]:
        consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(20):
                return [(await consumer.getone()).value for _ in range(count)]
        finally:
            await consumer.stop()

    return asyncio.run(read())


def make_topic(bootstrap: str, replicas: int = 1) -> None:
    """A topic of one partition that stamps what it receives."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            received = {"message.timestamp.type": "LogAppendTime"}
            await admin.create_topics([NewTopic(TOPIC, 1, replicas, topic_configs=received)])
        finally:
            await admin.close()

    asyncio.run(make())
