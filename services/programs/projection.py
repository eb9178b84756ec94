"""What programs keep of the book: plan versions, what became of every event, and the keys. Drop it and it is back."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, MetaData, Table

from schemas.plan_versions import read_plan
from schemas.registry import BY_TYPE, PLAN_VERSION, Programs
from services.kit.projection.databases import TEXT, table_prefix
from services.kit.projection.follower import Record
from services.kit.projection.progress import TOPIC as PROGRESS

SERVICE = "programs"
VERSION = 2  # of the tables and of what `apply` writes; raise it with either
PREFIX = table_prefix(SERVICE, VERSION)
TOPICS = ("facts", "rejected", PROGRESS, "access")

tables = MetaData()

FACTS = Table(
    f"{PREFIX}facts",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("source", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("topic", TEXT, primary_key=True),  # identity is within an input topic (docs/decisions/0001)
    Column("seq", Integer, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("value", LargeBinary, nullable=False),  # the fact as it stands in the book
    Index(f"{PREFIX}facts_by_seq", "plan", "seq", unique=True),
)

MENTIONS = Table(  # which facts speak of a program
    f"{PREFIX}mentions",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("program", TEXT, primary_key=True),
    Column("seq", Integer, primary_key=True),
)

RETRACTIONS = Table(  # which facts take back a report
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
    Column("value", LargeBinary, nullable=False),
)


class _Rows(NamedTuple):
    """Rows of one chunk, by table."""

    facts: list[dict[str, Any]]
    mentions: list[dict[str, Any]]
    retractions: list[dict[str, Any]]
    versions: list[dict[str, Any]]
    newer: list[dict[str, Any]]


def apply(connection: Connection, records: Sequence[Record]) -> None:
    """Write what a chunk of facts and rejects says."""
    rows = _Rows([], [], [], [], [])
    for record in records:
        if record.topic == "facts" and record.value is not None:
            _take(rows, record.value)
    for table, found in zip((FACTS, MENTIONS, RETRACTIONS, VERSIONS, NEWER), rows, strict=True):
        if found:
            connection.execute(table.insert(), found)
    refused = [_refused(record) for record in records if record.topic == "rejected"]
    if refused:
        connection.execute(REJECTED.insert(), refused)


def _take(rows: _Rows, value: bytes) -> None:
    fact = json.loads(value)
    event = fact["event"]
    data, seq = event["data"], fact["seq"]
    plan = event["source"].split("/")[2]
    rows.facts.append(
        {
            "plan": plan,
            "source": event["source"],
            "id": event["id"],
            "topic": fact["topic"],
            "seq": seq,
            "kind": event["type"],
            "received_ms": fact["received_ms"],
            "partition": fact["partition"],
            "offset": fact["offset"],
            "value": value,
        }
    )
    kind = BY_TYPE.get(event["type"])
    if kind is None:
        if fact["fold"]:
            rows.newer.append({"plan": plan, "seq": seq, "value": value})
        return
    rows.mentions.extend({"plan": plan, "program": program, "seq": seq} for program in kind.named_programs(data))
    if kind.programs is Programs.OF_TARGET:
        source, event_id = kind.target(data)
        rows.retractions.append({"plan": plan, "source": source, "id": event_id, "seq": seq})
    if kind is PLAN_VERSION:
        rows.versions.append(_version(plan, value))


def _version(plan: str, value: bytes) -> dict[str, Any]:
    found = read_plan(value)
    assert found is not None
    data = msgspec.to_builtins(found.plan)
    head = {name: value for name, value in data.items() if name not in {"departments", "programs"}}
    return {
        "plan": plan,
        "version": data["version"],
        "seq": found.seq,
        "effective_from": data["effective_from"],
        "time_zone": data["time_zone"],
        "received_ms": found.received_ms,
        "head": json.dumps(head, ensure_ascii=False),
        "programs": len(data["programs"]),
        "departments": len(data["departments"]),
    }


def _refused(record: Record) -> dict[str, Any]:
    told = record.headers  # named as the fields of schemas.facts.RejectHeaders
    return {
        "topic": told["topic"],
        "partition": int(told["partition"]),
        "offset": int(told["offset"]),
        "plan": told.get("plan", ""),
        "source": told.get("source", ""),
        "id": told.get("id", ""),
        "reason": told["reason"],
        "detail": told["detail"],
        "received_ms": int(told["received_ms"]),
    }
