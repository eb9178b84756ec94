"""Takeover of a partition, piece by piece, on a real broker: its order, its memory, and what it does when things are missing."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry, generate_latest

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from realization import plan_facts as facts_module
from realization.snapshot import OVERALL
from schemas.facts import Snapshot, parse_fact
from schemas.topics import INPUTS
from services.aggregator.worker import end_offsets as committed
from services.aggregator.worker import state
from services.aggregator.worker.metrics import WorkerMetrics
from services.aggregator.worker.partition import Partition, SecretChangedError, TransactionLimiter
from services.aggregator.worker.records import InputRecord
from services.aggregator.worker.transport import Chunk
from services.aggregator.worker.writer import group_id
from services.kit.kafka import client_options
from services.kit.partition_readers import Readers
from services.kit.settings import KafkaSettings
from tests import oracle
from tests.parts.facts import SECRET
from tests.parts.faulty_worker import FAULTS
from tests.parts.history import RecordToSend, SeededHistory
from tests.parts.kafka_topics import KafkaTopics

PARTITIONS = 1
Step = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture
def kafka_topics(broker: Broker) -> KafkaTopics:
    made = KafkaTopics(broker.bootstrap, PARTITIONS)
    made.declare()
    return made


def settings_of(kafka_topics: KafkaTopics) -> InstallationSettings:
    return InstallationSettings(kafka=kafka_topics.bootstrap, topic_prefix=kafka_topics.prefix, partitions=PARTITIONS)


class Owner(Partition):
    """A partition with readers of its own."""

    def __init__(self, kafka_topics: KafkaTopics, registry: CollectorRegistry, **changes: str) -> None:
        settings = settings_of(kafka_topics).model_copy(update=changes)
        super().__init__(settings, 0, WorkerMetrics(registry), Readers(settings), TransactionLimiter())

    async def close(self) -> None:
        await super().close()
        await self._readers.close()


def owner(kafka_topics: KafkaTopics, **changes: str) -> Owner:
    return Owner(kafka_topics, CollectorRegistry(), **changes)


def chunks(kafka_topics: KafkaTopics, inbox: list[oracle.OracleRecord], epoch: int, size: int = 100) -> list[Chunk]:
    """All input records, in chunks, as a worker of that epoch would fetch them."""
    made = []
    for topic in INPUTS:
        records = [InputRecord(m.offset, m.received_ms, m.key, m.value) for m in inbox if m.topic == topic]
        made += [
            Chunk(kafka_topics.prefix + topic, 0, epoch, records[at : at + size], 0)
            for at in range(0, len(records), size)
        ]
    return made


def topic_of(kafka_topics: KafkaTopics, chunk: Chunk) -> str:
    return chunk.topic.removeprefix(kafka_topics.prefix)


def made_records(records: int = 600, seed: int = 5) -> list[RecordToSend]:
    history = SeededHistory(seed, partitions=PARTITIONS, plans=2)
    return history.beginnings() + history.life(records)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def _read_on_after_a_late_commit(
    kafka_topics: KafkaTopics, inbox: list[oracle.OracleRecord]
) -> tuple[dict[str, int], dict[str, int]]:
    """A takeover in whose middle the former owner tries to commit one more chunk.

    Returns where the successor reads on, and where the last committed transaction ended.
    """
    waiting = chunks(kafka_topics, inbox, 0, size=100)
    former, successor = owner(kafka_topics), owner(kafka_topics)
    await former.take_over()
    first, second = (replace(chunk, epoch=former.epoch) for chunk in waiting[-2:])
    former._next[topic_of(kafka_topics, first)] = first.records[0].offset
    await former.process(topic_of(kafka_topics, first), first)
    ended = dict(former._next)
    steps = 0

    def then_the_former_owner_tries(step: Step) -> Step:
        async def both() -> None:
            nonlocal steps, ended
            await step()
            steps += 1
            if steps == 1:
                with suppress(KafkaError):
                    await former.process(topic_of(kafka_topics, second), second)
                    ended = dict(former._next)

        return both

    successor._load_progress = then_the_former_owner_tries(successor._load_progress)  # type: ignore[method-assign]  # replaced on purpose
    successor._writer.open = then_the_former_owner_tries(successor._writer.open)  # type: ignore[method-assign]  # replaced on purpose
    reads_on = await successor.take_over()
    await former.close()
    await successor.close()
    return reads_on, ended


def test_a_takeover_reads_on_where_the_last_transaction_ended(kafka_topics: KafkaTopics) -> None:
    kafka_topics.send(made_records())
    reads_on, ended = asyncio.run(_read_on_after_a_late_commit(kafka_topics, kafka_topics.input_records()))
    assert reads_on == ended


def test_looking_for_progress_before_opening_the_transactional_id_would_read_again(
    kafka_topics: KafkaTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka_topics.send(made_records())
    monkeypatch.setattr(
        Partition, "_open_then_load_progress", Partition._open_then_load_progress
    )  # put back what the fault replaces
    FAULTS["asks_before_opening"]()
    reads_on, ended = asyncio.run(_read_on_after_a_late_commit(kafka_topics, kafka_topics.input_records()))
    assert reads_on != ended


def test_a_former_owner_is_fenced_by_the_broker(kafka_topics: KafkaTopics) -> None:
    async def work(inbox: list[oracle.OracleRecord]) -> None:
        former, successor = owner(kafka_topics), owner(kafka_topics)
        await former.take_over()
        await successor.take_over()
        with pytest.raises(KafkaError):
            for chunk in chunks(kafka_topics, inbox, former.epoch):
                await former.process(topic_of(kafka_topics, chunk), chunk)
        for chunk in chunks(kafka_topics, inbox, successor.epoch):
            await successor.process(topic_of(kafka_topics, chunk), chunk)
        await former.close()
        await successor.close()

    kafka_topics.send(made_records())
    run(work(kafka_topics.input_records()))
    assert kafka_topics.differences() == []


def test_without_ids_that_belong_to_the_partition_a_former_owner_writes_on(
    kafka_topics: KafkaTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above: both write, and the facts log holds things twice."""
    from services.aggregator.worker.writer import PartitionWriter

    monkeypatch.setattr(PartitionWriter, "transactional_id", property(lambda self: f"own-{id(self)}"))

    async def work(inbox: list[oracle.OracleRecord]) -> None:
        former, successor = owner(kafka_topics), owner(kafka_topics)
        await former.take_over()
        await successor.take_over()
        for one in (former, successor):
            for chunk in chunks(kafka_topics, inbox, one.epoch):
                await one.process(topic_of(kafka_topics, chunk), chunk)
        await former.close()
        await successor.close()

    kafka_topics.send(made_records())
    run(work(kafka_topics.input_records()))
    assert kafka_topics.differences() != []


