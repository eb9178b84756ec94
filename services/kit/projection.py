"""A projection: tables that follow topics. Drop them, replay, and they are back.

The tables and the next offsets change in one SQL transaction, by compare-and-set on the offset rows, so that two
replicas on one database can't apply a record twice.

What a service gives:

    tables = MetaData()                       # every table's name begins with "<service>_"
    def apply(connection, records): ...       # writes what records mean; in a worker thread, inside the transaction
    def load(connection): ...                 # optional: builds what is kept in memory, once, before `on_commit`s
    async def on_commit(records): ...         # optional: in the event loop, after the transaction

    projection = Projection(settings, registry, service="programs", version=1, topics=("facts", "rejected"),
                            tables=tables, apply=apply, load=load, on_commit=on_commit)
    async with projection.following():        # the app's lifespan
        ...

`load` sees the tables exactly as of the offsets from which `on_commit` then gets every record, once and in order of
each partition, also those that another replica applied. `records` of one call are in the order of `topics`, then of
partition and offset; between partitions and topics nothing else is promised. Reading: `await projection.read(f)`
calls `f(connection)` in a thread; `projection.engine` is there for plain `def` routes (`databases.reading`).

`version` is that of the tables and of what `apply` writes: raise it and they are dropped and built again by replay.
So are they for another cluster, topic prefix or number of partitions, and for a log shorter than what was read of it.

A broker or database that can't be reached is tried again and again, and `ready` says so. Any other error is logged and
ends the process at once (`leave`); the supervisor starts it again and nothing is lost.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)

from schemas.topics import MIB
from services.kit import progress
from services.kit.databases import is_outage, open_engine, reading, writing
from services.kit.leaving import leave
from services.kit.open_transactions import OpenTransactions
from services.kit.settings import Settings
from services.kit.topics import declare_topics

log = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK_RECORDS = 5_000
POLL_MS = 200
FETCH_WAIT_MS = 100  # a question for the ends waits behind a fetch that waits for news
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
BROKER_SILENT_SECONDS = 10.0
LOOK_SECONDS = 0.5  # between looks at partitions where nothing happens


class Record(NamedTuple):
    """A record of a followed topic, named without prefix. `headers` are UTF-8 text."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]


class Place(NamedTuple):
    """A partition of a topic, named without prefix."""

    topic: str
    partition: int


class _Part(NamedTuple):
    """What was fetched of one place: its records, and the offset after them."""

    records: list[Record]
    end: int


class NewerTablesError(Exception):
    """The tables were built by a later version of this program."""


class RebuiltError(Exception):
    """Another process built the tables anew; what is in memory is not of them."""


class _OvertakenError(Exception):
    """Another replica applied these records first."""


