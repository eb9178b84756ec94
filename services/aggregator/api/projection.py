"""The projection of the realization api: facts by plan and `seq`, a row for every plan, and its live snapshot.

SQL is only used to find facts; standings and figures are computed by `realization`, never in SQL.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, select, tuple_, union_all

from realization.claim_columns import Columns
from realization.snapshot import OVERALL
from schemas.codec import ReportFact
from schemas.facts import Fact, Snapshot, UnknownFact, parse_fact
from schemas.plan_versions import PlanVersionFact, read_plan
from schemas.private import Json
from schemas.registry import BY_TYPE
from services.aggregator.api.claim_pages import Page, begins_page, page_of, unpack
from services.kit.projection.databases import TEXT, insert_rows, read_blobs, table_prefix, upsert
from services.kit.projection.facts import DecodedFact, decoded, plan_of
from services.kit.projection.follower import Record
from services.kit.projection.private_parts import TOPIC as PRIVATE
from services.kit.projection.private_parts import FactIdentity, PrivateParts
from services.kit.projection.private_parts import Private as PrivatePart

SERVICE = "realization"
VERSION = 6
PREFIX = table_prefix(SERVICE, VERSION)
TOPICS = ("facts", PRIVATE, "realization", "access")


class StoredFacts(NamedTuple):
    """The stored facts of a plan: the claims of reports, and plan versions and other facts whole."""

    reports: Columns
    plans: list[PlanVersionFact]
    others: list[Fact]  # in the order of `seq`
    unknown: list[UnknownFact]


class LiveCounts(NamedTuple):
    """The overall counts of a plan's live snapshot, and its `as_of`."""

    as_of: date
    programs: int
    realized: int


class PlanRow(NamedTuple):
    """What is known of a plan without loading it.

    `seq`: of its last fact. `settled_on`: the latest date that any of its facts is about; from then on its counts are
    the same at every date. `time_zone`: of its highest version. `live`: from its snapshot.
    """

    plan: str
    seq: int
    settled_on: date
    time_zone: str
    live: LiveCounts | None


