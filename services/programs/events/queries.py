"""What became of an event: pending, accepted with its standing, or rejected with reasons."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aiokafka.errors import KafkaError
from sqlalchemy import Connection, select

from realization.future_dates import latest_date
from realization.plan_facts import PlanBook
from schemas.facts import Fact, NewerFactError, UnknownFact, parse_fact
from schemas.registry import Programs, kind_of
from schemas.sources import parse_source
from schemas.vocabulary import Standing
from services.kit.event_checks import now_ms
from services.kit.http.problems import UnavailableProblem
from services.kit.http.responses import moment
from services.kit.projection.follower import Place, Projection
from services.programs.input_ends import Ends, Inputs
from services.programs.masterplans.queries import version_facts
from services.programs.projection import FACTS, MENTIONS, NEWER, REJECTED, RETRACTIONS

ENDS_SECONDS = 2.0
ENDS_AGAIN_SECONDS = 0.5


async def outcome(
    projection: Projection, inputs: Inputs, source: str, event_id: str, wait_seconds: float
) -> dict[str, Any] | None:
    """What became of an event; waits, bounded, while it may still be decided. None: nothing is known of it.

    Nothing is known when all records that were in the inputs when we were asked are decided and in the tables, and it is
    not among them. While others are undecided it may be among those, and so while a transaction that is open hides some:
    pending.
    """
    deadline = time.monotonic() + wait_seconds
    found = await projection.read(partial(find, source=source, event_id=event_id))
    if found is not None:
        return found  # nearly always, and without a question to the broker
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
    """Where the inputs end now; None when the broker does not say."""
    try:
        async with asyncio.timeout(ENDS_SECONDS):
            return await inputs.ends()
    except (KafkaError, OSError, TimeoutError):
        return None


async def _all_decided(projection: Projection, inputs: Inputs, ends: Ends | None) -> bool:
    """Whether all records before the ends are decided, and what became of them is in the tables."""
    if ends is None or ends.hidden:
        return False
    for place, end in ends.written.items():
        decided = projection.decided_up_to(*place)
        if decided and not projection.has_mail(*place, decided - 1):
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
    """What the tables say of an event. What was rejected beside an accepted one with its name stands there, too."""
    plan = parse_source(source).plan
    asked = select(FACTS.c.value).where(FACTS.c.plan == plan, FACTS.c.source == source, FACTS.c.id == event_id)
    value = connection.execute(asked.order_by(FACTS.c.seq)).scalar()
    refused = connection.execute(
        select(REJECTED).where(REJECTED.c.source == source, REJECTED.c.id == event_id).order_by(REJECTED.c.offset)
    ).all()
    reasons = [{"code": row.reason, "detail": row.detail, "received_at": moment(row.received_ms)} for row in refused]
    if value is not None:
        fact = parse_fact(value)
        meaning = Standing.CURRENT if isinstance(fact, UnknownFact) else standing(connection, fact)
        accepted = {
            "outcome": "accepted",
            "standing": meaning.value,
            "seq": fact.seq,
            "received_at": moment(fact.received_ms),
            "also_rejected": reasons,
        }
        ignored = fact.ignored if isinstance(fact, Fact) else ()
        return accepted | ({"ignored": list(ignored)} if ignored else {})
    return {"outcome": "rejected", "reasons": reasons} if reasons else None


def standing(connection: Connection, fact: Fact) -> Standing:
    """What a fact means now: asked of a book that holds the plan's versions and every fact it depends on."""
    plan, event = fact.event.plan, fact.event
    _require_known(connection, plan)
    book = PlanBook(plan)
    kind = kind_of(event)
    if kind.programs is Programs.OF_TARGET:
        _with_target(book, connection, *kind.target(event.data))
    elif kind.programs is not Programs.NONE:
        _with_versions(book, connection)
        _with_programs(book, connection, kind.named_programs(event.data))
    # What is of a later day, as a plan version that takes effect then, is not superseded.
    return book.standing(fact) if kind.day_may_come else book.standing(fact, latest_date(now_ms()))


def _require_known(connection: Connection, plan: str) -> None:
    """Raise UnavailableProblem where a fact of the plan that standings depend on is of an unknown kind."""
    newer = connection.execute(select(NEWER.c.value).where(NEWER.c.plan == plan).limit(1)).scalar()
    if newer is not None:
        fact = parse_fact(newer)
        assert isinstance(fact, UnknownFact)
        raise UnavailableProblem(str(NewerFactError(fact)), retry_after_seconds=60)


def _with_versions(book: PlanBook, connection: Connection) -> None:
    for registered in version_facts(connection, book.plan):
        book.add(registered.fact)


def _with_target(book: PlanBook, connection: Connection, source: str, event_id: str) -> None:
    target = select(FACTS.c.value).where(FACTS.c.plan == book.plan, FACTS.c.source == source, FACTS.c.id == event_id)
    _add(book, connection.execute(target).scalars().all())


def _with_programs(book: PlanBook, connection: Connection, programs: Sequence[str]) -> None:
    """Every fact that speaks of the programs, and every retraction of one of those."""
    if not programs:
        return
    mentions = (MENTIONS.c.plan == book.plan) & MENTIONS.c.program.in_(programs)
    mentioned = (
        select(FACTS.c.value, FACTS.c.source, FACTS.c.id)
        .join(MENTIONS, (FACTS.c.plan == MENTIONS.c.plan) & (FACTS.c.seq == MENTIONS.c.seq))
        .where(mentions)
        .distinct()
    )
    rows = connection.execute(mentioned).all()
    _add(book, [row.value for row in rows])
    reports = mentioned.subquery()
    taken_back = (
        select(RETRACTIONS.c.seq)
        .join(reports, (RETRACTIONS.c.source == reports.c.source) & (RETRACTIONS.c.id == reports.c.id))
        .where(RETRACTIONS.c.plan == book.plan)
        .distinct()
    )
    retractions = select(FACTS.c.value).where(FACTS.c.plan == book.plan, FACTS.c.seq.in_(taken_back))
    _add(book, connection.execute(retractions).scalars().all())


def _add(book: PlanBook, values: Any) -> None:
    for value in values:
        fact = parse_fact(value)
        assert isinstance(fact, Fact)
        book.add(fact)