class Projection:
    """Follows topics into tables. See the module's docstring."""

    def __init__(
        self,
        settings: Settings,
        registry: CollectorRegistry,
        *,
        service: str,
        version: int,
        topics: Sequence[str],
        tables: MetaData,
        apply: Callable[[Connection, Sequence[Record]], None],
        load: Callable[[Connection], None] | None = None,
        on_commit: Callable[[Sequence[Record]], Awaitable[None]] | None = None,
        leave: Callable[[str, BaseException], None] = leave,
    ) -> None:
        strangers = [table.name for table in tables.sorted_tables if not table.name.startswith(f"{service}_")]
        if strangers:
            raise ValueError(f"tables of {service} must be named {service}_...: {', '.join(strangers)}")
        self.engine = open_engine(settings.database_url(service))
        self._settings = settings
        self._service = service
        self._version = version
        self._topics = {topic: order for order, topic in enumerate(topics)}
        self._places = [Place(topic, number) for topic in topics for number in range(settings.partitions)]
        self._tables = tables
        self._apply, self._load, self._on_commit, self._leave = apply, load, on_commit, leave
        self._own = MetaData()
        self._progress = progress.AggregatorProgress(service, self._own)
        self._offsets = Table(
            f"{service}_offsets",
            self._own,
            Column("topic", String, primary_key=True),
            Column("partition", Integer, primary_key=True, autoincrement=False),
            Column("next", BigInteger, nullable=False),
            Column("version", Integer, nullable=False),
            Column("generation", String, nullable=False),
        )
        self._metrics = _Metrics(registry, service, self)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{service}-projection")
        self._consumer: AIOKafkaConsumer | None = None
        self._generation = ""
        self._stored: dict[Place, int] = {}  # the offset rows, as far as we know
        self._positions: dict[Place, int] = {}  # what was applied (by whomever) and told to `on_commit`
        self._ends: dict[Place, int] = {}
        self._times: dict[str, int] = {}  # topic -> timestamp of the last record, ms
        self._behind: dict[Place, int] | None = None  # ends at start not yet reached; None: not known yet
        self._broker_answered = self._looked = 0.0
        self._outage: str | None = "not started"
        self._moved = asyncio.Condition()
        self._open = OpenTransactions()

    # ── what a service asks ──────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def following(self) -> AsyncGenerator[None]:
        """Follow the topics while the block runs."""
        task = asyncio.create_task(self._run(), name=f"{self._service} projection")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            self._thread.shutdown()  # waits for a transaction that is on its way
            self.engine.dispose()
            if not task.cancelled():
                await task

    def position(self, topic: str, partition: int) -> int:
        """The next offset: everything before it is in the tables and was told to `on_commit`.

        May be more than the last record's offset + 1, because the markers of transactions have offsets too.
        """
        return self._positions.get(Place(topic, partition), 0)

    def positions(self) -> dict[Place, int]:
        """The next offsets of all places that are followed."""
        return dict(self._positions)

    @property
    def caught_up(self) -> bool:
        """Whether the ends that the topics had at the start were reached."""
        return self._behind is not None and not self._behind

    def ready(self) -> tuple[bool, dict[str, object]]:
        """For `/readyz`. A broker that went away later is told but is no reason not to be read."""
        silent = time.monotonic() - self._broker_answered
        broker = f"has not answered for {silent:.0f} s" if silent > BROKER_SILENT_SECONDS else "answers"
        checks: dict[str, object] = {
            "projection": self._outage or "follows",
            "caught_up": self.caught_up,
            "records_behind": sum(self.lag_records(topic) for topic in self._topics),
            "broker": broker if self._broker_answered else "has not answered yet",
            "open_transactions": self._open.check(),
        }
        return self.caught_up and self._outage is None, checks

    async def read(self, ask: Callable[[Connection], T]) -> T:
        """What `ask` finds in the tables; it is called in a thread, with a transaction that only reads."""

        def in_thread() -> T:
            with reading(self.engine) as connection:
                return ask(connection)

        return await asyncio.to_thread(in_thread)

    async def wait_for(self, topic: str, partition: int, offset: int, timeout_seconds: float) -> bool:
        """Wait, bounded, until the record at `offset` is in the tables. Says whether it is."""
        return await self.wait_until(lambda: self.position(topic, partition) > offset, timeout_seconds)

    async def wait_for_mail(self, topic: str, partition: int, offset: int, timeout_seconds: float) -> bool:
        """Wait, bounded, until what the aggregator made of the mail at `offset` is in the tables. Says whether it is."""
        return await self.wait_until(lambda: self.has_mail(topic, partition, offset), timeout_seconds)

    async def wait_until(self, come_true: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait, bounded, for something that depends on the positions. Says whether it came true."""
        try:
            async with asyncio.timeout(timeout_seconds), self._moved:
                await self._moved.wait_for(come_true)
        except TimeoutError:
            return come_true()
        return True

    def has_mail(self, topic: str, partition: int, offset: int) -> bool:
        """Whether what the aggregator made of the mail at `offset` is in the tables: its progress has passed the
        offset, and we have passed the ends of `facts` and `rejected` (where we follow them) that the progress names.
        """
        told = self._progress.of(partition)
        if told is None or told.next_offsets.get(topic, 0) <= offset:  # type: ignore[call-overload]
            return False
        ends = {"facts": told.facts_end, "rejected": told.rejected_end}
        return all(self.position(name, partition) >= end for name, end in ends.items() if name in self._topics)

    def decided_up_to(self, topic: str, partition: int) -> int:
        """The next offset of an input that the aggregator will decide, after its last progress in the tables."""
        told = self._progress.of(partition)
        return told.next_offsets.get(topic, 0) if told is not None else 0  # type: ignore[call-overload]

    async def end_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """The committed ends of partitions now, of any topic. Raises KafkaError when the broker does not answer."""
        if self._consumer is None:
            raise KafkaError("the projection has no connection to a broker")
        ends = await self._consumer.end_offsets([self._named(place) for place in places])
        return {self._unnamed(tp): end for tp, end in ends.items()}

    def lag_records(self, topic: str) -> int:
        """Offsets of a topic not read yet, after the broker's last word."""
        return sum(
            max(0, end - self._positions.get(place, 0)) for place, end in self._ends.items() if place.topic == topic
        )

    def lag_seconds(self, topic: str) -> float:
        """Age of the last record read of a topic while others wait; 0 when none wait."""
        if self.lag_records(topic) == 0:
            return 0.0
        return max(0.0, time.time() - self._times.get(topic, 0) / 1000)

    def open_transaction_seconds(self, topic: str) -> float:
        """For how long a transaction on a topic has been open, which hides what lies behind it; 0 when none is."""
        return self._open.age_seconds(topic)

    # ── following ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._follow()
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                if not (is_outage(error) or isinstance(error, KafkaError | OSError)):
                    self._leave(f"the projection of {self._service} failed", error)
                    raise
                failures = failures + 1 if self._outage else 0
                self._outage = f"{type(error).__name__}: {error}".splitlines()[0][:300]
                self._metrics.outages.inc()
                log.warning("the projection waits", extra={"service": self._service, "outage": self._outage})
                await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])

    async def _follow(self) -> None:
        cluster = await declare_topics(self._settings, wait_seconds=0)
        generation = f"{cluster}/{self._settings.topic_prefix}/{self._settings.partitions}"
        if self._generation not in {"", generation}:
            raise RebuiltError(f"the log is another one: {generation}, it was {self._generation}")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka,
            auto_offset_reset="none",  # an offset that is not there is told, and not taken for another
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_partition_fetch_bytes=MIB,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            consumer.assign([self._named(place) for place in self._places])
            self._consumer = consumer
            await self._begin(generation)
            begins = await consumer.beginning_offsets([self._named(place) for place in self._places])
            for place in self._places:
                consumer.seek(self._named(place), max(self._positions[place], begins[self._named(place)]))
            while True:
                await self._step(consumer)
        except OffsetOutOfRangeError as error:
            await self._leave_a_log_that_was_cut(consumer, error.args[0])
            raise
        finally:
            self._consumer = None
            await consumer.stop()

    async def _leave_a_log_that_was_cut(self, consumer: AIOKafkaConsumer, asked: Mapping[TopicPartition, int]) -> None:
        """Give the tables up when what we have read is not in the log any more, and so not what others read there.

        A broker that ended in the middle of a write cuts its log where it is not whole. What is too old to be there
        still is another thing.
        """
        begins = await consumer.beginning_offsets(list(asked))
        lost = sorted(self._unnamed(tp) for tp, offset in asked.items() if offset >= begins[tp])
        if lost:
            await self._in_thread(self._forget)
            raise RebuiltError(f"the log ends before what was read of it: {lost}")

    async def _begin(self, generation: str) -> None:
        """Have tables, know where we stand in them, and where the topics end."""
        # Asked for before the ends: another replica goes on meanwhile, and may write of more than we hear of.
        read = {} if self._generation else await self._in_thread(self._read_of_the_log)
        ends = await self.end_offsets(self._places)
        if not self._generation:
            lost = {place for place, position in read.items() if position > ends.get(place, position)}
            await self._in_thread(self._prepare, generation, lost)
            self._generation = generation
        if self._behind is None:
            self._behind = {place: end for place, end in ends.items() if self._positions[place] < end}
        self._ends = ends
        self._broker_answered = time.monotonic()

    async def _step(self, consumer: AIOKafkaConsumer) -> None:
        """Fetch a chunk, apply it, tell of it."""
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=CHUNK_RECORDS)
        chunk: dict[Place, _Part] = {}
        for tp, records in fetched.items():
            if records:
                place = self._unnamed(tp)
                chunk[place] = _Part([_record(place, record) for record in records], await consumer.position(tp))
        if chunk:
            await self._in_thread(self._commit, chunk)
            await self._tell(chunk)
        self._outage = None
        await self._look(consumer, chunk)

    async def _tell(self, chunk: dict[Place, _Part]) -> None:
        """Give what is committed to those in memory, then move the positions."""
        records = self._ordered(chunk)
        self._progress.remember(_progress_of(records))
        if self._on_commit is not None:
            await self._on_commit(records)
        for place, part in chunk.items():
            self._positions[place] = part.end
            self._times[place.topic] = max(self._times.get(place.topic, 0), part.records[-1].timestamp_ms)
        self._metrics.records.inc(len(records))
        self._metrics.last_commit.set_to_current_time()

    async def _look(self, consumer: AIOKafkaConsumer, chunk: dict[Place, _Part]) -> None:
        """Note ends, and positions that moved over markers of transactions only; wake those who wait."""
        answered_ms, places = 0, list(chunk)
        if self._behind or time.monotonic() - self._looked > LOOK_SECONDS:
            places, self._looked = self._places, time.monotonic()
        for place in places:
            tp = self._named(place)
            end = consumer.last_stable_offset(tp)
            if end is not None:
                self._ends[place] = max(end, self._ends.get(place, 0))
                polled_ms = consumer.last_poll_timestamp(tp) or 0
                answered_ms = max(answered_ms, polled_ms)
                self._open.observe(*place, end, consumer.highwater(tp) or end, polled_ms)
            if self._positions[place] < self._ends[place]:
                self._positions[place] = max(self._positions[place], await consumer.position(tp))
        if answered_ms:
            self._broker_answered = time.monotonic() - max(0.0, time.time() - answered_ms / 1000)
        if self._behind:
            self._behind = {place: end for place, end in self._behind.items() if self._positions[place] < end}
            if not self._behind:
                log.info("caught up", extra={"service": self._service})
        async with self._moved:
            self._moved.notify_all()

    # ── tables, in the projection's thread ───────────────────────────────────────────────────────────────────────

    async def _in_thread(self, do: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do, *args)

    def _rows(self, connection: Connection) -> dict[Place, Row[Any]]:
        """The offset rows, of whatever version and log; none where there are no tables."""
        if not inspect(connection).has_table(self._offsets.name):
            return {}
        return {Place(row.topic, row.partition): row for row in connection.execute(select(self._offsets))}

    def _read_of_the_log(self) -> dict[Place, int]:
        """How far the tables say that the log was read."""
        with reading(self.engine) as connection:
            return {place: row.next for place, row in self._rows(connection).items()}

    def _prepare(self, generation: str, lost: set[Place]) -> None:
        """Build the tables where they are missing or of another version or log, or `lost` places end before what was
        read of them; then load."""
        with writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":  # replicas that start together build once
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:service))"), {"service": self._service})
            why = self._why_rebuild(connection, generation, lost)
            if why:
                log.info("building the tables", extra={"service": self._service, "why": why})
                self._build(connection, generation)
        with reading(self.engine) as connection:
            self._stored = self._read_offsets(connection, generation)
            self._progress.load(connection)
            if self._load is not None:
                self._load(connection)
        self._positions = dict(self._stored)

    def _why_rebuild(self, connection: Connection, generation: str, lost: set[Place]) -> str | None:
        rows = self._rows(connection)
        if not rows:
            return "there are none"
        newest = max(row.version for row in rows.values())
        if newest > self._version:
            raise NewerTablesError(
                f"the tables of {self._service} are of version {newest}, this program knows {self._version}; "
                f"to go back, drop table {self._offsets.name} and they are built anew"
            )
        if newest != self._version:
            return f"they are of version {newest}, not {self._version}"
        if {row.generation for row in rows.values()} != {generation}:
            return f"they are of another log, not of {generation}"
        if rows.keys() != set(self._places):
            return "they follow other topics"
        still_lost = sorted(
            place for place in lost if rows[place].next
        )  # 0: another replica has built them anew meanwhile
        return f"the log ends before what was read of it: {still_lost}" if still_lost else None

    def _build(self, connection: Connection, generation: str) -> None:
        there = MetaData()
        there.reflect(connection, only=lambda name, _: name.startswith(f"{self._service}_"))
        there.drop_all(connection)
        self._own.create_all(connection)
        self._tables.create_all(connection)
        same = {"next": 0, "version": self._version, "generation": generation}
        connection.execute(insert(self._offsets), [place._asdict() | same for place in self._places])

    def _forget(self) -> None:
        """Say that the tables are nothing any more: whoever starts next builds them anew."""
        with writing(self.engine) as connection:
            connection.execute(self._offsets.delete())

    def _read_offsets(self, connection: Connection, generation: str) -> dict[Place, int]:
        rows = self._rows(connection)
        if rows.keys() != set(self._places) or any(
            (row.generation, row.version) != (generation, self._version) for row in rows.values()
        ):
            raise RebuiltError(f"the tables of {self._service} were built anew by another process")
        return {place: row.next for place, row in rows.items()}

    def _commit(self, chunk: dict[Place, _Part]) -> None:
        """Apply what nobody has applied yet, and move the offsets, in one transaction."""
        while True:
            due = {place: part for place, part in chunk.items() if part.end > self._stored[place]}
            if not due:
                return
            try:
                self._transact(due)
            except _OvertakenError:
                self._metrics.overtaken.inc()
                before = self._stored
                with reading(self.engine) as connection:
                    self._stored = self._read_offsets(connection, self._generation)
                # Positions are no measure: they also move past what was aborted, which no row is written for.
                if any(self._stored[place] < row for place, row in before.items()):
                    raise RebuiltError(f"the tables of {self._service} were set back by another process") from None
            else:
                return

    def _transact(self, due: dict[Place, _Part]) -> None:
        records = [record for record in self._ordered(due) if record.offset >= self._stored[Place(*record[:2])]]
        with writing(self.engine) as connection:
            for place in sorted(due):  # in one order, so that two replicas can't wait for each other
                self._compare_and_set(connection, place, self._stored[place], due[place].end)
            self._progress.apply(connection, _progress_of(records))
            self._apply(connection, records)
        self._stored.update({place: part.end for place, part in due.items()})

    def _compare_and_set(self, connection: Connection, place: Place, old: int, new: int) -> None:
        row = self._offsets.c
        moved = connection.execute(
            update(self._offsets)
            .where(row.topic == place.topic, row.partition == place.partition, row.next == old)
            .where(row.generation == self._generation, row.version == self._version)
            .values(next=new)
        )
        if moved.rowcount != 1:
            raise _OvertakenError

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ordered(self, chunk: dict[Place, _Part]) -> list[Record]:
        places = sorted(chunk, key=lambda place: (self._topics[place.topic], place.partition))
        return [record for place in places for record in chunk[place].records]

    def _named(self, place: Place) -> TopicPartition:
        return TopicPartition(self._settings.topic_prefix + place.topic, place.partition)

    def _unnamed(self, tp: TopicPartition) -> Place:
        return Place(tp.topic.removeprefix(self._settings.topic_prefix), tp.partition)


