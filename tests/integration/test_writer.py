"""The writer of a partition on a real broker: whatever becomes of its connections, each message is there once."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, ProducerFenced
from kafka import KafkaAdminClient

from deploy.local.broker import HOST, Broker
from deploy.local.process_settings import InstallationSettings
from services.aggregator.worker import writer as module
from services.aggregator.worker.records import Message
from services.aggregator.worker.writer import PartitionWriter, UnsupportedBrokerError
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts import proxy
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.proxy import Proxy
from tests.parts.waiting import until

Work = Callable[[PartitionWriter], Coroutine[Any, Any, Any]]


def records(first: int, count: int, size: int = 10) -> list[Message]:
    """Messages that are numbers, of so many bytes."""
    return [
        Message(b"key", b"%*d" % (size, number), [("header", b"its value")]) for number in range(first, first + count)
    ]


def values(kafka_topics: KafkaTopics, end: int, topic: str = "facts") -> list[int]:
    """What is committed, when it reaches up to an offset."""
    return [int(one.value) for one in kafka_topics.written(topic, {0: end})]


def declared(broker: Broker) -> KafkaTopics:
    made = KafkaTopics(broker.bootstrap, 1)
    made.declare()
    return made


def writer(kafka_topics: KafkaTopics, at: str | None = None) -> PartitionWriter:
    return PartitionWriter(
        InstallationSettings(kafka=at or kafka_topics.bootstrap, topic_prefix=kafka_topics.prefix, partitions=1), 0
    )


def run(one: PartitionWriter, work: Work) -> Any:
    """What the work with an open writer gives."""

    async def opened() -> Any:
        try:
            await one.open()
            return await work(one)
        finally:
            await one.close()

    return asyncio.run(opened())


@pytest.fixture
def kafka_topics(broker: Broker) -> KafkaTopics:
    return declared(broker)


def test_a_transaction_is_there_whole_and_says_where_it_ends(kafka_topics: KafkaTopics) -> None:
    async def work(one: PartitionWriter) -> list[dict[str, int]]:
        ends = [await one.write({"facts": records(0, 3), "rejected": [], "realization": records(7, 1)})]
        ends.append(await one.write({"facts": records(3, 2)}))
        assert await asyncio.to_thread(values, kafka_topics, 0) == []
        await one.commit()
        ends.append(await one.write({"facts": records(5, 1)}))
        await one.commit()
        return ends

    # The marker of the first transaction takes a place.
    assert run(writer(kafka_topics), work) == [{"facts": 3, "realization": 1}, {"facts": 5}, {"facts": 7}]
    assert values(kafka_topics, 7) == [0, 1, 2, 3, 4, 5]
    assert values(kafka_topics, 1, "realization") == [7]
    assert kafka_topics.written("facts")[0].headers == {"header": "its value"}


def test_more_than_a_batch_takes_is_written_in_order(kafka_topics: KafkaTopics) -> None:
    count, size = 20, module.BATCH_BYTES // 3

    async def work(one: PartitionWriter) -> dict[str, int]:
        ends = await one.write({"facts": records(0, count, size), "aggregator-progress": records(0, 1)})
        await one.commit()
        return ends

    assert run(writer(kafka_topics), work) == {"facts": count, "aggregator-progress": 1}
    assert values(kafka_topics, count) == list(range(count))


def test_what_was_not_committed_is_not_there(kafka_topics: KafkaTopics) -> None:
    async def work(one: PartitionWriter) -> None:
        await one.write({"facts": records(0, 3)})
        await one.open()
        await one.write({"facts": records(3, 3)})
        await one.commit()

    run(writer(kafka_topics), work)
    assert values(kafka_topics, 7) == [3, 4, 5]  # after the first three, and the marker that takes them back


@pytest.mark.parametrize("then", ["write", "commit"])
def test_a_former_writer_is_fenced(kafka_topics: KafkaTopics, then: str) -> None:
    async def work(former: PartitionWriter) -> None:
        await former.write({"facts": records(0, 1)})
        successor = writer(kafka_topics)
        await successor.open()
        with pytest.raises(ProducerFenced):
            await (former.commit() if then == "commit" else former.write({"facts": records(1, 1)}))
        await successor.write({"facts": records(2, 1)})
        await successor.commit()
        await successor.close()

    run(writer(kafka_topics), work)
    assert values(kafka_topics, 3) == [2]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Broker, Proxy]]:
    """A broker, and a proxy before it."""
    with proxy.broker_behind(tmp_path_factory.mktemp("network"), "VIA") as (behind, proxies):
        yield behind, proxies["VIA"]


async def _without_its_answer(via: Proxy, step: Coroutine[Any, Any, Any]) -> Any:
    """A step whose request arrives, and whose answer is lost with the connection."""
    before = via.held["to_client"]
    via.cut("to_client")
    going_on = asyncio.create_task(step)
    await asyncio.to_thread(until, lambda: via.held["to_client"] > before, what="an answer is held up")
    via.reset()
    via.heal()
    return await going_on


def test_a_write_whose_answer_was_lost_is_there_once(network: tuple[Broker, Proxy]) -> None:
    behind, via = network
    kafka_topics = declared(behind)

    async def work(one: PartitionWriter) -> list[dict[str, int]]:
        ends = [await _without_its_answer(via, one.write({"facts": records(0, 2), "rejected": records(0, 1)}))]
        ends.append(await one.write({"facts": records(2, 1)}))
        await one.commit()
        return ends

    assert run(writer(kafka_topics, f"{HOST}:{via.port}"), work) == [{"facts": 2, "rejected": 1}, {"facts": 3}]
    assert values(kafka_topics, 3) == [0, 1, 2]
    assert values(kafka_topics, 1, "rejected") == [0]


def test_a_commit_whose_answer_was_lost_is_made_once(network: tuple[Broker, Proxy]) -> None:
    behind, via = network
    kafka_topics = declared(behind)

    async def work(one: PartitionWriter) -> list[dict[str, int]]:
        ends = []
        for number in range(3):
            ends.append(await one.write({"facts": records(number, 1)}))
            await _without_its_answer(via, one.commit())
        return ends

    assert run(writer(kafka_topics, f"{HOST}:{via.port}"), work) == [{"facts": 1}, {"facts": 3}, {"facts": 5}]
    assert values(kafka_topics, 5) == [0, 1, 2]


def test_without_an_answer_it_gives_up_when_the_broker_has(
    network: tuple[Broker, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    behind, via = network
    monkeypatch.setattr(module, "REQUEST_TIMEOUT_MS", 200)
    monkeypatch.setattr(module, "TRANSACTION_TIMEOUT_MS", 1_000)

    async def work(one: PartitionWriter) -> None:
        via.cut("to_client")
        try:
            with pytest.raises(KafkaTimeoutError, match="did not accept a transaction of partition 0 within 1000 ms"):
                await one.write({"facts": records(0, 1)})
        finally:
            via.heal()

    run(writer(declared(behind), f"{HOST}:{via.port}"), work)


def test_brokers_without_such_transactions_are_refused(own_broker: Broker) -> None:
    kafka_topics = declared(own_broker)
    with KafkaAdminClient(**client_options(KafkaSettings(kafka=own_broker.bootstrap))) as admin:
        admin.update_features({"transaction.version": ("SAFE_DOWNGRADE", 1)})
        until(lambda: admin.describe_features()["transaction.version"]["finalized"] == (1, 1), what="it is so")

    async def work(_: PartitionWriter) -> None:
        raise AssertionError("it opened")

    with pytest.raises(UnsupportedBrokerError, match=r"the cluster has transaction\.version=1, and 2 is needed"):
        run(writer(kafka_topics), work)