def test_a_chunk_fetched_before_a_takeover_is_thrown_away(kafka_topics: KafkaTopics) -> None:
    async def work(inbox: list[oracle.OracleRecord]) -> None:
        one = owner(kafka_topics)
        await one.take_over()
        before = chunks(kafka_topics, inbox, one.epoch)
        await one.take_over()
        for chunk in before[1:]:  # from the middle: deciding it would leave a gap
            await one.process(topic_of(kafka_topics, chunk), chunk)
        for chunk in before:
            await one.process(topic_of(kafka_topics, chunk), replace(chunk, epoch=one.epoch, taken=False))
        await one.close()

    kafka_topics.send(made_records())
    run(work(kafka_topics.input_records()))
    assert kafka_topics.differences() == []


def test_what_is_committed_for_the_group_does_not_say_where_to_read_on(kafka_topics: KafkaTopics) -> None:
    """Where to read on is written with the facts; what a tool commits for the group, or a broker forgets, moves nothing."""

    async def work(inbox: list[oracle.OracleRecord]) -> None:
        one = owner(kafka_topics)
        await one.take_over()
        for chunk in chunks(kafka_topics, inbox, one.epoch):
            await one.process(topic_of(kafka_topics, chunk), chunk)
        expected = dict(one._next)
        await one.close()
        async with AIOKafkaConsumer(
            **client_options(KafkaSettings(kafka=kafka_topics.bootstrap)),
            group_id=group_id(settings_of(kafka_topics)),
            enable_auto_commit=False,
        ) as tool:
            inputs = [TopicPartition(kafka_topics.prefix + topic, 0) for topic in INPUTS]
            tool.assign(inputs)
            await tool.commit(dict.fromkeys(inputs, 1))
        again = owner(kafka_topics)
        assert await again.take_over() == expected
        await again.close()

    kafka_topics.send(made_records())
    run(work(kafka_topics.input_records()))


