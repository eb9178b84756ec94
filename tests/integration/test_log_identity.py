"""Tables are of one log: another one is noticed, at the start and when the broker comes back, and so are other tables."""

import shutil
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka import TopicPartition as KafkaPartition
from prometheus_client import CollectorRegistry
from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, insert

from deploy.local.broker import Broker
from services.kit.kafka import client_options
from services.kit.projection.databases import TEXT, table_prefix, upsert, writing
from services.kit.projection.follower import Place, Projection, Record
from services.kit.projection.log_identity import ReadPosition
from services.kit.projection.tables import ProjectionTables, RebuiltError
from tests.integration.line_projection import LINES, LineInstallation, Lines, Replica, replicas, until_caught_up
from tests.parts import broker as brokers
from tests.parts.waiting import until


def texts(installation: LineInstallation) -> list[str]:
    return sorted(row[3] for row in installation.rows())


def note_another_last(replica: Replica, place: Place, **values: object) -> None:
    """Change an offset row as if another record had been read last."""
    with writing(replica.projection.engine) as connection:
        replica.projection._tables.move(connection, {place: ReadPosition(**values)})  # type: ignore[arg-type]  # the values are the caller's to choose


@pytest.mark.parametrize("topic", ["facts", "rejected"])
def test_another_record_where_the_last_one_was_read_is_another_log(installation: LineInstallation, topic: str) -> None:
    """Offsets alone don't show it: the log holds every offset that was read."""
    installation.send(["a", "b", "c"], topic=topic)
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        place = Place(topic, 1)
        read = replica.projection._tables.stored[place]
        assert read.last is not None
        note_another_last(replica, place, next=read.next, last=read.last._replace(sha256="0" * 64))
    installation.send(["d", "e", "f"], topic=topic)
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        assert replica.loaded == [0]
        assert not replica.left
    assert texts(installation) == ["a", "b", "c", "d", "e", "f"]


def test_a_marker_where_the_last_record_was_read_is_another_log(installation: LineInstallation) -> None:
    installation.send(["a", "b", "c"], transactional=True)
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        read = replica.projection._tables.stored[Place("facts", 0)]
        assert read.last is not None
        note_another_last(replica, Place("facts", 0), next=2, last=read.last._replace(offset=1))
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        assert replica.loaded == [0]
    assert texts(installation) == ["a", "b", "c"]


def test_a_last_record_that_is_gone_for_its_age_is_no_other_log(installation: LineInstallation) -> None:
    installation.send(["a", "b", "c", "d"], topic="rejected")
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
    with closing(KafkaAdminClient(**client_options(installation.settings))) as admin:
        admin.delete_records({KafkaPartition(f"{installation.settings.topic_prefix}rejected", 0): 2})
    installation.send(["e"], topic="rejected")
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        assert replica.loaded == [4]
    assert texts(installation) == ["a", "b", "c", "d", "e"]


def test_a_broker_that_comes_back_with_another_log_is_noticed_before_a_record_of_it_is_applied(
    own_broker: Broker, tmp_path: Path
) -> None:
    installation = LineInstallation(own_broker, f"sqlite:///{tmp_path / 'lines.db'}")
    installation.send(["a", "b", "c"])
    own_broker.stop()
    shutil.copytree(own_broker.folder, tmp_path / "backup")
    own_broker.start()
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
        installation.send(["d", "e", "f"])
        until(lambda: len(replica.received) == 6)
        own_broker.stop()
        with brokers.running(tmp_path / "backup") as restored:
            elsewhere = installation.settings.model_copy(update={"kafka": restored.bootstrap})
            LineInstallation.send(_At(elsewhere), ["other"] * 9)  # type: ignore[arg-type]  # it needs the settings only
        shutil.rmtree(own_broker.folder)
        shutil.copytree(tmp_path / "backup", own_broker.folder)
        own_broker.start()
        until(lambda: replica.left, what="it notices")
        assert "the log is another one" in str(replica.left[0])
        assert len(replica.received) == 6
    assert texts(installation) == ["a", "b", "c", "d", "e", "f"], "and nothing of the other log among it"
    with replicas(installation.settings) as (replica,):
        until_caught_up(replica)
    assert texts(installation) == ["a", "b", "c"] + ["other"] * 9


class _At(NamedTuple):
    settings: Any


# ── compacted topics ─────────────────────────────────────────────────────────────────────────────────────────────────


class Keys(NamedTuple):
    """Lines, and beside them what `access` says: its values by their keys."""

    lines: Lines
    keys: Table

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        self.lines.apply(connection, records)
        rows = [{"key": r.key.decode(), "value": r.value} for r in records if r.topic == "access" and r.key]
        upsert(connection, self.keys, rows)


def keys() -> Keys:
    tables = MetaData()
    prefix = table_prefix("lines", 1)
    seen, last = LINES.seen.to_metadata(tables), LINES.last.to_metadata(tables)
    table = Table(f"{prefix}keys", tables, Column("key", TEXT, primary_key=True), Column("value", LargeBinary))
    return Keys(Lines(1, tables, seen, last), table)


KEYS = keys()
WITH_ACCESS: dict[str, Any] = {
    "lines": KEYS.lines,
    "apply": KEYS.apply,
    "topics": ("facts", "access"),
    "compacted": {"access": KEYS.keys},
}


