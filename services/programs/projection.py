"""The projection of programs: plan versions, the outcome of every event, and the keys."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, MetaData, Table

from realization.claims import Claim
from schemas.codec import ReportFact
from schemas.facts import Fact, UnknownFact, parse_fact
from schemas.plan_versions import PlanVersionFact
from schemas.registry import BY_TYPE, PLAN_VERSION, Programs
from schemas.vocabulary import Status
from services.kit.projection.databases import TEXT, insert_rows, table_prefix
from services.kit.projection.facts import DecodedFact, decoded, plan_of_fact
from services.kit.projection.follower import Record
from services.kit.projection.progress import TOPIC as PROGRESS

SERVICE = "programs"
VERSION = 3  # raise it when the tables, or what `apply` writes, change
PREFIX = table_prefix(SERVICE, VERSION)
TOPICS = ("facts", "rejected", PROGRESS, "access")

IGNORED = b'"ignored":'  # in a fact's value these bytes can only be the field: within a text the quotes are escaped

tables = MetaData()

REPORTS = Table(  # only what standings depend on: the whole report is in the facts log
    f"{PREFIX}reports",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("source", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("program", TEXT, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("effective_on", TEXT, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("physical", Integer, nullable=False),
    Column("spent", BigInteger),
    Column("period", TEXT, nullable=False),
    Index(f"{PREFIX}reports_by_program", "plan", "program"),
)

OTHERS = Table(  # facts other than reports, and reports with ignored attributes
    f"{PREFIX}others",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("source", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("topic", TEXT, primary_key=True),  # identity is within an input topic (docs/decisions/0001)
    Column("seq", Integer, nullable=False),
    Column("value", LargeBinary, nullable=False),  # the fact as in the facts log
    Index(f"{PREFIX}others_by_seq", "plan", "seq", unique=True),
)

MENTIONS = Table(  # which of the other facts are about a program
    f"{PREFIX}mentions",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("program", TEXT, primary_key=True),
    Column("seq", Integer, primary_key=True),
)

RETRACTIONS = Table(  # which facts retract a report
    f"{PREFIX}retractions",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("source", TEXT, primary_key=True),  # of the report
    Column("id", TEXT, primary_key=True),  # of the report
    Column("seq", Integer, primary_key=True),  # of the retraction
)

VERSIONS = Table(
    f"{PREFIX}versions",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("effective_from", TEXT, nullable=False),
    Column("time_zone", TEXT, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("head", TEXT, nullable=False),  # the plan's own fields, as JSON: all but its departments and programs
    Column("programs", Integer, nullable=False),
    Column("departments", Integer, nullable=False),
)

REJECTED = Table(
    f"{PREFIX}rejected",
    tables,
    Column("topic", TEXT, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("plan", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("id", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("detail", TEXT, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Index(f"{PREFIX}rejected_by_identity", "source", "id"),
)


NEWER = Table(  # facts of unknown kinds that figures depend on
    f"{PREFIX}newer",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("seq", Integer, primary_key=True),
)


class _Rows(NamedTuple):
    """Rows of one chunk, by table, each in the order of the table's columns."""

    reports: list[tuple[Any, ...]]
    others: list[tuple[Any, ...]]
    mentions: list[tuple[Any, ...]]
    retractions: list[tuple[Any, ...]]
    versions: list[tuple[Any, ...]]
    newer: list[tuple[Any, ...]]


def apply(connection: Connection, records: Sequence[Record]) -> None:
    """Apply a chunk of facts and rejects to the tables."""
    rows = _Rows([], [], [], [], [], [])
    for record in records:
        if record.topic == "facts" and record.value is not None:
            _take(rows, decoded(record), record.value)
    for table, found in zip((REPORTS, OTHERS, MENTIONS, RETRACTIONS, VERSIONS, NEWER), rows, strict=True):
        insert_rows(connection, table, found)
    refused = [_refused(record) for record in records if record.topic == "rejected"]
    if refused:
        connection.execute(REJECTED.insert(), refused)


def _take(rows: _Rows, fact: DecodedFact, value: bytes) -> None:
    if isinstance(fact, ReportFact):
        if IGNORED not in value:
            rows.reports.append(_report(fact))
            return
        whole = parse_fact(value)
        assert isinstance(whole, Fact)
        fact = whole
    plan, seq = plan_of_fact(fact), fact.seq
    if isinstance(fact, PlanVersionFact):
        rows.others.append((plan, fact.source, fact.id, PLAN_VERSION.topic, seq, value))
        rows.versions.append(_version(plan, fact))
    elif isinstance(fact, UnknownFact):
        rows.others.append((plan, fact.source, fact.id, fact.topic, seq, value))
        if fact.fold:
            rows.newer.append((plan, seq))
    else:
        event = fact.event
        rows.others.append((plan, event.source, event.id, fact.topic, seq, value))
        kind = BY_TYPE[event.type]
        rows.mentions.extend((plan, program, seq) for program in dict.fromkeys(kind.named_programs(event.data)))
        if kind.programs is Programs.OF_TARGET:
            rows.retractions.append((plan, *kind.target(event.data), seq))


def _report(fact: ReportFact) -> tuple[Any, ...]:
    report = fact.report
    return (
        report.plan,
        report.source,
        report.id,
        report.program,
        fact.seq,
        fact.received_ms,
        report.effective_on.isoformat(),
        report.time_us,
        report.status.value,
        report.physical,
        report.spent,
        report.period,
    )


def claim(row: Any) -> Claim:
    """The claim of the report in a row."""
    return Claim(
        date.fromisoformat(row.effective_on),
        row.time_us,
        row.source,
        row.id,
        row.seq,
        Status(row.status),
        row.physical,
        row.spent,
        row.period,
        row.received_ms,
    )


def _version(plan: str, fact: PlanVersionFact) -> tuple[Any, ...]:
    data = msgspec.to_builtins(fact.plan)
    head = {name: value for name, value in data.items() if name not in {"departments", "programs"}}
    return (
        plan,
        data["version"],
        fact.seq,
        data["effective_from"],
        data["time_zone"],
        fact.received_ms,
        json.dumps(head, ensure_ascii=False),
        len(data["programs"]),
        len(data["departments"]),
    )


def _refused(record: Record) -> dict[str, Any]:
    headers = record.headers  # named like the fields of schemas.facts.RejectHeaders
    return {
        "topic": headers["topic"],
        "partition": int(headers["partition"]),
        "offset": int(headers["offset"]),
        "plan": headers.get("plan", ""),
        "source": headers.get("source", ""),
        "id": headers.get("id", ""),
        "reason": headers["reason"],
        "detail": headers["detail"],
        "received_ms": int(headers["received_ms"]),
    }
