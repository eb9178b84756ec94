"""The database of a projection: one interface for SQLite (WAL) and PostgreSQL."""

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

BUSY_SECONDS = 30
CONNECT_SECONDS = 5
SILENT_MS = 15_000  # without acknowledged packets, after which a connection to PostgreSQL is closed
WRITES = "pantau_writes"
SQLITE_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)
TEXT = String().with_variant(String(collation="C"), "postgresql")
"""Text, compared and sorted as its UTF-8 bytes on both databases, whatever locale the database was made with."""
SQLITE_DAMAGES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
COPIED = {String: "text", Integer: "int4", BigInteger: "int8", LargeBinary: "bytea"}  # PostgreSQL's names


def table_prefix(service: str, version: int) -> str:
    """What the names of a service's tables of a version begin with."""
    return f"{service}_v{version}_"


def open_engine(url: str) -> Engine:
    """An engine for a URL; connects when first used."""
    where = make_url(url)
    if where.get_backend_name() != "sqlite":
        bounds = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": SILENT_MS}
        return create_engine(where, pool_pre_ping=True, connect_args=bounds)
    if where.database:
        Path(where.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(where, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transaction by itself: `_begin` does
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "PRAGMA synchronous=NORMAL"
        )  # a power cut loses the last rows together with their offsets, so they are read again

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writing transaction takes the write lock at once: one that began by reading can't always get it later.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """A transaction that writes: committed at the end, rolled back by an exception."""
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """A transaction that only reads, from one snapshot; PostgreSQL needs REPEATABLE READ for that."""
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**level) as connection, connection.begin():
        yield connection


@contextmanager
def alone(engine: Engine, name: str) -> Generator[None]:
    """Hold a named lock among all processes that use a PostgreSQL database; blocks. SQLite needs none."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
        yield


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows, each a tuple in the order of the table's columns, the fastest way the database has."""
    if not rows:
        return
    names = ", ".join(table.c.keys())
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(table.c))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(rows))  # noqa: S608 - names of our tables and columns
        return
    with (
        _psycopg(connection).cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types([COPIED[type(column.type)] for column in table.c])
        for row in rows:
            copy.write_row(row)


def read_blobs(connection: Connection, asked: Select[tuple[bytes]]) -> list[bytes]:
    """The values of a query's one column. PostgreSQL is asked for binary format, since it sends bytes as text by
    default."""
    if connection.dialect.name == "sqlite":
        return list(connection.scalars(asked))
    compiled = asked.compile(dialect=connection.dialect)
    with _psycopg(connection).cursor(binary=True) as cursor:
        return [value for (value,) in cursor.execute(str(compiled).encode(), compiled.params)]


def _psycopg(connection: Connection) -> "psycopg.Connection[tuple[Any, ...]]":
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, replacing those with the same primary key. Of several rows with one key in `rows` the last wins."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    last = {tuple(row[key] for key in keys): row for row in rows}
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table)
    others = {name: insert.excluded[name] for name in table.c.keys() if name not in keys}  # noqa: SIM118 - columns, not a dict
    # A row that consists of its key only has nothing to replace.
    taken = (
        insert.on_conflict_do_update(index_elements=keys, set_=others) if others else insert.on_conflict_do_nothing()
    )
    connection.execute(taken, list(last.values()))


def is_outage(error: BaseException) -> bool:
    """Whether a database could not be reached, or asked for a retry: no defect of ours."""
    if isinstance(error, PoolTimeoutError | psycopg.OperationalError):  # the second from queries that bypass SQLAlchemy
        return True
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return _code(error.orig) in SQLITE_OUTAGES
    return error.connection_invalidated or isinstance(error, OperationalError)


def is_damage(error: BaseException) -> bool:
    """Whether SQLite found its file damaged, or not a database at all."""
    orig = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(orig, sqlite3.Error) and _code(orig) in SQLITE_DAMAGES


def is_missing_table(error: BaseException) -> bool:
    """Whether a table is missing, as it is while another process rebuilds the tables."""
    orig = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(orig, sqlite3.Error):
        return _code(orig) == sqlite3.SQLITE_ERROR and str(orig).startswith("no such table")
    return isinstance(orig, psycopg.errors.UndefinedTable)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
