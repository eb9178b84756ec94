"""The outcome of an event: pending, accepted with its standing, or rejected with reasons."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError
from sqlalchemy import ColumnElement, Connection, Select, Table, select, tuple_

from realization.future_dates import latest_date
from realization.plan_facts import PlanFacts
from schemas.facts import Fact, NewerFactError, UnknownFact, parse_fact
from schemas.registry import Programs, kind_of
from schemas.sources import parse_source
from schemas.vocabulary import Standing
from services.kit.event_checks import now_ms
from services.kit.http.problems import UnavailableProblem
from services.kit.http.responses import moment
from services.kit.projection.follower import Place, Projection
from services.programs.input_ends import Ends, Inputs
from services.programs.masterplans.queries import plan_facts
from services.programs.projection import MENTIONS, NEWER, OTHERS, REJECTED, REPORTS, RETRACTIONS, claim

ENDS_SECONDS = 2.0
ENDS_AGAIN_SECONDS = 0.5


async def outcome(
    projection: Projection, inputs: Inputs, source: str, event_id: str, wait_seconds: float
) -> dict[str, Any] | None:
    """The outcome of an event. Waits, up to a time limit, while it may not be processed yet. None: the event is
    unknown.

    It is unknown when all records that were in the inputs at the time of the request are processed and in the tables,
    and it is not among them. It is pending while some are not processed yet, or hidden by an open transaction: it may
    be one of those.
    """
    deadline = time.monotonic() + wait_seconds
    found = await projection.read(partial(find, source=source, event_id=event_id))
    if found is not None:
        return found  # nearly always, and without a request to the broker
    ends = await _ends(inputs)
    while True:
        seen = projection.positions()
        decided = await _all_decided(projection, inputs, ends)
        found = await projection.read(partial(find, source=source, event_id=event_id))
        if found is not None:
            return found
        if decided:
            return None
        left = deadline - time.monotonic()
        if left <= 0:
            return {"outcome": "pending"}
        unknown = ends is None or ends.hidden
        moved = partial(_moved, projection, seen)
        await projection.wait_until(moved, min(left, ENDS_AGAIN_SECONDS) if unknown else left)
        if unknown:
            ends = await _ends(inputs)


async def _ends(inputs: Inputs) -> Ends | None:
    """The end offsets of the inputs now; None when the broker does not respond."""
    try:
        async with asyncio.timeout(ENDS_SECONDS):
            return await inputs.ends()
    except (KafkaError, OSError, TimeoutError):
        return None


async def _all_decided(projection: Projection, inputs: Inputs, ends: Ends | None) -> bool:
    """Whether all records before the end offsets are processed, with their outcomes in the tables."""
    if ends is None or ends.hidden:
        return False
    for place, end in ends.written.items():
        decided = projection.decided_up_to(*place)
        if decided and not projection.has_processed(*place, decided - 1):
            return False
        try:
            async with asyncio.timeout(ENDS_SECONDS):
                if await inputs.has_records(place, decided, end):
                    return False
        except (KafkaError, OSError, TimeoutError):
            return False
    return True


def _moved(projection: Projection, seen: Mapping[Place, int]) -> bool:
    return projection.positions() != seen


def find(connection: Connection, source: str, event_id: str) -> dict[str, Any] | None:
    """The outcome of an event in the tables, with rejected events of the same source and id."""
    accepted = _accepted(connection, parse_source(source).plan, source, event_id)
    refused = connection.execute(
        select(REJECTED).where(REJECTED.c.source == source, REJECTED.c.id == event_id).order_by(REJECTED.c.offset)
    ).all()
    reasons = [{"code": row.reason, "detail": row.detail, "received_at": moment(row.received_ms)} for row in refused]
    if accepted is not None:
        seq, received_ms, meaning, ignored = accepted
        outcome = {
            "outcome": "accepted",
            "standing": meaning.value,
            "seq": seq,
            "received_at": moment(received_ms),
            "also_rejected": reasons,
        }
        return outcome | ({"ignored": list(ignored)} if ignored else {})
    return {"outcome": "rejected", "reasons": reasons} if reasons else None


def is_accepted(connection: Connection, plan: str, source: str, event_id: str) -> bool:
    """Whether an event with this source and id was accepted."""
    return any(
        connection.execute(select(table.c.seq).where(_named(table, plan, source, event_id)).limit(1)).scalar()
        is not None
        for table in (REPORTS, OTHERS)
    )


class _Accepted(NamedTuple):
    """The fields of an accepted event in its outcome."""

    seq: int
    received_ms: int
    standing: Standing
    ignored: tuple[str, ...]


def _accepted(connection: Connection, plan: str, source: str, event_id: str) -> _Accepted | None:
    report = connection.execute(select(REPORTS).where(_named(REPORTS, plan, source, event_id))).first()
    if report is not None:
        return _Accepted(report.seq, report.received_ms, _report_standing(connection, report), ())
    other = select(OTHERS.c.value).where(_named(OTHERS, plan, source, event_id)).order_by(OTHERS.c.seq)
    value = connection.execute(other).scalar()
    if value is None:
        return None
    fact = parse_fact(value)
    if isinstance(fact, UnknownFact):
        return _Accepted(fact.seq, fact.received_ms, Standing.CURRENT, ())
    return _Accepted(fact.seq, fact.received_ms, standing(connection, fact), fact.ignored)


def _named(table: Table, plan: str, source: str, event_id: str) -> ColumnElement[bool]:
    return (table.c.plan == plan) & (table.c.source == source) & (table.c.id == event_id)


# ── the standing of a fact, computed from those facts of its plan that it depends on ─────────────────────────────────


def _report_standing(connection: Connection, report: Any) -> Standing:
    """The standing of a report. `report`: its row."""
    _require_known(connection, report.plan)
    plan_facts = PlanFacts(report.plan)
    _with_versions(plan_facts, connection)
    _with_programs(plan_facts, connection, [report.program])
    return plan_facts.report_standing(report.program, report.source, report.id, latest_date(now_ms()))


def standing(connection: Connection, fact: Fact) -> Standing:
    """The standing of a fact."""
    plan, event = fact.event.plan, fact.event
    _require_known(connection, plan)
    plan_facts = PlanFacts(plan)
    kind = kind_of(event)
    if kind.programs is Programs.OF_TARGET:
        source, event_id = kind.target(event.data)
        _add_reports(plan_facts, connection, _named(REPORTS, plan, source, event_id))
        _add_others(plan_facts, connection, select(OTHERS.c.value).where(_named(OTHERS, plan, source, event_id)))
    elif kind.programs is not Programs.NONE:
        _with_versions(plan_facts, connection)
        _with_programs(plan_facts, connection, kind.named_programs(event.data))
    # A fact about a later day, such as a plan version that takes effect then, is not superseded.
    return plan_facts.standing(fact) if kind.day_may_come else plan_facts.standing(fact, latest_date(now_ms()))


def _require_known(connection: Connection, plan: str) -> None:
    """Raise UnavailableProblem where the plan has a fact of an unknown kind on which standings depend."""
    query = (
        select(OTHERS.c.value)
        .join(NEWER, (OTHERS.c.plan == NEWER.c.plan) & (OTHERS.c.seq == NEWER.c.seq))
        .where(NEWER.c.plan == plan)
        .limit(1)
    )
    newer = connection.execute(query).scalar()
    if newer is not None:
        fact = parse_fact(newer)
        assert isinstance(fact, UnknownFact)
        raise UnavailableProblem(str(NewerFactError(fact)), retry_after_seconds=60)


def _with_versions(found: PlanFacts, connection: Connection) -> None:
    for version in plan_facts(connection, found.plan):
        found.add_plan(version.plan, version.seq, version.received_ms)


def _with_programs(plan_facts: PlanFacts, connection: Connection, programs: Sequence[str]) -> None:
    """Add every fact about the programs, and every retraction of one of these facts."""
    if not programs:
        return
    _add_reports(plan_facts, connection, (REPORTS.c.plan == plan_facts.plan) & REPORTS.c.program.in_(programs))
    mentioned = (
        select(OTHERS.c.value, OTHERS.c.source, OTHERS.c.id)
        .join(MENTIONS, (OTHERS.c.plan == MENTIONS.c.plan) & (OTHERS.c.seq == MENTIONS.c.seq))
        .where((MENTIONS.c.plan == plan_facts.plan) & MENTIONS.c.program.in_(programs))
        .distinct()
    )
    _add_others(plan_facts, connection, mentioned)
    reports = select(REPORTS.c.source, REPORTS.c.id).where(
        (REPORTS.c.plan == plan_facts.plan) & REPORTS.c.program.in_(programs)
    )
    others = mentioned.with_only_columns(OTHERS.c.source, OTHERS.c.id)
    retractions = (
        select(RETRACTIONS.c.seq)
        .where(
            RETRACTIONS.c.plan == plan_facts.plan,
            tuple_(RETRACTIONS.c.source, RETRACTIONS.c.id).in_(reports.union(others)),
        )
        .distinct()
    )
    _add_others(
        plan_facts,
        connection,
        select(OTHERS.c.value).where(OTHERS.c.plan == plan_facts.plan, OTHERS.c.seq.in_(retractions)),
    )


def _add_reports(plan_facts: PlanFacts, connection: Connection, which: ColumnElement[bool]) -> None:
    for row in connection.execute(select(REPORTS).where(which)):
        plan_facts.add_claim(row.program, claim(row))


def _add_others(plan_facts: PlanFacts, connection: Connection, values: Select[Any]) -> None:
    for value in connection.execute(values).scalars():
        fact = parse_fact(value)
        assert isinstance(fact, Fact)
        plan_facts.add(fact)
