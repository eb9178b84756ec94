"""The projection of the book: facts by plan and `seq`, what is to be known of every plan, and its live snapshot.

Only what `realization` can't say is kept in columns; what a fact means is asked of the heart, never of SQL.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from msgspec.structs import asdict
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    case,
    insert,
    select,
)

from realization.book import Claim, claim_of
from realization.live import OVERALL
from schemas.book import Fact, Snapshot
from schemas.masterplan import MasterplanVersion
from schemas.reading import report_of
from schemas.reports import StatusReported
from schemas.vocabulary import Status
from services.kit.databases import upsert
from services.kit.projection import Record

SERVICE = "realization"
VERSION = 3
TOPICS = ("facts", "realization", "access")
CLAIM = Claim.__struct_fields__
STATUS = {status.value: status for status in Status}
STATED = ("effective_on", "visited_on", "verified_on", "chosen_on", "effective_from")


class Reported(NamedTuple):
    """A report as a plan's book takes it."""

    program: str
    claim: Claim


class Live(NamedTuple):
    """What a plan's live snapshot says of all its programs, and the date it is true of."""

    as_of: date
    programs: int
    realized: int


class PlanRow(NamedTuple):
    """What is known of a plan without opening its book.

    `seq`: its last fact. `settled_on`: the latest date any of its facts speaks of; from then on its counts are the
    same at every date. `time_zone`: of its highest version, None where it has none. `live`: from its snapshot.
    """

    plan: str
    seq: int
    settled_on: date
    time_zone: str | None
    live: Live | None