def test_an_exception_after_decoding_stops_the_worker_and_loses_nothing(
    kafka_topics: KafkaTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours while an event is applied: nothing of its chunk is written, and the next worker accepts it."""
    whole = facts_module.PlanFacts.add_report
    kafka_topics.send(made_records(50))

    def breaks_on_one(self: Any, report: Any, seq: int, received_ms: int) -> tuple[str, ...]:
        if report.id == "e-7":
            raise RuntimeError("a fault of our own")
        return whole(self, report, seq, received_ms)

    async def fail(inbox: list[oracle.OracleRecord]) -> None:
        one = owner(kafka_topics)
        await one.take_over()
        with pytest.raises(RuntimeError, match="a fault of our own"):
            for chunk in chunks(kafka_topics, inbox, one.epoch):
                await one.process(topic_of(kafka_topics, chunk), chunk)
        await one.close()

    async def work(inbox: list[oracle.OracleRecord]) -> None:
        one = owner(kafka_topics)
        await one.take_over()
        for chunk in chunks(kafka_topics, inbox, one.epoch):
            await one.process(topic_of(kafka_topics, chunk), chunk)
        await one.close()

    with monkeypatch.context() as broken:
        broken.setattr(facts_module.PlanFacts, "add_report", breaks_on_one)
        run(fail(kafka_topics.input_records()))
    assert not kafka_topics.written("rejected")
    run(work(kafka_topics.input_records()))
    facts = [json.loads(record.value)["event"]["id"] for record in kafka_topics.written("facts")]
    assert facts.count("e-7") == 1
    assert len(facts) == 42  # of 52 records, 10 are duplicates, as in the test above


def test_a_worker_with_another_secret_takes_nothing_over(kafka_topics: KafkaTopics) -> None:
    """It would take every resend of an event with a note for a conflict."""

    async def work(inbox: list[oracle.OracleRecord]) -> None:
        one = owner(kafka_topics)
        await one.take_over()
        for chunk in chunks(kafka_topics, inbox, one.epoch):
            await one.process(topic_of(kafka_topics, chunk), chunk)
        await one.close()
        another = owner(kafka_topics, secret="ab" * 32)
        with pytest.raises(SecretChangedError, match="PANTAU_SECRET is not the one"):
            await another.take_over()
        await another.close()
        await one.take_over()
        await one.close()

    kafka_topics.send(made_records(20))
    run(work(kafka_topics.input_records()))


def test_the_live_snapshot_is_recomputed_from_the_facts_log(kafka_topics: KafkaTopics) -> None:
    """Recomputed from the facts alone, in one go, the snapshot is the same bytes."""

    async def work(inbox: list[oracle.OracleRecord]) -> None:
        one = owner(kafka_topics)
        await one.take_over()
        for chunk in chunks(kafka_topics, inbox, one.epoch, size=50):
            await one.process(topic_of(kafka_topics, chunk), chunk)
        await asyncio.sleep(0.3)  # the snapshots that were held back are due now, and nothing else takes them along
        await one.write_due_snapshots()
        await one.close()

    kafka_topics.send(made_records())
    run(work(kafka_topics.input_records()))
    again = state.PartitionState(0, PARTITIONS, SECRET)
    for record in kafka_topics.written("facts"):
        again.restore(parse_fact(record.value), record.value)
    last = {record.key: record.value for record in kafka_topics.written("realization")}
    assert len(last) == 2
    for value in last.values():
        snapshot = Snapshot.model_validate_json(value)
        assert again.snapshot(snapshot.plan).model_dump_json().encode() == value
        assert snapshot.cells[OVERALL][OVERALL][0] == 12


def test_a_former_owner_reports_no_metrics_of_its_plans_any_more(kafka_topics: KafkaTopics) -> None:
    registry = CollectorRegistry()

    async def work(inbox: list[oracle.OracleRecord]) -> None:
        one = Owner(kafka_topics, registry)
        await one.take_over()
        for chunk in chunks(kafka_topics, inbox, one.epoch):
            await one.process(topic_of(kafka_topics, chunk), chunk)
        async with asyncio.timeout(20):
            while one._state.changed:  # until no snapshot is held back any more
                await asyncio.sleep(0.02)
                await one.write_due_snapshots()
        assert b'pantau_realization_ratio{basis="claimed",dimension="overall",plan="kota-0"}' in generate_latest(
            registry
        )
        await one.give_up()
        assert b'plan="kota-0"' not in generate_latest(registry)
        await one.take_over()  # it comes back, with nothing new in the facts log
        async with asyncio.timeout(20):
            while b'plan="kota-0"' not in generate_latest(registry):
                await asyncio.sleep(0.02)
                await one.write_due_snapshots()
        await one.close()

    kafka_topics.send(made_records(50))
    run(work(kafka_topics.input_records()))


async def _take_over_beside_an_open_transaction(kafka_topics: KafkaTopics, ends_it: bool) -> dict[str, int]:
    """A takeover of a partition whose facts another writer's transaction is open on, which may be ended meanwhile."""
    stranger = AIOKafkaProducer(
        **client_options(KafkaSettings(kafka=kafka_topics.bootstrap)), transactional_id=f"{kafka_topics.prefix}stranger"
    )
    await stranger.start()
    one = owner(kafka_topics)
    try:
        await stranger.begin_transaction()
        await stranger.send_and_wait(kafka_topics.prefix + "facts", b"hidden", partition=0)
        taking_over = asyncio.create_task(one.take_over())
        await asyncio.wait({taking_over}, timeout=1.0)
        assert not taking_over.done()
        if ends_it:
            await stranger.abort_transaction()
        return await taking_over
    finally:
        await one.close()
        await stranger.stop()


def test_a_takeover_waits_for_a_transaction_that_is_still_open(kafka_topics: KafkaTopics) -> None:
    assert asyncio.run(_take_over_beside_an_open_transaction(kafka_topics, ends_it=True)) == dict.fromkeys(INPUTS, 0)


def test_a_transaction_that_hangs_is_not_built_upon(kafka_topics: KafkaTopics, monkeypatch: pytest.MonkeyPatch) -> None:
    # Kafka 4.3 forgets to end one on a partition without a leader: what it wrote is hidden, and would be written again.
    monkeypatch.setattr(committed, "HANGING_SECONDS", 1.5)

    with pytest.raises(
        committed.HangingTransactionError, match=r"a transaction hangs on facts-0 at 0; see docs/operations\.md"
    ):
        asyncio.run(_take_over_beside_an_open_transaction(kafka_topics, ends_it=False))
