"""A projection's SQLite file is damaged, deleted or full: nothing loops, and nothing is lost."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import event, select

from deploy.local.broker import Broker
from services.kit.projection.databases import is_damage, reading
from services.kit.projection.tables import DamagedError, RebuiltError
from tests.integration.line_projection import SEEN, LineInstallation, Replica, replicas, until_caught_up
from tests.parts.waiting import until


@pytest.fixture
def here(broker: Broker, tmp_path: Path) -> LineInstallation:
    """An installation on an SQLite file, with three records."""
    made = LineInstallation(broker, f"sqlite:///{tmp_path / 'lines.db'}")
    made.send(["a", "b", "c"])
    return made


def texts(installation: LineInstallation) -> list[str]:
    return sorted(row[3] for row in installation.rows())


def aside(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("lines.db.damaged-*") if file.name.endswith("Z"))


def damage(file: Path, first_page: int) -> None:
    """Overwrite a file from a page on, with all that was written in it."""
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with file.open("r+b") as opened:
        length = file.stat().st_size
        opened.seek(first_page * size)
        opened.write(b"\xa5" * (length - first_page * size))


def damaged_files(replica: Replica) -> float | None:
    return replica.registry.get_sample_value("pantau_projection_damaged_files", {"service": "lines"})


@pytest.mark.parametrize("first_page", [0, 1])
def test_a_file_that_is_damaged_at_the_start_is_put_aside_and_the_tables_are_built_anew(
    here: LineInstallation, tmp_path: Path, first_page: int
) -> None:
    for times in (1, 2, 3):
        with replicas(here.settings) as (replica,):
            until_caught_up(replica)
            assert replica.left == []
            assert damaged_files(replica) == min(times - 1, 2)
        assert texts(here) == ["a", "b", "c"]
        damage(tmp_path / "lines.db", first_page)
    with replicas(here.settings) as (replica,):
        until_caught_up(replica)
    assert texts(here) == ["a", "b", "c"]
    assert len(aside(tmp_path)) == 2, "the last two are kept"


def test_a_file_that_is_damaged_while_it_is_used_is_put_aside_whoever_finds_it(
    here: LineInstallation, tmp_path: Path
) -> None:
    with replicas(here.settings) as (replica,):
        until_caught_up(replica)
        damage(tmp_path / "lines.db", 1)
        replica.projection.engine.dispose()  # what connections remember of the file
        with pytest.raises(sqlite3.DatabaseError) as found, reading(replica.projection.engine) as connection:
            try:
                connection.execute(select(SEEN)).all()
            except Exception as error:
                assert is_damage(error)
                raise sqlite3.DatabaseError from error
        assert found.value.__cause__
        until(lambda: replica.left, what="it leaves")
        assert isinstance(replica.left[0], DamagedError) or is_damage(replica.left[0])
        assert len(aside(tmp_path)) == 1
    with replicas(here.settings) as (replica,):
        until_caught_up(replica)
        assert not replica.left
        assert damaged_files(replica) == 1
    assert texts(here) == ["a", "b", "c"]


def test_a_file_that_is_deleted_under_a_process_is_noticed(here: LineInstallation, tmp_path: Path) -> None:
    with replicas(here.settings) as (replica,):
        until_caught_up(replica)
        (tmp_path / "lines.db").unlink()
        until(lambda: replica.left, what="it leaves")
        assert isinstance(replica.left[0], RebuiltError)
    with replicas(here.settings) as (replica,):
        until_caught_up(replica)
    assert texts(here) == ["a", "b", "c"]


def test_a_database_that_is_full_is_waited_for(here: LineInstallation) -> None:
    """By SQLite's own limit, which it reports as it does a full disk: it finds its way out of a small disk's namespace."""
    with replicas(here.settings) as (replica,):
        until_caught_up(replica)
        engine, limits = replica.projection.engine, iter(["max_page_count=1"])

        @event.listens_for(engine, "connect")
        def limit(connection: sqlite3.Connection, _: object) -> None:
            for expected in limits:
                connection.execute(f"PRAGMA {expected}")

        engine.dispose()
        here.send(["x" * 10_000] * 30)
        until(lambda: "is full" in str(replica.projection.ready()[1]["projection"]), what="it says why it waits")
        assert not replica.projection.ready()[0]
        assert replica.projection.caught_up, "what was read can still be asked for"
        engine.dispose()
        until(lambda: len(replica.received) == 33)
        until(lambda: replica.projection.ready()[0])
        assert not replica.left
    assert len(here.rows()) == 33
