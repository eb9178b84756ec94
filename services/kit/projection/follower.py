"""A projection: tables built from topics, and rebuilt from them at any time.

The tables and the next offsets change in one SQL transaction, by compare-and-set on the offset rows, so that two
replicas on one database can't apply a record twice (tables.py).

What a service provides:

    tables = MetaData()                       # every table's name begins with `databases.table_prefix`
    def apply(connection, records): ...       # writes records into the tables; in a thread, inside the transaction
    def load(connection): ...                 # optional: loads in-memory state, before any `on_commit`
    async def on_commit(records): ...         # optional: updates in-memory state; in the event loop, after the commit

    projection = Projection(settings, registry, service="programs", version=1, topics=("facts", "access"),
                            tables=tables, compacted={"access": KEYS}, apply=apply, load=load, on_commit=on_commit)
    async with projection.following():        # the app's lifespan
        ...

`load` reads the tables at exactly the offsets from which `on_commit` then gets every record, once and in order per
partition, including records that another replica applied. The `records` of one call are ordered by `topics`, then by
partition and offset; between partitions and topics no other order is guaranteed. To read, `await projection.read(f)`
calls `f(connection)` in a thread; plain `def` routes use `projection.engine` (`databases.reading`).

`version` is that of the tables and of what `apply` writes. After it is raised, new tables are built by replay beside
those of the former version, which an older process still serves. The former ones are dropped when the new ones have
caught up and no process uses the former. Tables are also rebuilt when they belong to another log: another cluster,
topic prefix or number of partitions, a log that ends before the offset read, or one with another record at the last
offset read. That is checked at the start and whenever the broker comes back (log_identity.py).

`compacted` maps each compacted topic to the table that holds its records, and nothing else. Compaction may have removed
the last record read, and also a tombstone that was never read. So at each start these topics are read whole into their
emptied tables, in one transaction.

A broker or database that can't be reached is retried without end, and `ready` says so. A damaged SQLite file is renamed
and replaced. Any other error is a fail stop, and so are tables that another process rebuilt; the supervisor restarts
the process and nothing is lost.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Connection, MetaData, Table

from schemas.topics import MIB, TOPICS
from services.kit.fail_stop import fail_stop
from services.kit.kafka import client_options
from services.kit.kafka_refusals import KafkaRefusedError
from services.kit.open_transactions import OpenTransactions
from services.kit.projection import progress
from services.kit.projection.databases import is_damage, is_outage, open_engine, reading, table_prefix
from services.kit.projection.log_identity import ReadPosition, differences, whole
from services.kit.projection.records import Place, Record, last_of, record_of
from services.kit.projection.tables import Apply, DamagedError, FetchedRecords, ProjectionTables, RebuiltError
from services.kit.settings import FollowerSettings
from services.kit.topics import declare_topics

__all__ = ["Place", "Projection", "Record"]

log = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK_RECORDS = 5_000
POLL_MS = 200
FETCH_WAIT_MS = 100  # a request for end offsets waits until the fetch before it ends
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
BROKER_SILENT_SECONDS = 10.0
BROKER_AWAY_SECONDS = 1.5  # without a response, after which the broker may come back with another log
LOOK_SECONDS = 0.5  # between checks of idle partitions
CHECK_SECONDS = 1.0  # between checks that the tables are still this build
DROP_SECONDS = 60.0  # between checks whether former tables are still in use
TOMBSTONES_SECONDS = (
    12 * 3600.0
)  # half the time that Kafka keeps them; after a longer outage compacted topics are read whole

COMPACTED = frozenset(topic.name for topic in TOPICS if topic.config["cleanup.policy"] == "compact")


class CutOffError(Exception):
    """The projection was disconnected for so long that it may have missed tombstones."""


class Projection:
    """Follows topics into tables. See the module's docstring."""

    _Tables = ProjectionTables

    def __init__(
        self,
        settings: FollowerSettings,
        registry: CollectorRegistry,
        *,
        service: str,
        version: int,
        topics: Sequence[str],
        tables: MetaData,
        compacted: Mapping[str, Table],
        apply: Apply,
        load: Callable[[Connection], None] | None = None,
        on_commit: Callable[[Sequence[Record]], Awaitable[None]] | None = None,
        fail_stop: Callable[[str, BaseException], None] = fail_stop,
    ) -> None:
        prefix = table_prefix(service, version)
        strangers = [table.name for table in tables.sorted_tables if not table.name.startswith(prefix)]
        if strangers:
            raise ValueError(f"tables of {service} must be named {prefix}...: {', '.join(strangers)}")
        unnamed = COMPACTED.intersection(topics) - compacted.keys() - {progress.TOPIC}
        if unnamed:
            raise ValueError(f"compacted topics without their tables: {', '.join(sorted(unnamed))}")
        self.engine = open_engine(settings.database_url(service))
        self._settings = settings
        self._service = service
        self._topics = tuple(topics)
        self._places = [Place(topic, number) for topic in topics for number in range(settings.partitions)]
        self._tables = self._Tables(self.engine, service, version, self._places, tables, compacted, apply, load)
        self._progress = self._tables.progress
        self._on_commit, self._fail_stop = on_commit, fail_stop
        self._metrics = _ProjectionMetrics(registry, service, self)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{service}-projection")
        self._consumer: AIOKafkaConsumer | None = None
        self._generation = ""  # of the log that the state in memory is from; empty before the first load
        self._read: dict[Place, ReadPosition] = {}  # applied, by any replica, and passed to `on_commit`
        self._positions: dict[Place, int] = {}  # the same, including transaction markers passed since
        self._ends: dict[Place, int] = {}
        self._times: dict[str, int] = {}  # topic -> timestamp of the last record, ms
        self._behind: dict[Place, int] | None = (
            None  # end offsets at the start that are not reached yet; None: not known yet
        )
        self._broker_answered = self._looked = self._checked = self._followed = 0.0
        self._broker_silent = self._broker_returned = False
        self._drop_at: float | None = 0.0  # when to check for former versions' tables; None: there are none left
        self._outage: str | None = "not started"
        self._moved = asyncio.Condition()
        self._open = OpenTransactions()

    # ── for services ─────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def following(self) -> AsyncGenerator[None]:
        """Follow the topics while the block runs."""
        task = asyncio.create_task(self._run(), name=f"{self._service} projection")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self._in_thread(self._tables.close)
            self._thread.shutdown()  # waits for a running transaction
            self.engine.dispose()
            if not task.cancelled():
                await task

    def position(self, topic: str, partition: int) -> int:
        """The next offset: everything before it is in the tables and was passed to `on_commit`.

        May be more than the last record's offset + 1, because transaction markers have offsets too.
        """
        return self._positions.get(Place(topic, partition), 0)

    def positions(self) -> dict[Place, int]:
        """The next offsets of all followed places."""
        return dict(self._positions)

    @property
    def caught_up(self) -> bool:
        """Whether the end offsets that the topics had at the start were reached. Stays true from then on: the tables
        can be read while the broker is away, and responses say how fresh they are."""
        return self._behind is not None and not self._behind

    def ready(self) -> tuple[bool, dict[str, object]]:
        """For `/readyz`. A broker lost after the start is reported, but does not make the service unready."""
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
        """The result of `ask`, called in a thread with a read-only transaction."""

        def in_thread() -> T:
            with reading(self.engine) as connection:
                return ask(connection)

        return await asyncio.to_thread(in_thread)

    async def wait_for(self, topic: str, partition: int, offset: int, timeout_seconds: float) -> bool:
        """Wait until the record at `offset` is in the tables. Returns False after the timeout."""
        return await self.wait_until(lambda: self.position(topic, partition) > offset, timeout_seconds)

    async def wait_until_processed(self, topic: str, partition: int, offset: int, timeout_seconds: float) -> bool:
        """Wait until the outcome of the input record at `offset` is in the tables. Returns False after the timeout."""
        return await self.wait_until(lambda: self.has_processed(topic, partition, offset), timeout_seconds)

    async def wait_until(self, come_true: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait for a condition that depends on the positions. Returns False after the timeout."""
        try:
            async with asyncio.timeout(timeout_seconds), self._moved:
                await self._moved.wait_for(come_true)
        except TimeoutError:
            return come_true()
        return True

    def has_processed(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the outcome of the input record at `offset` is in the tables: the aggregator's progress has passed
        the offset, and this projection has passed the end offsets in that progress of those output topics that it
        follows.
        """
        progress = self._progress.of(partition)
        if progress is None or progress.next_offsets.get(topic, 0) <= offset:  # type: ignore[call-overload]  # any topic may be asked about
            return False
        ends = {"facts": progress.facts_end, "rejected": progress.rejected_end}
        return all(self.position(name, partition) >= end for name, end in ends.items() if name in self._topics)

    def decided_up_to(self, topic: str, partition: int) -> int:
        """The next input offset that the aggregator will process, by its last progress record in the tables."""
        progress = self._progress.of(partition)
        return progress.next_offsets.get(topic, 0) if progress is not None else 0  # type: ignore[call-overload]  # as above

    @property
    def damaged_files(self) -> int:
        """How many renamed damaged SQLite files are still beside the database."""
        return len(self._tables.file.aside()) if self._tables.file is not None else 0

    async def end_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """The current last stable offsets of partitions of any topic. Raises KafkaError when the broker does not
        respond."""
        if self._consumer is None:
            raise KafkaError("the projection is not connected to a broker")
        ends = await self._consumer.end_offsets([self._named(place) for place in places])
        return {self._unnamed(tp): end for tp, end in ends.items()}

    def lag_records(self, topic: str) -> int:
        """The lag on a topic in offsets, as of the broker's last response."""
        return sum(
            max(0, end - self._positions.get(place, 0)) for place, end in self._ends.items() if place.topic == topic
        )

    def lag_seconds(self, topic: str) -> float:
        """The age of the last record read of a topic while there is lag; 0 when there is none."""
        if self.lag_records(topic) == 0:
            return 0.0
        return max(0.0, time.time() - self._times.get(topic, 0) / 1000)

    def open_transaction_seconds(self, topic: str) -> float:
        """How long a transaction on a topic has been open, hiding the records after it; 0 when none is."""
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
                damaged = is_damage(error) or isinstance(error, DamagedError)
                if damaged:
                    await self._put_aside(error)
                at_start = damaged and not self._generation
                if not (at_start or is_outage(error) or isinstance(error, KafkaError | OSError)):
                    self._fail_stop(f"the projection of {self._service} failed", error)
                    raise
                failures = failures + 1 if self._outage else 0
                outage = str(error) if isinstance(error, KafkaRefusedError) else f"{type(error).__name__}: {error}"
                self._outage = outage.splitlines()[0][:300]
                self._metrics.outages.inc()
                log.warning(
                    "the projection is retrying after an outage",
                    extra={"service": self._service, "outage": self._outage},
                )
                await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])

    async def _put_aside(self, error: BaseException) -> None:
        """Rename a damaged file, so that the next connection creates an empty one."""
        assert self._tables.file is not None
        aside = await self._in_thread(self._tables.file.put_aside)
        about = {"service": self._service, "damage": str(error).splitlines()[0], "put_aside": str(aside)}
        log.error("the database file is damaged; its tables are rebuilt", extra=about)

    async def _follow(self) -> None:
        """Follow until the broker was away; then the caller checks again whether its log is the same."""
        cluster = await declare_topics(self._settings, wait_seconds=0)
        generation = f"{cluster}/{self._settings.topic_prefix}/{self._settings.partitions}"
        if self._generation not in {"", generation}:
            raise RebuiltError(f"the log is another one: {generation}, it was {self._generation}")
        consumer = AIOKafkaConsumer(
            **client_options(self._settings, f"pantau-{self._service}"),
            auto_offset_reset="none",  # an offset out of range raises, instead of a silent reset
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_partition_fetch_bytes=MIB,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            self._consumer = consumer
            await self._begin(consumer, generation)
            places = [self._named(place) for place in self._places]
            consumer.assign(places)
            begins = await consumer.beginning_offsets(places)
            for place, tp in zip(self._places, places, strict=True):
                consumer.seek(tp, max(self._positions[place], begins[tp]))
            self._broker_silent = self._broker_returned = False
            while not self._broker_returned:
                await self._step(consumer)
        except OffsetOutOfRangeError as error:
            await self._fail_stop_on_a_cut_log(consumer, error.args[0])
            raise
        finally:
            self._consumer = None
            await consumer.stop()

    async def _fail_stop_on_a_cut_log(self, consumer: AIOKafkaConsumer, asked: Mapping[TopicPartition, int]) -> None:
        """Fail stop, with the tables marked for a rebuild, when the log lost records at its end that are in the tables.

        A broker that crashed in the middle of a write truncates its log. Records removed by retention are no reason.
        """
        begins = await consumer.beginning_offsets(list(asked))
        lost = sorted(self._unnamed(tp) for tp, offset in asked.items() if offset >= begins[tp])
        if lost and self._generation:
            await self._in_thread(self._tables.give_up)
            raise RebuiltError(f"the log ends before the offset already read: {lost}")

    async def _begin(self, consumer: AIOKafkaConsumer, generation: str) -> None:
        """Open or build the tables of this log, load their positions, and get the end offsets of the topics."""
        if self._generation:
            await self._begin_again(consumer)
        else:
            # The end offsets are read last: another replica may meanwhile apply records beyond ends that were read
            # earlier.
            build, rows = await self._in_thread(self._tables.open)
            rows = {place: read for place, read in rows.items() if place in set(self._places)}
            found = await self._differences(consumer, rows)
            await self._in_thread(self._tables.prepare, generation, build, found)
            await self._read_compacted(consumer)
            await self._in_thread(self._tables.load)
            self._read = dict(self._tables.stored)
            self._positions = {place: read.next for place, read in self._read.items()}
            self._generation = generation
        self._ends = await self.end_offsets(self._places)
        if self._behind is None:
            self._behind = {place: end for place, end in self._ends.items() if self._positions[place] < end}
        self._broker_answered = self._followed = time.monotonic()

    async def _begin_again(self, consumer: AIOKafkaConsumer) -> None:
        """Check, after an outage, that the state in memory still matches the tables and the log."""
        if time.monotonic() - self._followed > TOMBSTONES_SECONDS:
            raise CutOffError("the projection was disconnected for hours: compacted topics must be read whole")
        await self._in_thread(self._tables.open)
        await self._in_thread(self._tables.check)
        found = await self._differences(consumer, self._read)
        if found:
            await self._in_thread(self._tables.give_up)
            raise RebuiltError(f"the log is another one: {'; '.join(found)}")

    async def _differences(self, consumer: AIOKafkaConsumer, read: Mapping[Place, ReadPosition]) -> list[str]:
        """How the log differs from the one that was read. At the start compacted topics are left out, since they are then
        read whole."""
        wanted = {
            self._named(place): each for place, each in read.items() if self._generation or place.topic not in COMPACTED
        }
        return await differences(consumer, wanted, {tp for tp in wanted if self._unnamed(tp).topic in COMPACTED})

    async def _read_compacted(self, consumer: AIOKafkaConsumer) -> None:
        """Read compacted topics whole into their emptied tables."""
        places = [place for place in self._places if place.topic in COMPACTED]
        if not places:
            return
        read = dict.fromkeys(places, ReadPosition(0))
        async with AsyncExitStack() as held:
            connection = await self._enter(held, self._tables.replacing(places))
            records = whole(consumer, [self._named(place) for place in places], CHUNK_RECORDS)
            async with aclosing(records):
                async for fetched in records:
                    chunk = await self._chunk(consumer, fetched)
                    await self._in_thread(self._tables.apply, connection, self._tables.ordered(chunk))
                    read |= {place: part.read for place, part in chunk.items()}
            at = {place: await consumer.position(self._named(place)) for place in places}
            read = {place: ReadPosition(at[place], last) for place, (_, last) in read.items()}
            await self._in_thread(self._tables.move, connection, read)

    async def _enter(self, held: AsyncExitStack, block: AbstractContextManager[T]) -> T:
        """Enter a context manager in the projection's thread; it is also exited there."""
        stack = ExitStack()
        entered: T = await self._in_thread(stack.enter_context, block)

        async def end(*raised: Any) -> None:
            await self._in_thread(stack.__exit__, *raised)

        held.push_async_exit(end)
        return entered

    async def _chunk(
        self, consumer: AIOKafkaConsumer, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]
    ) -> dict[Place, FetchedRecords]:
        chunk: dict[Place, FetchedRecords] = {}
        for tp, records in fetched.items():
            if records:
                place = self._unnamed(tp)
                decoded = [record_of(place, record) for record in records]
                chunk[place] = FetchedRecords(decoded, ReadPosition(await consumer.position(tp), last_of(decoded[-1])))
        return chunk

    async def _step(self, consumer: AIOKafkaConsumer) -> None:
        """Fetch a chunk, apply it, and pass it to `on_commit`."""
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=CHUNK_RECORDS)
        chunk = await self._chunk(consumer, fetched)
        if chunk and self._broker_silent:
            self._broker_returned = True  # its log may be another one now
            return
        if chunk:
            self._metrics.overtaken.inc(await self._in_thread(self._tables.commit, chunk))
            await self._notify(chunk)
        if time.monotonic() - self._checked > CHECK_SECONDS:
            await self._in_thread(self._tables.check)
            self._checked = time.monotonic()
        self._outage = None
        self._followed = time.monotonic()
        await self._look(consumer, chunk)
        await self._drop_former()

    async def _drop_former(self) -> None:
        """Drop the tables of former versions, once this version has caught up and no process uses them."""
        if self._drop_at is None or self._behind or time.monotonic() < self._drop_at:
            return
        in_use = await self._in_thread(self._tables.drop_former)
        self._drop_at = time.monotonic() + DROP_SECONDS if in_use else None

    async def _notify(self, chunk: dict[Place, FetchedRecords]) -> None:
        """Pass committed records to `on_commit`, then move the positions."""
        records = self._tables.ordered(chunk)
        self._progress.remember(records)
        if self._on_commit is not None:
            await self._on_commit(records)
        for place, part in chunk.items():
            self._read[place] = part.read
            self._positions[place] = part.read.next
            self._times[place.topic] = max(self._times.get(place.topic, 0), part.records[-1].timestamp_ms)
        self._metrics.records.inc(len(records))
        self._metrics.last_commit.set_to_current_time()

    async def _look(self, consumer: AIOKafkaConsumer, chunk: Mapping[Place, FetchedRecords]) -> None:
        """Update end offsets, and positions that passed only transaction markers; wake waiting callers."""
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
            silent = max(0.0, time.time() - answered_ms / 1000)
            if silent <= BROKER_AWAY_SECONDS:
                self._broker_returned = self._broker_silent
            elif not chunk:  # while chunks arrive, this check can wait
                self._broker_silent = True
            self._broker_answered = time.monotonic() - silent
        if self._behind:
            self._behind = {place: end for place, end in self._behind.items() if self._positions[place] < end}
            if not self._behind:
                log.info("caught up", extra={"service": self._service})
        async with self._moved:
            self._moved.notify_all()

    async def _in_thread(self, do: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do, *args)

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _named(self, place: Place) -> TopicPartition:
        return TopicPartition(self._settings.topic_prefix + place.topic, place.partition)

    def _unnamed(self, tp: TopicPartition) -> Place:
        return Place(tp.topic.removeprefix(self._settings.topic_prefix), tp.partition)


