"""Checks and publishes visits."""

import json
from datetime import UTC, datetime
from functools import partial

from pydantic import ValidationError
from sqlalchemy import Connection, select

from schemas.cloudevents import without_mark
from schemas.evaluations import Visit, VisitRecorded
from schemas.facts import content, written
from schemas.private import STORED
from schemas.sources import parse_source
from services.evaluations.dependencies import EvaluationsDependencies
from services.evaluations.projection import PLANS, VISITS
from services.evaluations.visits.models import VisitSent
from services.kit.audit import audit_record
from services.kit.auth.principal import Caller
from services.kit.event_checks import event_record, now_ms, wrong_by_itself
from services.kit.http.problems import ErrorDetail, InvalidProblem, wrong_of
from services.kit.http.strict_json import wrong_json
from services.kit.publishing import OutgoingRecord, Receipt


def read_visit(body: bytes, caller: Caller) -> VisitRecorded:
    """The event in a request's body, which is a visit with an `id` beside its fields. Raises InvalidProblem with all
    errors, ForbiddenProblem when the key is for another source.
    """
    sent = _read(body)
    source = sent.source or caller.source
    if source is None:
        raise InvalidProblem(
            errors=[ErrorDetail("source", "is missing", "the evaluator for whom the administrator writes")]
        )
    caller.require("visits:write", source=source)
    return VisitRecorded(
        specversion="1.0",
        id=sent.id,
        source=source,
        time=sent.time or datetime.now(UTC),
        type="id.pantau.visit.recorded.v1",
        data=Visit(**{name: getattr(sent, name) for name in Visit.model_fields}),
    )


def _read(body: bytes) -> VisitSent:
    body = without_mark(body)
    errors = wrong_json(body)
    if errors:
        raise InvalidProblem(errors=errors)
    try:
        return VisitSent.model_validate_json(body)
    except ValidationError as error:
        raise InvalidProblem(
            errors=[wrong._replace(where=wrong.where or "body") for wrong in wrong_of(error)]
        ) from None


async def record_visit(parts: EvaluationsDependencies, event: VisitRecorded, caller: Caller) -> Receipt:
    """Publish a visit after its last checks. Raises InvalidProblem with all errors, UnavailableProblem."""
    record = await parts.projection.read(partial(_checked, event=event))
    source = parse_source(event.source)
    audit = audit_record(caller, "visits.record", source.plan, source.organization, event.id)
    receipt, _ = await parts.publisher.publish(record, audit)
    return receipt


def _checked(connection: Connection, event: VisitRecorded) -> OutgoingRecord:
    event = _as_first_sent(connection, event)
    value = written(event)
    errors = wrong_by_itself(event, value, now_ms()) + _unknown_programs(connection, event)
    if errors:
        raise InvalidProblem(errors=[wrong._replace(where=wrong.where.removeprefix("data.")) for wrong in errors])
    return event_record(event, value)


def _as_first_sent(connection: Connection, event: VisitRecorded) -> VisitRecorded:
    """The visit with the `time` of the accepted one that has the same identity and public part, so that a resend is a
    duplicate. The aggregator compares the private part."""
    asked = select(VISITS.c.event).where(
        VISITS.c.plan == event.plan, VISITS.c.source == event.source, VISITS.c.id == event.id
    )
    there = connection.execute(asked).scalar()
    if there is None:
        return event
    before = VisitRecorded.model_validate_json(there, extra="ignore", context=STORED)
    again = event.model_copy(update={"time": before.time})
    return again if content(again).public == content(before).public else event


def _unknown_programs(connection: Connection, event: VisitRecorded) -> list[ErrorDetail]:
    """The errors of programs that were not in the plan on the day of the visit, for which it would be an orphan."""
    asked = (
        select(PLANS).where(PLANS.c.plan == event.plan).order_by(PLANS.c.effective_from.desc(), PLANS.c.version.desc())
    )
    rows = connection.execute(asked).all()
    if not rows:
        return [ErrorDetail("source", f"plan {event.plan} has no version in force", "a plan that is registered")]
    day = event.data.visited_on.isoformat()
    in_force = next((row for row in rows if row.effective_from <= day), None)
    if in_force is None:
        first = min(row.effective_from for row in rows)
        return [
            ErrorDetail(
                "visited_on", f"plan {event.plan} has no version in force on that day", f"{first} or later", day
            )
        ]
    known = set(json.loads(in_force.programs))
    expected = f"a program of version {in_force.version} of {event.plan}, in force on {day}"
    return [
        ErrorDetail(f"programs.{index}.program", "was not in the plan on the day of the visit", expected, seen.program)
        for index, seen in enumerate(event.data.programs)
        if seen.program not in known
    ]