class Tables:
    """The tables, how records are written to them, and what is read from them."""

    def __init__(self) -> None:
        self.metadata = MetaData()
        self._facts = Table(
            f"{SERVICE}_facts",
            self.metadata,
            Column("plan", String, primary_key=True),
            Column("seq", Integer, primary_key=True, autoincrement=False),
            Column("received_ms", BigInteger, nullable=False),
            # of reports, which are most of all facts: the claim, so that a book is opened without reading events
            Column("program", String),
            Column("effective_on", String),
            Column("time_us", BigInteger),
            Column("source", String),
            Column("id", String),
            Column("status", String),
            Column("physical", Integer),
            Column("spent", BigInteger),
            Column("period", String),
            Column("value", LargeBinary, nullable=False),  # the JSON of a `schemas.book.Fact`
            sqlite_with_rowid=False,  # a plan's facts lie side by side, in the order of seq
        )
        self._plans = Table(
            f"{SERVICE}_plans",
            self.metadata,
            Column("plan", String, primary_key=True),
            Column("seq", Integer, nullable=False),
            Column("settled_on", String, nullable=False),
            Column("version", Integer),
            Column("time_zone", String),
        )
        self._snapshots = Table(
            f"{SERVICE}_snapshots",
            self.metadata,
            Column("plan", String, primary_key=True),
            Column("as_of", String, nullable=False),
            Column("programs", Integer, nullable=False),
            Column("realized", Integer, nullable=False),
        )

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Write what records of `facts` and `realization` say."""
        values = [record.value for record in records if record.topic == "facts" and record.value]
        if values:
            facts = [Fact.model_validate_json(value, extra="ignore") for value in values]
            connection.execute(insert(self._facts), [_row(*both) for both in zip(facts, values, strict=True)])
            self._apply_plans(connection, facts)
        snapshots = {plan_of(record): record.value for record in records if record.topic == "realization"}
        upsert(connection, self._snapshots, [_live(value) for value in snapshots.values() if value])

    def _apply_plans(self, connection: Connection, facts: Sequence[Fact]) -> None:
        found = connection.execute(
            select(self._plans).where(self._plans.c.plan.in_({fact.event.plan for fact in facts}))
        )
        plans: dict[str, dict[str, Any]] = {row.plan: dict(row._mapping) for row in found}
        for fact in facts:
            plan, data = fact.event.plan, fact.event.data
            known = plans.setdefault(
                plan, {"plan": plan, "seq": 0, "settled_on": "", "version": None, "time_zone": None}
            )
            known["seq"] = max(known["seq"], fact.seq)
            stated = (getattr(data, name, None) for name in STATED)
            known["settled_on"] = max(known["settled_on"], *(day.isoformat() for day in stated if day), "")
            if isinstance(data, MasterplanVersion) and data.version > (known["version"] or 0):
                known |= {"version": data.version, "time_zone": data.time_zone}
        upsert(connection, self._plans, list(plans.values()))

    def seqs(self, connection: Connection) -> dict[str, int]:
        """The last `seq` of every plan."""
        return {row.plan: row.seq for row in connection.execute(select(self._plans.c.plan, self._plans.c.seq))}

    def plans(self, connection: Connection) -> list[PlanRow]:
        """Every plan."""
        both = self._plans.outerjoin(self._snapshots, self._plans.c.plan == self._snapshots.c.plan)
        live = self._snapshots.c
        rows = connection.execute(select(self._plans, live.as_of, live.programs, live.realized).select_from(both))
        return [
            PlanRow(
                row.plan,
                row.seq,
                date.fromisoformat(row.settled_on) if row.settled_on else date.min,
                row.time_zone,
                Live(date.fromisoformat(row.as_of), row.programs, row.realized) if row.as_of else None,
            )
            for row in rows
        ]

    def facts(self, connection: Connection, plan: str) -> Iterator[Reported | Fact]:
        """A plan's facts, in the order of `seq`."""
        facts = self._facts.c
        columns = [facts[name] for name in ("program", *CLAIM)]
        value = case((facts.program.is_(None), facts.value))  # what is not needed is not read
        asked = select(*columns, value).where(facts.plan == plan).order_by(facts.seq)
        known: dict[Any, Any] = {}  # one object for each text and date that comes again and again
        for row in connection.execution_options(yield_per=2000).execute(asked):
            (
                program,
                effective_on,
                time_us,
                source,
                event_id,
                seq,
                status,
                physical,
                spent,
                period,
                received_ms,
                event,
            ) = row
            if program is None:
                yield Fact.model_validate_json(event, extra="ignore")
                continue
            yield Reported(
                known.setdefault(program, program),
                Claim(
                    known.get(effective_on) or known.setdefault(effective_on, date.fromisoformat(effective_on)),
                    time_us,
                    known.setdefault(source, source),
                    event_id,
                    seq,
                    STATUS[status],
                    physical,
                    spent,
                    known.setdefault(period, period),
                    received_ms,
                ),
            )

    def values(self, connection: Connection, plan: str, seqs: Iterable[int]) -> dict[int, bytes]:
        """The values of some of a plan's facts, by `seq`."""
        facts = self._facts.c
        asked = select(facts.seq, facts.value).where(facts.plan == plan, facts.seq.in_(list(seqs)))
        return {row.seq: row.value for row in connection.execute(asked)}


def _row(fact: Fact, value: bytes) -> dict[str, Any]:
    event = fact.event
    row = dict.fromkeys(("program", *CLAIM))
    if isinstance(event, StatusReported):
        claim = claim_of(report_of(event), fact.seq, fact.received_ms)
        row |= asdict(claim) | {"program": event.data.program, "effective_on": claim.effective_on.isoformat()}
    return row | {"plan": event.plan, "seq": fact.seq, "received_ms": fact.received_ms, "value": value}


def _live(value: bytes) -> dict[str, Any]:
    snapshot = Snapshot.model_validate_json(value)
    counts = dict(zip(snapshot.counts, snapshot.cells[OVERALL][OVERALL], strict=True))
    row = {"plan": snapshot.plan, "as_of": snapshot.as_of.isoformat()}
    return row | {name: counts[name] for name in ("programs", "realized")}


def plan_of(record: Record) -> str:
    """The plan a record of `facts` or `realization` is about: the first step of its key."""
    assert record.key is not None
    return record.key.decode().partition("/")[0]