class _ProjectionMetrics:
    """The Prometheus metrics of a projection."""

    def __init__(self, registry: CollectorRegistry, service: str, projection: Projection) -> None:
        def counter(name: str, what: str) -> Counter:
            return Counter(f"pantau_projection_{name}_total", what, ("service",), registry=registry).labels(service)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"pantau_projection_{name}", what, ("service", *labels), registry=registry)

        self.records = counter("records", "Records applied, by this process or another replica.")
        self.overtaken = counter("overtaken", "Chunks another replica applied first.")
        self.outages = counter("outages", "Times a broker or database could not be reached.")
        self.last_commit = gauge("last_commit_timestamp_seconds", "When records were last applied.").labels(service)
        caught_up = gauge("caught_up", "1 when the end offsets at the start were reached.").labels(service)
        caught_up.set_function(lambda: float(projection.caught_up))
        records = gauge("lag_records", "Offsets not read yet.", "topic")
        seconds = gauge("lag_seconds", "Age of the last record read while there is lag; 0 when there is none.", "topic")
        open_seconds = gauge(
            "open_transaction_age_seconds", "How long a transaction has been open; 0 when none is.", "topic"
        )
        files = gauge("damaged_files", "Renamed damaged database files that still exist.").labels(service)
        files.set_function(lambda: float(projection.damaged_files))
        for topic in projection._topics:
            open_seconds.labels(service, topic).set_function(partial(projection.open_transaction_seconds, topic))
            records.labels(service, topic).set_function(partial(projection.lag_records, topic))
            seconds.labels(service, topic).set_function(partial(projection.lag_seconds, topic))
