"""A projection `lines` of topics with a prefix of their own, and replicas of it in the tests' process."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaProducer
from prometheus_client import CollectorRegistry
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, func, select

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from services.kit.kafka import client_options
from services.kit.projection.databases import TEXT, open_engine, reading, table_prefix, upsert
from services.kit.projection.follower import Projection, Record
from services.kit.topics import declare_topics
from tests.parts.waiting import until

PARTITIONS = 3
FOLLOWED = ("facts", "rejected", "aggregator-progress")
_numbers = count(1)


class Lines(NamedTuple):
    """The tables of a version. No unique key: a record that is applied twice is there twice."""

    version: int
    tables: MetaData
    seen: Table
    last: Table

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Every record as a row, and the last of each partition."""
        rows = [
            {"topic": r.topic, "partition": r.partition, "offset": r.offset, "text": (r.value or b"").decode()}
            for r in records
            if r.topic != "access"
        ]
        if rows:
            connection.execute(self.seen.insert(), rows)
        upsert(connection, self.last, [{"partition": row["partition"], "text": row["text"]} for row in rows])


def lines(version: int) -> Lines:
    tables, prefix = MetaData(), table_prefix("lines", version)
    seen = Table(
        f"{prefix}seen",
        tables,
        Column("topic", TEXT),
        Column("partition", Integer),
        Column("offset", BigInteger),
        Column("text", TEXT),
    )
    last = Table(f"{prefix}last", tables, Column("partition", Integer, primary_key=True), Column("text", TEXT))
    return Lines(version, tables, seen, last)


LINES, LATER = lines(1), lines(2)
SEEN = LINES.seen


class LineInstallation:
    """Topics with a prefix of their own, and a database."""

    def __init__(self, broker: Broker, database: str) -> None:
        self.settings = InstallationSettings(
            kafka=broker.bootstrap,
            topic_prefix=f"projection{next(_numbers)}-",
            partitions=PARTITIONS,
            database=database,
        )
        asyncio.run(declare_topics(self.settings))

    def send(
        self, texts: Sequence[str], *, topic: str = "facts", transactional: bool = False, commit: bool = True
    ) -> None:
        """Send texts to all partitions in turn; in a transaction, markers of which have offsets too."""
        identity = f"{self.settings.topic_prefix}test" if transactional else None
        with KafkaProducer(**client_options(self.settings), linger_ms=5, transactional_id=identity) as producer:
            if transactional:
                producer.init_transactions()
                producer.begin_transaction()
            sent = [
                producer.send(self.settings.topic_prefix + topic, text.encode(), b"key", partition=number % PARTITIONS)
                for number, text in enumerate(texts)
            ]
            producer.flush()
            if transactional:
                (producer.commit_transaction if commit else producer.abort_transaction)()
            for future in sent:
                future.get(30)

    def rows(self, table: Table = SEEN) -> list[tuple[Any, ...]]:
        engine = open_engine(self.settings.database_url("lines"))
        try:
            with reading(engine) as connection:
                return sorted(tuple(row) for row in connection.execute(select(table)))
        finally:
            engine.dispose()


class Replica(NamedTuple):
    """A projection that runs in an event loop of its own, and the records it has passed on."""

    projection: Projection
    received: list[Record]
    loaded: list[int]
    left: list[BaseException]
    loop: asyncio.AbstractEventLoop
    registry: CollectorRegistry
    following: AsyncExitStack

    def ask(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)


def _start(settings: InstallationSettings, stack: list[Any], options: dict[str, Any]) -> Replica:
    received: list[Record] = []
    loaded: list[int] = []
    left: list[BaseException] = []
    kind, made = options.pop("kind", Projection), options.pop("lines", LINES)

    async def on_commit(records: Sequence[Record]) -> None:
        received.extend(records)

    def load(connection: Connection) -> None:
        loaded.append(connection.execute(select(func.count()).select_from(made.seen)).scalar_one())

    registry = CollectorRegistry()
    given = {"apply": made.apply, "topics": FOLLOWED, "compacted": {}} | options
    projection = kind(
        settings,
        registry,
        service="lines",
        version=made.version,
        tables=made.tables,
        load=load,
        on_commit=on_commit,
        fail_stop=lambda _, error: left.append(error),
        **given,
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="replica")
    thread.start()
    exits = AsyncExitStack()
    replica = Replica(projection, received, loaded, left, loop, registry, exits)
    replica.ask(exits.enter_async_context(projection.following()))
    stack.append((replica, exits, thread))
    return replica


def _stop(replica: Replica, exits: AsyncExitStack, thread: threading.Thread) -> None:
    try:
        replica.ask(exits.aclose())
    except BaseException as error:
        if error not in replica.left:
            raise
    replica.loop.call_soon_threadsafe(replica.loop.stop)
    thread.join(10)
    replica.loop.close()


@contextmanager
def replicas(settings: InstallationSettings, number: int = 1, **options: Any) -> Iterator[list[Replica]]:
    """Replicas of the projection `lines`."""
    stack: list[Any] = []
    try:
        yield [_start(settings, stack, dict(options)) for _ in range(number)]
    finally:
        for started in reversed(stack):
            _stop(*started)


def until_caught_up(*those: Replica) -> None:
    until(lambda: all(replica.projection.caught_up for replica in those), what="caught up")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'lines.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def installation(broker: Broker, database: str) -> LineInstallation:
    return LineInstallation(broker, database)
