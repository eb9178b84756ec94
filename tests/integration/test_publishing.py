"""Publishing: acknowledged is there, in order and once; what is not acknowledged in time is reported, and blocks no other record."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from schemas.topics import KIB, MIB, partition_of
from services.kit.http.problems import UnavailableProblem
from services.kit.publishing import ANSWER_SECONDS, BATCH_BYTES, CLOSE_SECONDS, OutgoingRecord, Publisher, Receipt
from tests.parts.kafka_topics import KafkaTopics

PARTITIONS = 3
SLACK_SECONDS = 1.5  # this machine may be busy
STANDSTILL_SECONDS = 1.0

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def publishing(kafka_topics: KafkaTopics) -> AsyncGenerator[Publisher]:
    """A publisher to the topics of an installation."""
    publisher = Publisher(
        InstallationSettings(
            kafka=kafka_topics.bootstrap, topic_prefix=kafka_topics.prefix, partitions=kafka_topics.partitions
        )
    )
    try:
        yield publisher
    finally:
        await publisher.close()


def outgoing_record(
    number: int, size: int = 100, *, topic: str = "program-status", plan: str = "kota-1"
) -> OutgoingRecord:
    return OutgoingRecord(topic, plan, plan, f"{number}:".encode().ljust(size, b"x"))


def lying(kafka_topics: KafkaTopics, topic: str = "program-status") -> dict[Receipt, bytes]:
    """What lies in a topic, by where."""
    return {Receipt(topic, record.partition, record.offset): record.value for record in kafka_topics.read(topic)}


async def longest_standstill(stop: asyncio.Event) -> float:
    """The longest time the event loop was blocked, in seconds."""
    longest, last = 0.0, time.monotonic()
    while not stop.is_set():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    return longest


@pytest.fixture
def kafka_topics(broker: Broker) -> KafkaTopics:
    box = KafkaTopics(broker.bootstrap, PARTITIONS)
    box.declare()
    return box


@pytest.fixture
def own_kafka_topics(own_broker: Broker) -> KafkaTopics:
    box = KafkaTopics(own_broker.bootstrap, PARTITIONS)
    box.declare()
    return box


async def test_each_receipt_has_the_offset_of_its_record(kafka_topics: KafkaTopics) -> None:
    plans = [f"kota-{number}" for number in range(7)]
    many = [outgoing_record(number, plan=plans[number % 7]) for number in range(1_000)]
    alone = outgoing_record(1_000, plan="kota-alone")
    async with publishing(kafka_topics) as publisher:
        receipts = await publisher.publish(*many, alone)
    there = await asyncio.to_thread(lying, kafka_topics)
    assert [there[receipt] for receipt in receipts] == [each.value for each in (*many, alone)]
    assert len(there) == 1_001
    assert receipts[-1].partition == partition_of("kota-alone", PARTITIONS)
    of_one_plan = receipts[0:1_000:7]
    assert of_one_plan == sorted(of_one_plan), "in their order"


async def test_more_than_fits_one_batch_goes_in_several(kafka_topics: KafkaTopics) -> None:
    sizes = [BATCH_BYTES // 3] * 7 + [BATCH_BYTES + KIB] + [10] * 5
    records = [outgoing_record(number, size) for number, size in enumerate(sizes)]
    async with publishing(kafka_topics) as publisher:
        receipts = await publisher.publish(*records)
    there = await asyncio.to_thread(lying, kafka_topics)
    assert [there[receipt] for receipt in receipts] == [each.value for each in records]


async def test_a_record_that_the_broker_refuses_fails_alone(kafka_topics: KafkaTopics) -> None:
    too_large = outgoing_record(1, 2 * MIB, topic="audit")
    async with publishing(kafka_topics) as publisher:
        good, bad = await publisher.try_to_publish([outgoing_record(0), too_large])
        assert (good is not None, bad) == (True, None)
        with pytest.raises(UnavailableProblem):
            await publisher.publish(outgoing_record(2), too_large)
        for number in range(3, 6):
            await publisher.publish(outgoing_record(number), outgoing_record(number, topic="audit"))
        bad, *_ = await publisher.try_to_publish([too_large, *(outgoing_record(9, topic="audit") for _ in range(3))])
        assert bad is None
        await publisher.publish(outgoing_record(6), outgoing_record(6, topic="audit"))
    there = await asyncio.to_thread(lying, kafka_topics)
    assert [value.partition(b":")[0] for value in there.values()] == [b"0", b"2", b"3", b"4", b"5", b"6"]


async def test_what_many_send_at_once_is_there_once(kafka_topics: KafkaTopics) -> None:
    records = [outgoing_record(number, plan=f"kota-{number % 5}") for number in range(500)]
    async with publishing(kafka_topics) as publisher:
        receipts = await asyncio.gather(
            *(publisher.publish(each, outgoing_record(0, topic="audit")) for each in records)
        )
    there = await asyncio.to_thread(lying, kafka_topics)
    assert [there[receipt] for receipt, _ in receipts] == [each.value for each in records]
    assert len(there) == 500


async def test_a_broker_that_is_not_there_is_reported_in_time_and_found_when_it_comes(
    own_broker: Broker, own_kafka_topics: KafkaTopics
) -> None:
    await asyncio.to_thread(own_broker.stop)
    stop = asyncio.Event()
    standstill = asyncio.create_task(longest_standstill(stop))
    async with publishing(own_kafka_topics) as publisher:
        began = time.monotonic()
        receipts = await asyncio.gather(*(publisher.try_to_publish([outgoing_record(number)]) for number in range(100)))
        assert receipts == [[None]] * 100
        assert time.monotonic() - began < ANSWER_SECONDS + SLACK_SECONDS
        await asyncio.to_thread(own_broker.start)
        assert (await publisher.publish(outgoing_record(100)))[0].offset == 0
    stop.set()
    assert await standstill < STANDSTILL_SECONDS


async def test_a_broker_that_falls_silent_is_reported_in_time_and_has_nothing_twice(
    own_broker: Broker, own_kafka_topics: KafkaTopics
) -> None:
    stop = asyncio.Event()
    standstill = asyncio.create_task(longest_standstill(stop))
    async with publishing(own_kafka_topics) as publisher:
        await publisher.publish(outgoing_record(0), outgoing_record(0, topic="audit"))
        own_broker.pause()
        began = time.monotonic()
        sent = [[outgoing_record(number)] for number in range(1, 50)] + [
            [outgoing_record(number) for number in range(50, 100)]
        ]
        receipts = await asyncio.gather(*(publisher.try_to_publish(records) for records in sent))
        assert {outcome for outcomes in receipts for outcome in outcomes} == {None}
        assert time.monotonic() - began < ANSWER_SECONDS + SLACK_SECONDS
        own_broker.resume()
        async with asyncio.timeout(60):
            while (await publisher.try_to_publish([outgoing_record(100)]))[0] is None:
                pass
    stop.set()
    assert await standstill < STANDSTILL_SECONDS
    values = [value.partition(b":")[0] for value in (await asyncio.to_thread(lying, own_kafka_topics)).values()]
    once = [value for value in values if value != b"100"]  # that one was sent until it was acknowledged
    assert len(once) == len(set(once)) and b"0" in once


async def test_closing_does_not_wait_for_a_broker_that_is_gone(
    own_broker: Broker, own_kafka_topics: KafkaTopics
) -> None:
    async with publishing(own_kafka_topics) as publisher:
        await publisher.publish(outgoing_record(0))
        await asyncio.to_thread(own_broker.kill)
        assert await publisher.try_to_publish([outgoing_record(1)]) == [None]
        began = time.monotonic()
    assert time.monotonic() - began < CLOSE_SECONDS + SLACK_SECONDS
