"""The projection of the book: facts by plan and `seq`, what is to be known of every plan, and its live snapshot.

Only what `realization` can't say is kept in columns; what a fact means is asked of the heart, never of SQL.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, MetaData, String, Table, insert, select

from schemas.book import Snapshot
from services.kit.databases import upsert
from services.kit.projection import Record

SERVICE = "realization"
VERSION = 1
TOPICS = ("facts", "realization", "access")
STATED = ("effective_on", "visited_on", "verified_on", "chosen_on", "effective_from")


class FactRow(NamedTuple):
    """A fact as it is stored. `value` is the JSON of a `schemas.book.Fact`."""

    seq: int
    received_ms: int
    value: bytes


class PlanRow(NamedTuple):
    """What is known of a plan without opening its book.

    `seq`: its last fact. `settled_on`: the latest date any of its facts speaks of; from then on its counts are the
    same at every date. `time_zone`: of its highest version, None where it has none. `snapshot`: the live one.
    """

    plan: str
    seq: int
    settled_on: date
    time_zone: str | None
    snapshot: Snapshot | None


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
            Column("value", LargeBinary, nullable=False),
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
            Column("value", LargeBinary, nullable=False),
        )

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Write what records of `facts` and `realization` say."""
        facts = [(plan_of(record), record.value) for record in records if record.topic == "facts" and record.value]
        if facts:
            self._apply_facts(connection, [(plan, value, json.loads(value)) for plan, value in facts])
        snapshots = [
            {"plan": plan_of(record), "value": record.value}
            for record in records
            if record.topic == "realization" and record.value
        ]
        upsert(connection, self._snapshots, snapshots)

    def _apply_facts(self, connection: Connection, facts: Sequence[tuple[str, bytes, dict[str, Any]]]) -> None:
        rows = [
            {"plan": plan, "seq": fact["seq"], "received_ms": fact["received_ms"], "value": value}
            for plan, value, fact in facts
        ]
        connection.execute(insert(self._facts), rows)
        touched = {plan for plan, _, _ in facts}
        found = connection.execute(select(self._plans).where(self._plans.c.plan.in_(touched)))
        plans: dict[str, dict[str, Any]] = {row.plan: dict(row._mapping) for row in found}
        for plan, _, fact in facts:
            known = plans.setdefault(
                plan, {"plan": plan, "seq": 0, "settled_on": "", "version": None, "time_zone": None}
            )
            data = fact["event"]["data"]
            known["seq"] = max(known["seq"], fact["seq"])
            known["settled_on"] = max(known["settled_on"], *(data.get(name) or "" for name in STATED))
            if "time_zone" in data and data["version"] > (known["version"] or 0):
                known |= {"version": data["version"], "time_zone": data["time_zone"]}
        upsert(connection, self._plans, list(plans.values()))

    def seqs(self, connection: Connection) -> dict[str, int]:
        """The last `seq` of every plan."""
        return {row.plan: row.seq for row in connection.execute(select(self._plans.c.plan, self._plans.c.seq))}

    def plans(self, connection: Connection) -> list[PlanRow]:
        """Every plan."""
        both = self._plans.outerjoin(self._snapshots, self._plans.c.plan == self._snapshots.c.plan)
        rows = connection.execute(select(self._plans, self._snapshots.c.value).select_from(both))
        return [
            PlanRow(
                row.plan,
                row.seq,
                date.fromisoformat(row.settled_on) if row.settled_on else date.min,
                row.time_zone,
                Snapshot.model_validate_json(row.value) if row.value else None,
            )
            for row in rows
        ]

    def facts(self, connection: Connection, plan: str) -> Iterator[FactRow]:
        """A plan's facts, in the order of `seq`."""
        facts = self._facts.c
        asked = select(facts.seq, facts.received_ms, facts.value).where(facts.plan == plan).order_by(facts.seq)
        for row in connection.execution_options(yield_per=1000).execute(asked):
            yield FactRow(*row)

    def values(self, connection: Connection, plan: str, seqs: Iterable[int]) -> dict[int, bytes]:
        """The values of some of a plan's facts, by `seq`."""
        facts = self._facts.c
        asked = select(facts.seq, facts.value).where(facts.plan == plan, facts.seq.in_(list(seqs)))
        return {row.seq: row.value for row in connection.execute(asked)}


def plan_of(record: Record) -> str:
    """The plan a record of `facts` or `realization` is about: the first step of its key."""
    assert record.key is not None
    return record.key.decode().partition("/")[0]
