"""The tables of a projection and their offset rows. All calls block: follower.py makes them in a thread.

Tables and offset rows change in one SQL transaction, by compare-and-set on the offset rows. Offset rows also hold a
random build id, made when the tables are built, so that a process that knew the former tables can't write into rebuilt
ones.
"""

import logging
import re
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)

from services.kit.projection import progress
from services.kit.projection.databases import TEXT, reading, table_prefix, writing
from services.kit.projection.log_identity import ReadPosition
from services.kit.projection.records import Last, Place, Record
from services.kit.projection.sqlite_file import SqliteFile

log = logging.getLogger(__name__)

Apply = Callable[[Connection, Sequence[Record]], None]
OFFSETS = "offsets"


class FetchedRecords(NamedTuple):
    """The records fetched of one place, at least one, and the position after them."""

    records: list[Record]
    read: ReadPosition


class RebuiltError(Exception):
    """The tables are no longer those this process knows: they were rebuilt, or are marked to be rebuilt."""


class DamagedError(Exception):
    """SQLite found its file damaged, on a query other than the projection's own."""


class OvertakenError(Exception):
    """Another replica applied these records first."""


class ProjectionTables:
    """The tables of one version of a service's projection. `stored`: the offset rows, as this process last knew
    them."""

    def __init__(
        self,
        engine: Engine,
        service: str,
        version: int,
        places: Sequence[Place],
        tables: MetaData,
        compacted: Mapping[str, Table],
        apply: Apply,
        load: Callable[[Connection], None] | None,
    ) -> None:
        self.engine = engine
        self.file = SqliteFile(engine) if engine.dialect.name == "sqlite" else None
        self.build = ""
        self.stored: dict[Place, ReadPosition] = {}
        self._service, self._version = service, version
        self._prefix = table_prefix(service, version)
        self._order = {place: number for number, place in enumerate(places)}
        self._apply, self._load = apply, load
        self._own, self._tables = MetaData(), tables
        self.progress = progress.AggregatorProgress(self._prefix, self._own)
        self._compacted = {**compacted, progress.TOPIC: self.progress.table}
        self.offsets = Table(
            f"{self._prefix}{OFFSETS}",
            self._own,
            Column("topic", TEXT, primary_key=True),
            Column("partition", Integer, primary_key=True, autoincrement=False),
            Column("next", BigInteger, nullable=False),
            Column("last_offset", BigInteger),  # of the last record applied, with its fingerprint
            Column("last_sha256", TEXT),
            Column("build", TEXT, nullable=False),
            Column("generation", TEXT, nullable=False),  # of the log: cluster, prefix, number of partitions
        )
        self._in_use: Connection | None = None

    # ── building and opening ─────────────────────────────────────────────────────────────────────────────────────

    def open(self) -> tuple[str, dict[Place, ReadPosition]]:
        """Mark these tables as in use, so that no newer version drops them. Returns the build id and the offset rows,
        both empty where there are no tables."""
        self.close()
        if self.engine.dialect.name == "postgresql":  # an SQLite file is used by one process only
            self._in_use = self.engine.connect()
            lock = text("SELECT pg_advisory_lock_shared(hashtext(:prefix))")
            self._in_use.execute(lock, {"prefix": self._prefix})
            self._in_use.commit()
        with reading(self.engine) as connection:
            builds, _, rows = self._rows(connection)
        return next(iter(builds), ""), rows

    def close(self) -> None:
        """Allow other processes to drop these tables."""
        if self._in_use is not None:
            self._in_use.detach()  # so that closing ends the connection and releases its lock
            self._in_use.close()
            self._in_use = None

    def prepare(self, generation: str, build: str, differences: Sequence[str]) -> None:
        """Build the tables where they are missing or of another log. `differences` between the log and the tables were
        found for the tables of `build`, and apply to no others."""
        with writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":  # replicas that start together build once
                lock = text("SELECT pg_advisory_xact_lock(hashtext(:service))")
                connection.execute(lock, {"service": self._service})
            builds, generations, rows = self._rows(connection)
            why = None
            if not rows:
                why = "there are none"
            elif generations != {generation}:
                why = f"they are of another log, not of {generation}"
            elif rows.keys() != self._order.keys():
                why = "they follow other topics"
            elif differences and builds == {build}:
                why = f"they are of another log: {'; '.join(differences)}"
            if why is None:
                (self.build,) = builds
                return
            log.info("building the tables", extra={"service": self._service, "why": why})
            self.build = uuid.uuid4().hex
            _drop(connection, self._prefix)
            self._own.create_all(connection)
            self._tables.create_all(connection)
            same = {"next": 0, "build": self.build, "generation": generation}
            connection.execute(insert(self.offsets), [place._asdict() | same for place in self._order])

    @contextmanager
    def replacing(self, places: Iterable[Place]) -> Generator[Connection]:
        """A transaction that replaces the tables of compacted topics, which it empties first. Meanwhile no replica
        applies records of these topics. In it call `apply`, and at the end `move`."""
        topics = {place.topic for place in places}
        row = self.offsets.c
        with writing(self.engine) as connection:
            asked = select(self.offsets).where(row.topic.in_(topics)).order_by(row.topic, row.partition)
            if {each.build for each in connection.execute(asked.with_for_update())} != {self.build}:
                raise RebuiltError(f"the tables of {self._service} were rebuilt by another process")
            for topic in sorted(topics):
                connection.execute(self._compacted[topic].delete())
            yield connection

    def move(self, connection: Connection, read: Mapping[Place, ReadPosition]) -> None:
        """Set offset rows, in a transaction of `replacing`."""
        for place, to in read.items():
            connection.execute(update(self.offsets).where(self._is(place)).values(_values(to)))

    def load(self) -> None:
        """Load the offset rows and the in-memory state of the service, from one database snapshot."""
        with reading(self.engine) as connection:
            self.stored = self._read(connection)
            self.progress.load(connection)
            if self._load is not None:
                self._load(connection)

    # ── applying ─────────────────────────────────────────────────────────────────────────────────────────────────

    def ordered(self, chunk: Mapping[Place, FetchedRecords]) -> list[Record]:
        """The records of a chunk, in the order of topics, partitions and offsets."""
        return [record for place in sorted(chunk, key=self._order.__getitem__) for record in chunk[place].records]

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Apply records to the tables."""
        self.progress.apply(connection, records)
        self._apply(connection, records)

    def commit(self, chunk: Mapping[Place, FetchedRecords]) -> int:
        """Apply the records that no replica has applied yet, and move the offsets, in one transaction. Returns how
        often another replica was first."""
        overtaken = 0
        while True:
            due = {place: part for place, part in chunk.items() if part.read.next > self.stored[place].next}
            if not due:
                return overtaken
            try:
                self._transact(due)
            except OvertakenError:
                overtaken += 1
                before = self.stored
                with reading(self.engine) as connection:
                    self.stored = self._read(connection)
                # Compared by last record, not by position: positions also pass aborted records, for which no row is
                # written.
                if any(self.stored[place].next < row.next for place, row in before.items()):
                    raise RebuiltError(f"the tables of {self._service} were set back by another process") from None
            else:
                return overtaken

    def _transact(self, due: Mapping[Place, FetchedRecords]) -> None:
        records = [record for record in self.ordered(due) if record.offset >= self.stored[Place(*record[:2])].next]
        moved = {
            place: due[place].read for place in sorted(due)
        }  # in a fixed order, so that two replicas can't deadlock
        with writing(self.engine) as connection:
            for place, to in moved.items():
                self.compare_and_set(connection, place, self.stored[place].next, to)
            self.apply(connection, records)
        self.stored = {**self.stored, **moved}

    def compare_and_set(self, connection: Connection, place: Place, old: int, new: ReadPosition) -> None:
        """Move an offset row. Raises OvertakenError where it is not at `old`, or belongs to another build."""
        row = self.offsets.c
        here = self._is(place) & (row.next == old) & (row.build == self.build)
        if connection.execute(update(self.offsets).where(here).values(_values(new))).rowcount != 1:
            raise OvertakenError

    # ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Raise RebuiltError where the tables are no longer this build, DamagedError where a query found the file
        damaged."""
        if self.file is not None:
            if self.file.damage:
                raise DamagedError(self.file.damage)
            if self.file.replaced():
                raise RebuiltError(f"{self.file.path} was moved or deleted")
        with reading(self.engine) as connection:
            self._read(connection)

    def give_up(self) -> None:
        """Mark the tables as invalid: the next process that starts rebuilds them."""
        with writing(self.engine) as connection:
            connection.execute(self.offsets.delete().where(self.offsets.c.build == self.build))

    def drop_former(self) -> bool:
        """Drop the tables of former versions. Returns whether some are still in use by an older process."""
        with writing(self.engine) as connection:
            left = False
            for version in _versions(connection, self._service):
                if version >= self._version:
                    continue
                prefix = table_prefix(self._service, version)
                if _is_in_use(connection, prefix):
                    left = True
                    continue
                log.info("dropping the tables of a former version", extra={"tables": prefix})
                _drop(connection, prefix)
        return left

    def _rows(self, connection: Connection) -> tuple[set[str], set[str], dict[Place, ReadPosition]]:
        """The build ids, the logs and the offset rows that are stored, whatever they are; empty where there are no
        tables."""
        if not inspect(connection).has_table(self.offsets.name):
            return set(), set(), {}
        rows = connection.execute(select(self.offsets)).all()
        read = {
            Place(row.topic, row.partition): ReadPosition(
                row.next, None if row.last_offset is None else Last(row.last_offset, row.last_sha256)
            )
            for row in rows
        }
        return {row.build for row in rows}, {row.generation for row in rows}, read

    def _read(self, connection: Connection) -> dict[Place, ReadPosition]:
        """The offset rows of this build. Raises RebuiltError where the tables are another build."""
        builds, _, rows = self._rows(connection)
        if builds != {self.build} or rows.keys() != self._order.keys():
            what = "were rebuilt" if builds else "are marked to be rebuilt"
            raise RebuiltError(f"the tables of {self._service} {what}")
        return rows

    def _is(self, place: Place) -> ColumnElement[bool]:
        return (self.offsets.c.topic == place.topic) & (self.offsets.c.partition == place.partition)


