"""The register of masterplans in the projection: their versions, and which is in force."""

import json
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from schemas.facts import Fact, parse_fact
from schemas.masterplan import MasterplanVersion, MasterplanVersionPublished
from schemas.plan_versions import PlanVersionFact, read_plan
from services.kit.http.responses import moment
from services.kit.projection.databases import reading
from services.kit.projection.follower import Projection
from services.programs.projection import OTHERS, VERSIONS


class Registered(NamedTuple):
    """One plan version: its fact, and its data."""

    fact: Fact
    version: MasterplanVersion


@lru_cache(maxsize=64)
def parsed(value: bytes) -> Registered:
    """A plan version's fact, decoded. Cached: a large plan takes a while to decode, and is requested often."""
    fact = parse_fact(value)
    assert isinstance(fact, Fact)
    assert isinstance(fact.event, MasterplanVersionPublished)
    return Registered(fact, fact.event.data)


@lru_cache(maxsize=64)
def _read(value: bytes) -> PlanVersionFact:
    found = read_plan(value)
    assert found is not None
    return found


def plan_facts(connection: Connection, plan: str) -> list[PlanVersionFact]:
    """Every version of a plan as figures need it, the oldest first."""
    asked = (
        select(OTHERS.c.value)
        .join(VERSIONS, (OTHERS.c.plan == VERSIONS.c.plan) & (OTHERS.c.seq == VERSIONS.c.seq))
        .where(VERSIONS.c.plan == plan)
        .order_by(VERSIONS.c.version)
    )
    return [_read(value) for value in connection.execute(asked).scalars()]


def registered(projection: Projection, plan: str, number: int | None = None) -> Registered | None:
    """A version of a plan, or its latest; None where there is none. Blocks."""
    asked = (
        select(OTHERS.c.value)
        .join(VERSIONS, (OTHERS.c.plan == VERSIONS.c.plan) & (OTHERS.c.seq == VERSIONS.c.seq))
        .where(VERSIONS.c.plan == plan)
        .order_by(VERSIONS.c.version.desc())
        .limit(1)
    )
    if number is not None:
        asked = asked.where(VERSIONS.c.version == number)
    with reading(projection.engine) as connection:
        value = connection.execute(asked).scalar()
    return parsed(value) if value is not None else None


class Found(NamedTuple):
    """A version of a plan: its number, and the `seq` of its fact."""

    number: int
    seq: int


def find(connection: Connection, plan: str, number: int | None = None) -> Found | None:
    """A version of a plan, or its latest; None where there is none."""
    asked = select(VERSIONS.c.version, VERSIONS.c.seq).where(VERSIONS.c.plan == plan)
    if number is not None:
        asked = asked.where(VERSIONS.c.version == number)
    row = connection.execute(asked.order_by(VERSIONS.c.version.desc()).limit(1)).first()
    return Found(row.version, row.seq) if row else None


def at_seq(projection: Projection, plan: str, seq: int) -> Registered:
    """The version that a fact of a plan registered. Blocks."""
    with reading(projection.engine) as connection:
        asked = select(OTHERS.c.value).where(OTHERS.c.plan == plan, OTHERS.c.seq == seq)
        return parsed(connection.execute(asked).scalar_one())


def in_force(projection: Projection, plan: str) -> Registered | None:
    """The version of a plan that is in force today, in the plan's own time zone. Blocks."""
    with reading(projection.engine) as connection:
        asked = (
            select(VERSIONS.c.version, VERSIONS.c.effective_from, VERSIONS.c.time_zone)
            .where(VERSIONS.c.plan == plan)
            .order_by(VERSIONS.c.effective_from.desc(), VERSIONS.c.version.desc())
        )
        rows = connection.execute(asked).all()
    number = next((row.version for row in rows if row.effective_from <= today(row.time_zone).isoformat()), None)
    return registered(projection, plan, number) if number is not None else None


def today(time_zone: str) -> date:
    """Today's date in the plan's time zone."""
    return datetime.now(ZoneInfo(time_zone)).date()


def page(connection: Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """The latest version of each plan whose id comes after `after`."""
    latest = (
        select(VERSIONS.c.plan, func.max(VERSIONS.c.version).label("version"))
        .where(VERSIONS.c.plan > after)
        .group_by(VERSIONS.c.plan)
        .order_by(VERSIONS.c.plan)
        .limit(limit)
        .subquery()
    )
    asked = (
        select(VERSIONS)
        .join(latest, (VERSIONS.c.plan == latest.c.plan) & (VERSIONS.c.version == latest.c.version))
        .order_by(VERSIONS.c.plan)
    )
    return [_item(row) for row in connection.execute(asked)]


def versions(connection: Connection, plan: str) -> list[dict[str, Any]]:
    """Every version of a plan, the latest first."""
    asked = select(VERSIONS).where(VERSIONS.c.plan == plan).order_by(VERSIONS.c.version.desc())
    return [_item(row) for row in connection.execute(asked)]


def _item(row: Any) -> dict[str, Any]:
    """A version in a list: the plan's own fields, and counts."""
    return {
        "plan": row.plan,
        **json.loads(row.head),
        "programs": row.programs,
        "departments": row.departments,
        "seq": row.seq,
        "received_at": moment(row.received_ms),
    }