def send_log_identity(installation: LineInstallation, **values: str) -> None:
    """Write values under their keys to `access`."""
    with KafkaProducer(**client_options(installation.settings)) as producer:
        for key, value in values.items():
            producer.send(f"{installation.settings.topic_prefix}access", value.encode(), key.encode(), partition=0)


def test_a_compacted_topic_is_read_whole_at_a_start(installation: LineInstallation) -> None:
    """Its table is then what the topic says: without keys that are gone from it, whatever was written before."""
    send_log_identity(installation, one="1", two="2")
    send_log_identity(installation, one="1 again")
    with replicas(installation.settings, **WITH_ACCESS) as (replica,):
        until_caught_up(replica)
        assert installation.rows(KEYS.keys) == [("one", b"1 again"), ("two", b"2")]
        with writing(replica.projection.engine) as connection:
            connection.execute(insert(KEYS.keys).values(key="gone", value=b"its tombstone too"))
            connection.execute(KEYS.keys.update().where(KEYS.keys.c.key == "two").values(value=b"of another log"))
            row = replica.projection._tables.offsets.c
            beyond = replica.projection._tables.offsets.update().where(row.topic == "access").values(next=100)
            connection.execute(beyond)
    installation.send(["a", "b", "c"])
    with replicas(installation.settings, **WITH_ACCESS) as (replica,):
        until_caught_up(replica)
        assert installation.rows(KEYS.keys) == [("one", b"1 again"), ("two", b"2")]
        send_log_identity(installation, two="3")
        until(lambda: installation.rows(KEYS.keys) == [("one", b"1 again"), ("two", b"3")])
        assert not replica.left
    assert texts(installation) == ["a", "b", "c"], "and the rest was not read again"


def test_a_replica_that_reads_whole_does_not_disturb_one_that_runs(installation: LineInstallation) -> None:
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            send_log_identity(installation, counter=f"{number:06d}")
            installation.send(["line"])

    with replicas(installation.settings, **WITH_ACCESS) as (one,):
        until_caught_up(one)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                with replicas(installation.settings, **WITH_ACCESS) as (other,):
                    until_caught_up(other)
                    size = len(one.received)
                    until(lambda other=other, size=size: len(one.received) > size + 5 and len(other.received) > 5)  # type: ignore[misc]  # mypy infers no type for the default
                    assert not other.left
        finally:
            done.set()
            writer.join()
        assert not one.left
        offsets = [record.offset for record in one.received if record.topic == "access"]
        assert offsets == list(range(len(offsets))), "it received each once"


def test_a_compacted_topic_without_its_table_is_refused(installation: LineInstallation) -> None:
    with pytest.raises(ValueError, match="compacted topics without their tables: access"):
        Projection(
            installation.settings,
            CollectorRegistry(),
            service="lines",
            version=1,
            topics=("facts", "access"),
            tables=LINES.tables,
            compacted={},
            apply=LINES.apply,
        )


# ── tables built anew ────────────────────────────────────────────────────────────────────────────────────────────────


class _CarelessOfBuilds(ProjectionTables):
    """Compares offsets only."""

    def compare_and_set(self, connection: Connection, place: Place, old: int, new: ReadPosition) -> None:
        self.build = connection.execute(self.offsets.select()).first().build  # type: ignore[union-attr]  # there always is a row
        super().compare_and_set(connection, place, old, new)


def rebuilt_under_a_replica(installation: LineInstallation, tables: type[ProjectionTables]) -> Replica:
    """A replica that holds records for tables which another one meanwhile builds anew, up to the same offsets."""
    holding, go_on = threading.Event(), threading.Event()

    class SlowTables(tables):  # type: ignore[valid-type, misc]  # the base is an argument
        def commit(self, chunk: Any) -> int:
            holding.set()
            assert go_on.wait(30)
            overtaken: int = super().commit(chunk)
            return overtaken

    class SlowProjection(Projection):
        _Tables = SlowTables

    with replicas(installation.settings, kind=SlowProjection) as (slow,):
        until_caught_up(slow)
        installation.send(["a", "b", "c"])
        assert holding.wait(30)
        with writing(slow.projection.engine) as connection:  # as another one would, for a log that holds nothing yet
            mine = slow.projection._tables
            connection.execute(mine.offsets.update().values(build="another"))
        go_on.set()
        until(lambda: slow.left or len(slow.received) == 3)
    return slow


def test_a_replica_that_knows_former_tables_does_not_write_into_those_built_anew(
    installation: LineInstallation,
) -> None:
    slow = rebuilt_under_a_replica(installation, ProjectionTables)
    assert [type(error) for error in slow.left] == [RebuiltError]
    assert texts(installation) == []


def test_without_the_build_id_it_would(installation: LineInstallation) -> None:
    slow = rebuilt_under_a_replica(installation, _CarelessOfBuilds)
    assert slow.left == []
    assert texts(installation) == ["a", "b", "c"]


def test_an_idle_replica_notices_that_its_tables_were_built_anew(installation: LineInstallation) -> None:
    with replicas(installation.settings) as (idle,):
        until_caught_up(idle)
        with writing(idle.projection.engine) as connection:
            connection.execute(idle.projection._tables.offsets.update().values(build="another"))
        until(lambda: idle.left, what="it notices")
        assert "were rebuilt" in str(idle.left[0])
