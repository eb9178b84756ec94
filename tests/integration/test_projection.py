"""A projection on a real broker, on SQLite and on PostgreSQL: each record once, whoever applies it, and back after a drop."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from itertools import count
from typing import Any

import pytest
from aiokafka import TopicPartition
from kafka import KafkaAdminClient
from kafka import TopicPartition as KafkaPartition
from sqlalchemy import Connection, Engine, MetaData, func, inspect, select

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from schemas.facts import Progress
from schemas.topics import TOPICS
from services.kit.kafka import client_options
from services.kit.projection import follower as projection_module
from services.kit.projection.databases import is_outage, open_engine, reading, writing
from services.kit.projection.follower import Place, Projection, Record
from services.kit.projection.log_identity import ReadPosition
from services.kit.projection.tables import ProjectionTables
from services.kit.topics import TopicsDifferError, declare_topics
from tests.integration.line_projection import (
    LATER,
    LINES,
    PARTITIONS,
    SEEN,
    LineInstallation,
    replicas,
    until_caught_up,
)
from tests.parts.waiting import until

_numbers = count(1)


class Careless(Projection):
    """A projection that moves the offset without comparing it."""

    class _Tables(ProjectionTables):
        def compare_and_set(self, connection: Connection, place: Place, _: int, new: ReadPosition) -> None:
            self.move(connection, {place: new})


def _applied_by_two(installation: LineInstallation, kind: type[Projection]) -> Counter[tuple[Any, ...]]:
    """How often each record was applied while two replicas race for a log that grows."""
    texts = [f"line {number}" for number in range(600)]
    with replicas(installation.settings, 2, kind=kind) as (one, other):
        until_caught_up(one, other)
        for at in range(0, len(texts), 60):
            installation.send(texts[at : at + 60], transactional=at % 120 == 0)
        until(lambda: len(one.received) >= 600 and len(other.received) >= 600, what="both received every record")
        assert not one.left
        assert not other.left
        for replica in (one, other):
            assert Counter(Counter((r.topic, r.partition, r.offset) for r in replica.received).values()) == {1: 600}
    return Counter(installation.rows())


def test_two_replicas_apply_each_record_once_and_both_receive_all(installation: LineInstallation) -> None:
    applied = _applied_by_two(installation, Projection)
    assert Counter(applied.values()) == {1: 600}
    assert {row[3] for row in applied} == {f"line {number}" for number in range(600)}


def test_without_the_compare_records_are_applied_twice(installation: LineInstallation) -> None:
    applied = _applied_by_two(installation, Careless)
    assert max(applied.values()) == 2


def test_an_overtaken_replica_goes_on_though_it_has_read_past_an_aborted_transaction(
    installation: LineInstallation,
) -> None:
    """A position moves past what was aborted, the offset row does not: that is no sign of tables set back."""
    installation.send(["a", "b", "c"])
    with replicas(installation.settings) as (one,):
        until_caught_up(one)
        installation.send(["never"], transactional=True, commit=False)
        until(lambda: one.projection.position("facts", 0) == 3, what="the aborted record and its marker are passed")
        with writing(one.projection.engine) as connection:  # as a faster replica would
            offsets = one.projection._tables.offsets
            behind_e = (offsets.c.topic == "facts") & (offsets.c.partition == 1)
            connection.execute(offsets.update().where(behind_e).values(next=2))
        installation.send(["d", "e", "f"])
        until(lambda: one.left or len(one.received) == 6, what="it has received all, or has stopped")
        assert one.left == []


def test_a_restart_goes_on_where_it_was(installation: LineInstallation) -> None:
    installation.send(["a", "b", "c"])
    with replicas(installation.settings) as (first,):
        until_caught_up(first)
        assert first.loaded == [0]
    installation.send(["d", "e", "f"], transactional=True)
    with replicas(installation.settings) as (second,):
        until_caught_up(second)
        assert second.loaded == [3], "what is in memory is built from what was there"
        assert [record.value for record in second.received] == [b"d", b"e", b"f"], "and received only what is new"
    assert sorted(row[3] for row in installation.rows()) == ["a", "b", "c", "d", "e", "f"]


def test_dropped_and_replayed_the_tables_are_back(installation: LineInstallation) -> None:
    installation.send([f"line {number}" for number in range(50)], transactional=True)
    installation.send([f"more {number}" for number in range(50)])
    with replicas(installation.settings) as (first,):
        until_caught_up(first)
    before = installation.rows(), installation.rows(LINES.last)
    engine = open_engine(installation.settings.database_url("lines"))
    there = MetaData()
    there.reflect(engine)
    there.drop_all(engine)
    engine.dispose()
    with replicas(installation.settings) as (again,):
        until_caught_up(again)
    assert (installation.rows(), installation.rows(LINES.last)) == before


def test_a_new_version_of_the_tables_is_built_by_replay(installation: LineInstallation) -> None:
    installation.send(["a", "b"])
    with replicas(installation.settings) as (first,):
        until_caught_up(first)

    def shout(connection: Connection, records: Sequence[Record]) -> None:
        LATER.apply(connection, [r._replace(value=(r.value or b"").upper()) for r in records])

    with replicas(installation.settings, lines=LATER, apply=shout) as (second,):
        until_caught_up(second)
        assert second.loaded == [0]
    assert sorted(row[3] for row in installation.rows(LATER.seen)) == ["A", "B"]


def table_names(installation: LineInstallation) -> set[str]:
    engine = open_engine(installation.settings.database_url("lines"))
    try:
        with reading(engine) as connection:
            return set(inspect(connection).get_table_names())
    finally:
        engine.dispose()


def test_newer_tables_do_not_disturb_an_older_program_and_the_reverse(installation: LineInstallation) -> None:
    installation.send(["a", "b"])
    with replicas(installation.settings, lines=LATER) as (newer,):
        until_caught_up(newer)
        with replicas(installation.settings) as (older,):
            until_caught_up(older)
            installation.send(["c"])
            until(lambda: len(older.received) == len(newer.received) == 3)
            assert not older.left
            assert not newer.left
    assert sorted(row[3] for row in installation.rows()) == ["a", "b", "c"]
    assert sorted(row[3] for row in installation.rows(LATER.seen)) == ["a", "b", "c"]


def test_an_older_process_serves_until_the_newer_tables_have_caught_up_and_longer(
    broker: Broker, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With PostgreSQL; an SQLite file has one process."""
    monkeypatch.setattr(projection_module, "DROP_SECONDS", 0.1)
    installation = LineInstallation(broker, postgres_url)
    installation.send(["a", "b"])
    with replicas(installation.settings) as (older,):
        until_caught_up(older)
        with replicas(installation.settings, lines=LATER) as (newer,):
            until_caught_up(newer)
            until(lambda: newer.projection._drop_at, what="the newer one found the former tables in use")
            installation.send(["c"])
            until(lambda: len(older.received) == len(newer.received) == 3)
            assert older.left == []
            assert len(installation.rows()) == 3
            older.ask(older.following.aclose())
            until(lambda: newer.projection._drop_at is None, what="it dropped them")
    assert {name for name in table_names(installation) if name.startswith("lines_v1")} == set()