def _values(read: ReadPosition) -> dict[str, object]:
    last = read.last
    return {"next": read.next, "last_offset": last and last.offset, "last_sha256": last and last.sha256}


def _versions(connection: Connection, service: str) -> set[int]:
    """The versions of a service's tables in this database."""
    found = (re.match(rf"{service}_v(\d+)_", name) for name in inspect(connection).get_table_names())
    return {int(each[1]) for each in found if each}


def _is_in_use(connection: Connection, prefix: str) -> bool:
    """Whether a process uses these tables. If not, none can begin to before the transaction ends."""
    if connection.dialect.name != "postgresql":
        return False
    asked = text("SELECT pg_try_advisory_xact_lock(hashtext(:prefix))")
    return not connection.execute(asked, {"prefix": prefix}).scalar_one()


def _drop(connection: Connection, prefix: str) -> None:
    there = MetaData()
    there.reflect(connection, only=lambda name, _: name.startswith(prefix))
    there.drop_all(connection)


def mark_for_rebuild(engine: Engine, service: str) -> list[str]:
    """Mark a service's tables of every version to be rebuilt. Processes that use them notice within a second and
    restart; else the next process that starts rebuilds them. Returns the prefixes of the tables marked."""
    marked = []
    with writing(engine) as connection:
        for version in sorted(_versions(connection, service)):
            prefix = table_prefix(service, version)
            offsets = f"{prefix}{OFFSETS}"
            if inspect(connection).has_table(offsets):
                connection.execute(text(f"DELETE FROM {offsets}"))  # noqa: S608 - a name of ours
                marked.append(prefix)
    return marked