def _record(place: Place, record: ConsumerRecord) -> Record:
    # U+0000 is the one character that PostgreSQL does not take; senders choose some of the texts.
    headers = {name: (value or b"").decode(errors="replace").replace("\0", "\ufffd") for name, value in record.headers}
    return Record(*place, record.offset, record.timestamp, record.key, record.value, headers)


def _progress_of(records: Sequence[Record]) -> list[tuple[int, bytes]]:
    return [(r.partition, r.value) for r in records if r.topic == progress.TOPIC and r.value is not None]


class _Metrics:
    """What a projection tells Prometheus."""

    def __init__(self, registry: CollectorRegistry, service: str, projection: Projection) -> None:
        def counter(name: str, what: str) -> Counter:
            return Counter(f"pantau_projection_{name}_total", what, ("service",), registry=registry).labels(service)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"pantau_projection_{name}", what, ("service", *labels), registry=registry)

        self.records = counter("records", "Records applied or seen applied.")
        self.overtaken = counter("overtaken", "Chunks another replica applied first.")
        self.outages = counter("outages", "Times a broker or database could not be reached.")
        self.last_commit = gauge("last_commit_timestamp_seconds", "When records were last applied.").labels(service)
        caught_up = gauge("caught_up", "1 when the ends at start were reached.").labels(service)
        caught_up.set_function(lambda: float(projection.caught_up))
        records = gauge("lag_records", "Offsets not read yet.", "topic")
        seconds = gauge("lag_seconds", "Age of the last record read while others wait; 0 when none wait.", "topic")
        open_seconds = gauge(
            "open_transaction_age_seconds", "For how long a transaction has been open; 0 when none is.", "topic"
        )
        for topic in projection._topics:
            open_seconds.labels(service, topic).set_function(partial(projection.open_transaction_seconds, topic))
            records.labels(service, topic).set_function(partial(projection.lag_records, topic))
            seconds.labels(service, topic).set_function(partial(projection.lag_seconds, topic))