def test_tables_of_a_former_version_are_dropped_when_the_new_ones_have_caught_up(
    installation: LineInstallation,
) -> None:
    installation.send(["a", "b"])
    with replicas(installation.settings) as (first,):
        until_caught_up(first)

    def wait_for_release(connection: Connection, records: Sequence[Record]) -> None:
        assert released.wait(30)
        LATER.apply(connection, records)

    released = threading.Event()
    with replicas(installation.settings, lines=LATER, apply=wait_for_release) as (second,):
        until(lambda: second.projection._tables.build, what="the new tables are there")
        assert len(installation.rows()) == 2, "and the former ones, while the new ones are empty"
        released.set()
        until_caught_up(second)
        until(lambda: second.projection._drop_at is None)
        assert not any(name.startswith("lines_v1_") for name in table_names(installation))
        assert not second.left


def test_a_mistake_in_applying_ends_the_process_and_nothing_of_the_chunk_stays(installation: LineInstallation) -> None:
    def stumble(connection: Connection, records: Sequence[Record]) -> None:
        LINES.apply(connection, records)
        raise ZeroDivisionError

    installation.send(["a", "b", "c"])
    with replicas(installation.settings, apply=stumble) as (replica,):
        until(lambda: replica.left)
        assert isinstance(replica.left[0], ZeroDivisionError)
    assert installation.rows() == []