class Tables:
    """The tables, with writing records to them and reading from them."""

    def __init__(self) -> None:
        self.metadata = MetaData()
        # Values are the JSON of a `schemas.facts.Fact`. Reports, which are most facts, have a table of their own: they
        # are only read one by one, for fields that a claim lacks. So the rows that a plan is loaded from are few.
        self._reports, self._others = (
            Table(
                f"{PREFIX}{name}",
                self.metadata,
                Column("plan", TEXT, primary_key=True),
                Column("seq", Integer, primary_key=True, autoincrement=False),
                Column("value", LargeBinary, nullable=False),
            )
            for name in ("reports", "others")
        )
        self.private = PrivateParts(PREFIX, self.metadata)
        self._pages = Table(
            f"{PREFIX}claims",
            self.metadata,
            Column("plan", TEXT, primary_key=True),
            Column("page", Integer, primary_key=True, autoincrement=False),
            Column("value", LargeBinary, nullable=False),  # a `claim_pages.Page`
        )
        self._plans = Table(
            f"{PREFIX}plans",
            self.metadata,
            Column("plan", TEXT, primary_key=True),
            Column("seq", Integer, nullable=False),
            Column("settled_on", TEXT, nullable=False),
            Column("version", Integer),
            Column("time_zone", TEXT),
        )
        self.snapshots = Table(
            f"{PREFIX}snapshots",
            self.metadata,
            Column("plan", TEXT, primary_key=True),
            Column("as_of", TEXT, nullable=False),
            Column("programs", Integer, nullable=False),
            Column("realized", Integer, nullable=False),
        )

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Apply records of `facts` and `realization`."""
        facts = [record for record in records if record.topic == "facts" and record.value]
        if facts:
            self._apply_facts(connection, facts)
        self.private.apply(connection, records)
        snapshots = {plan_of(record): record.value for record in records if record.topic == "realization"}
        upsert(connection, self.snapshots, [_live(value) for value in snapshots.values() if value])
        gone = [plan for plan, value in snapshots.items() if not value]
        if gone:
            connection.execute(self.snapshots.delete().where(self.snapshots.c.plan.in_(gone)))

    def _apply_facts(self, connection: Connection, records: Sequence[Record]) -> None:
        reports: list[tuple[str, int, bytes]] = []
        others: list[tuple[str, int, bytes]] = []
        by_plan: dict[str, list[DecodedFact]] = {}
        for record in records:
            assert record.value is not None
            fact, plan = decoded(record), plan_of(record)
            rows = reports if isinstance(fact, ReportFact) else others
            rows.append((plan, fact.seq, record.value))
            by_plan.setdefault(plan, []).append(fact)
        insert_rows(connection, self._reports, reports)
        insert_rows(connection, self._others, others)
        self._apply_pages(connection, by_plan)
        self._apply_plans(connection, by_plan)

    def _apply_pages(self, connection: Connection, by_plan: Mapping[str, Sequence[DecodedFact]]) -> None:
        key = tuple_(self._pages.c.plan, self._pages.c.page)
        begun = [(plan, page_of(facts[0].seq)) for plan, facts in by_plan.items() if not begins_page(facts[0].seq)]
        found = connection.execute(select(self._pages).where(key.in_(begun))) if begun else ()
        pages = {(row.plan, row.page): Page(row.value) for row in found}
        for plan, facts in by_plan.items():
            for number, of_page in groupby(facts, key=lambda fact: page_of(fact.seq)):
                page = pages.get((plan, number)) or pages.setdefault((plan, number), Page())
                for fact in of_page:
                    page.add(fact)
        rows = [{"plan": plan, "page": number, "value": page.value()} for (plan, number), page in pages.items()]
        upsert(connection, self._pages, rows)

    def _apply_plans(self, connection: Connection, by_plan: Mapping[str, Sequence[DecodedFact]]) -> None:
        found = connection.execute(select(self._plans).where(self._plans.c.plan.in_(by_plan)))
        plans: dict[str, dict[str, Any]] = {row.plan: dict(row._mapping) for row in found}
        for plan, facts in by_plan.items():
            known = plans.setdefault(
                plan, {"plan": plan, "seq": 0, "settled_on": date.min.isoformat(), "version": None, "time_zone": None}
            )
            known["seq"] = max(known["seq"], facts[-1].seq)
            settled_on = max(map(_settles_on, facts), default=date.min)
            known["settled_on"] = max(known["settled_on"], settled_on.isoformat())
            for fact in facts:
                if isinstance(fact, PlanVersionFact) and fact.plan.version > (known["version"] or 0):
                    known |= {"version": fact.plan.version, "time_zone": fact.plan.time_zone}
        upsert(connection, self._plans, list(plans.values()))

    def seqs(self, connection: Connection) -> dict[str, int]:
        """The last `seq` of every plan."""
        return {row.plan: row.seq for row in connection.execute(select(self._plans.c.plan, self._plans.c.seq))}

    def plans(self, connection: Connection) -> list[PlanRow]:
        """Every plan that has a version: a report for an unknown plan makes none."""
        both = self._plans.outerjoin(self.snapshots, self._plans.c.plan == self.snapshots.c.plan)
        live = self.snapshots.c
        rows = connection.execute(
            select(self._plans, live.as_of, live.programs, live.realized)
            .select_from(both)
            .where(self._plans.c.version.is_not(None))
        )
        return [
            PlanRow(
                row.plan,
                row.seq,
                date.fromisoformat(row.settled_on),
                row.time_zone,
                LiveCounts(date.fromisoformat(row.as_of), row.programs, row.realized) if row.as_of else None,
            )
            for row in rows
        ]

    def stored_facts(self, connection: Connection, plan: str) -> StoredFacts:
        """Everything that a plan is loaded from."""
        pages = select(self._pages.c.value).where(self._pages.c.plan == plan).order_by(self._pages.c.page)
        others = select(self._others.c.value).where(self._others.c.plan == plan).order_by(self._others.c.seq)
        kept = StoredFacts(unpack(plan, read_blobs(connection, pages)), [], [], [])
        for value in read_blobs(connection, others):
            version = read_plan(value)
            if version is not None:
                kept.plans.append(version)
                continue
            fact = parse_fact(value)
            if isinstance(fact, Fact):
                kept.others.append(fact)
            else:
                kept.unknown.append(fact)
        return kept

    def in_full(
        self, connection: Connection, plan: str, seqs: Iterable[int]
    ) -> tuple[dict[int, Json], dict[int, PrivatePart]]:
        """The events of some of a plan's facts, and their private parts, both by `seq`."""
        events = {seq: json.loads(value)["event"] for seq, value in self.values(connection, plan, seqs).items()}
        identities = {seq: _identity(event) for seq, event in events.items()}
        found = self.private.find(connection, identities.values())
        return events, {seq: found[identity] for seq, identity in identities.items()}

    def values(self, connection: Connection, plan: str, seqs: Iterable[int]) -> dict[int, bytes]:
        """The values of some of a plan's facts, by `seq`."""
        wanted = list(seqs)
        either = (
            select(table.c.seq, table.c.value).where(table.c.plan == plan, table.c.seq.in_(wanted))
            for table in (self._reports, self._others)
        )
        return {row.seq: row.value for row in connection.execute(union_all(*either))}


def _settles_on(fact: DecodedFact) -> date:
    """The latest date that a fact is about."""
    if isinstance(fact, ReportFact):
        return fact.report.effective_on
    if isinstance(fact, PlanVersionFact):
        return fact.plan.effective_from
    if isinstance(fact, UnknownFact):
        return date.max if fact.fold else date.min  # its content is not known
    day = BY_TYPE[fact.event.type].day
    stated: date = date.min if day is None else getattr(fact.event.data, day)
    return stated


def _identity(event: Json) -> FactIdentity:
    return FactIdentity(BY_TYPE[event["type"]].name, event["source"], event["id"])


def _live(value: bytes) -> dict[str, Any]:
    snapshot = Snapshot.model_validate_json(value)
    counts = dict(zip(snapshot.counts, snapshot.cells[OVERALL][OVERALL], strict=True))
    row = {"plan": snapshot.plan, "as_of": snapshot.as_of.isoformat()}
    return row | {name: counts[name] for name in ("programs", "realized")}
