"""The projection of evaluations: visits, the programs of each plan version, and the keys."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, MetaData, Table

from schemas.plan_versions import PlanVersionFact
from schemas.registry import PLAN_VERSION, VISIT
from services.kit.projection.databases import TEXT, table_prefix
from services.kit.projection.facts import decoded, kind_of, plan_of
from services.kit.projection.follower import Record
from services.kit.projection.private_parts import TOPIC as PRIVATE
from services.kit.projection.private_parts import PrivateParts
from services.kit.projection.progress import TOPIC as PROGRESS

SERVICE = "evaluations"
VERSION = 2  # raise it when the tables, or what `apply` writes, change
PREFIX = table_prefix(SERVICE, VERSION)
TOPICS = ("facts", PRIVATE, PROGRESS, "access")

tables = MetaData()

PRIVATE_PARTS = PrivateParts(PREFIX, tables)

VISITS = Table(
    f"{PREFIX}visits",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("source", TEXT, nullable=False),
    Column("id", TEXT, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("event", LargeBinary, nullable=False),  # the event as in the fact
    Index(f"{PREFIX}visits_by_id", "plan", "id"),
)

PLANS = Table(
    f"{PREFIX}plans",
    tables,
    Column("plan", TEXT, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("effective_from", TEXT, nullable=False),
    Column("programs", TEXT, nullable=False),  # codes, as JSON
)


def apply(connection: Connection, records: Sequence[Record]) -> None:
    """Apply a chunk of facts to the tables."""
    PRIVATE_PARTS.apply(connection, records)
    visits: list[dict[str, Any]] = []
    plans: list[dict[str, Any]] = []
    for record in records:
        if record.topic != "facts" or record.value is None:
            continue
        plan, kind = plan_of(record), kind_of(record)
        if kind == VISIT.name:
            fact = json.loads(record.value)
            event = fact["event"]
            about = {"plan": plan, "seq": fact["seq"], "source": event["source"], "id": event["id"]}
            visits.append(about | {"received_ms": fact["received_ms"], "event": json.dumps(event).encode()})
        elif kind == PLAN_VERSION.name:
            found = decoded(record)
            assert isinstance(found, PlanVersionFact)
            version = found.plan
            about = {"version": version.version, "effective_from": version.effective_from.isoformat()}
            codes = [program.code for program in version.programs]
            plans.append({"plan": plan, "programs": json.dumps(codes)} | about)
    if visits:
        connection.execute(VISITS.insert(), visits)
    if plans:
        connection.execute(PLANS.insert(), plans)