def test_one_waits_for_a_record_and_for_its_outcome(installation: LineInstallation) -> None:
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        projection = replica.projection
        assert replica.ask(projection.wait_for("facts", 0, 0, 0.05)) is False
        installation.send(["a"])
        assert replica.ask(projection.wait_for("facts", 0, 0, 10)) is True
        assert replica.ask(projection.wait_until_processed("program-status", 0, 7, 0.05)) is False, "no progress yet"

        progress = Progress(
            partition=0,
            next_offsets={"masterplans": 0, "program-status": 8, "evaluations": 0},
            outcomes={},
            facts_end=2,
            rejected_end=0,
        )
        installation.send([progress.model_dump_json()], topic="aggregator-progress")
        assert replica.ask(projection.wait_for("aggregator-progress", 0, 0, 10)) is True
        assert replica.ask(projection.wait_until_processed("program-status", 0, 7, 0.05)) is False, (
            "its facts are not here"
        )
        installation.send(["b"])
        assert replica.ask(projection.wait_until_processed("program-status", 0, 7, 10)) is True
        assert replica.ask(projection.wait_until_processed("program-status", 0, 8, 0.05)) is False
    with replicas(installation.settings) as (again,):
        until_caught_up(again)
        assert again.ask(again.projection.wait_until_processed("program-status", 0, 7, 1)) is True, (
            "progress is remembered"
        )


def test_a_log_that_is_another_one_is_read_from_its_beginning(broker: Broker, database: str) -> None:
    first, second = LineInstallation(broker, database), LineInstallation(broker, database)
    first.send(["old"] * 9)
    second.send(["new"] * 3)
    with replicas(first.settings) as (replica,):
        until_caught_up(replica)
    with replicas(second.settings) as (replica,):
        until_caught_up(replica)
    assert [row[3] for row in second.rows()] == ["new"] * 3


def test_a_log_that_lost_what_was_read_of_it_is_read_from_its_beginning(installation: LineInstallation) -> None:
    installation.send(["a", "b", "c"])
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        with writing(replica.projection.engine) as connection:  # as if more had been there
            connection.execute(replica.projection._tables.offsets.update().values(next=100))
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        assert replica.loaded == [0]
        assert sorted(row[3] for row in installation.rows()) == ["a", "b", "c"]


def test_a_log_that_is_cut_while_it_is_read_is_read_from_its_beginning(installation: LineInstallation) -> None:
    """As by a broker that ended in the middle of a write, even where the log has grown again since."""
    installation.send(["a", "b", "c"])
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        place = TopicPartition(f"{installation.settings.topic_prefix}facts", 0)

        async def beyond() -> None:
            assert replica.projection._consumer is not None
            replica.projection._consumer.seek(place, 100)

        replica.ask(beyond())
        until(lambda: replica.left, what="it leaves")
        assert "ends before the offset already read: [Place(topic='facts', partition=0)]" in str(replica.left[0])
    installation.send(["d", "e", "f"])
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        assert replica.loaded == [0]
        assert sorted(row[3] for row in installation.rows()) == ["a", "b", "c", "d", "e", "f"]


def test_what_was_deleted_for_its_age_is_passed_over(installation: LineInstallation) -> None:
    installation.send(["a", "b", "c", "d"])
    place = f"{installation.settings.topic_prefix}facts"
    with closing(KafkaAdminClient(**client_options(installation.settings))) as admin:
        admin.delete_records({KafkaPartition(place, 0): 1})
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        assert sorted(row[3] for row in installation.rows()) == ["b", "c", "d"]


def test_a_replica_that_starts_does_not_take_what_the_other_has_just_read_for_lost(
    installation: LineInstallation,
) -> None:
    """Between its questions for the ends and for the tables the other goes on."""
    installation.send(["a", "b", "c"])

    class SlowApplying(Projection):
        async def _differences(self, consumer: Any, read: Mapping[Place, ReadPosition]) -> list[str]:
            for texts, applied in ((["d", "e", "f"], 6), (["g", "h", "i"], 9)):
                await asyncio.to_thread(installation.send, texts)
                await asyncio.to_thread(
                    until, lambda applied=applied: len(one.received) == applied, what="the other has gone on"
                )
                found = await super()._differences(consumer, read)
            return found

    with replicas(installation.settings) as (one,):
        until_caught_up(one)
        with replicas(installation.settings, kind=SlowApplying) as (other,):
            until_caught_up(other)
            assert other.loaded == [9]
        assert one.left == []


def test_it_comes_back_after_the_broker_did(own_broker: Broker, database: str) -> None:
    installation = LineInstallation(own_broker, database)
    installation.send(["a", "b", "c"])
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        own_broker.stop()
        assert replica.projection.ready()[0], "what is known can still be read"
        until(lambda: "not answered" in str(replica.projection.ready()[1]["broker"]))
        own_broker.start()
        installation.send(["d", "e", "f"])
        until(lambda: len(replica.received) == 6)
        until(lambda: replica.projection.ready()[1]["broker"] == "answers")
        assert not replica.left
    assert sorted(row[3] for row in installation.rows()) == ["a", "b", "c", "d", "e", "f"]


def test_without_a_broker_it_is_not_ready_and_gives_the_reason(own_broker: Broker, database: str) -> None:
    installation = LineInstallation(own_broker, database)
    installation.send(["a"])
    own_broker.stop()
    with replicas(installation.settings) as (replica,):
        until(lambda: "Error" in str(replica.projection.ready()[1]["projection"]))
        ready, checks = replica.projection.ready()
        assert not ready
        assert checks["caught_up"] is False
        own_broker.start()
        until(lambda: replica.projection.ready()[0])


def test_it_reports_how_far_it_is(installation: LineInstallation) -> None:
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        installation.send(["a", "b", "c", "d"])
        until(lambda: len(replica.received) == 4)

        def sample_value(name: str, **labels: str) -> float | None:
            return replica.registry.get_sample_value(f"pantau_projection_{name}", {"service": "lines"} | labels)

        until(lambda: sample_value("records_total") == 4.0)
        assert sample_value("caught_up") == 1.0
        assert (sample_value("last_commit_timestamp_seconds") or 0) > 0
        until(lambda: sample_value("lag_records", topic="facts") == 0.0)
        assert sample_value("lag_seconds", topic="facts") == 0.0


def test_a_chunk_is_of_one_moment_for_those_who_read(database: str) -> None:
    engine = open_engine(database)
    LINES.tables.create_all(engine)

    def rows(connection: Connection) -> int:
        return connection.execute(select(func.count()).select_from(SEEN)).scalar_one()

    with reading(engine) as reader:
        assert rows(reader) == 0
        with writing(engine) as writer:
            LINES.apply(writer, [Record("facts", 0, 0, 0, None, b"a", {})])
        assert rows(reader) == 0, "it reads on in the moment in which it began"
    with reading(engine) as reader:
        assert rows(reader) == 1
    engine.dispose()


@pytest.fixture
def engine(database: str) -> Generator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def test_a_mistake_is_not_taken_for_an_outage(engine: Engine) -> None:
    with reading(engine) as connection, pytest.raises(Exception, match="nowhere") as mistake:
        connection.exec_driver_sql("SELECT * FROM nowhere")
    assert not is_outage(mistake.value)


@pytest.mark.parametrize("url", ["sqlite:////proc/nowhere.db", "postgresql+psycopg://nobody@127.0.0.1:1/none"])
def test_a_database_that_is_not_there_is_an_outage(url: str) -> None:
    absent = open_engine(url)
    with pytest.raises(Exception, match=r"unable to open|refused") as outage, reading(absent):
        pass
    assert is_outage(outage.value)
    absent.dispose()


def test_topics_that_differ_are_refused_with_every_difference(installation: LineInstallation) -> None:
    other = installation.settings.model_copy(update={"partitions": PARTITIONS + 1})
    with pytest.raises(TopicsDifferError) as refused:
        asyncio.run(declare_topics(other))
    for topic in TOPICS:
        assert f"{other.topic_prefix}{topic.name}: 3 partitions found, 4 expected" in str(refused.value)


def test_topics_may_be_declared_by_all_at_once(broker: Broker) -> None:
    settings = InstallationSettings(kafka=broker.bootstrap, topic_prefix=f"declared{next(_numbers)}-", partitions=2)

    async def all_at_once(declare: Callable[..., Any]) -> set[str]:
        return set(await asyncio.gather(*(declare(settings) for _ in range(4))))

    assert len(asyncio.run(all_at_once(declare_topics))) == 1
