"""Intake: checks each event against the caller's key, publishes the valid ones, and returns a result for each."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic_core import to_jsonable_python

from realization.future_dates import is_ahead
from schemas.envelope import MEDIA_TYPE
from schemas.facts import statement, written
from schemas.registry import EVENT, REPORT, Event, kind_of
from schemas.reports import PrivatePartErased
from schemas.secret import Secret
from schemas.sources import parse_source
from schemas.topics import EVENT_LIMIT
from services.kit.audit import audit_record
from services.kit.auth.principal import Caller
from services.kit.event_checks import event_record, now_ms, wrong_by_itself
from services.kit.http.problems import ErrorDetail, listed
from services.kit.publishing import OutgoingRecord, Publisher
from services.programs.events.cloudevents import Arrived, RefusedEvent, WellWritten
from services.programs.metrics import IntakeMetrics

TOPIC = "program-status"
ACCEPTED, FORBIDDEN, INVALID, UNAVAILABLE = 202, 403, 422, 503
OUTCOMES = {ACCEPTED: "accepted", FORBIDDEN: "forbidden", INVALID: "invalid", UNAVAILABLE: "unavailable"}
BREATH = 100  # events, after which other tasks of the event loop run

Result = dict[str, Any]
"""The result of one event: `status` as of a request with this event alone, `source`, `id`, and where it is stored or
`errors`."""


class _Good(NamedTuple):
    """An event to publish: the position of its result, its source and id, and its record."""

    position: int
    source: str
    id: str
    record: OutgoingRecord


async def receive(
    arrivals: Iterable[Arrived], caller: Caller, secret: Secret, publisher: Publisher, metrics: IntakeMetrics
) -> list[Result]:
    """Publish the valid events. Returns a result for each event, in order, after the broker's acknowledgement."""
    received_ms = now_ms()
    results: list[Result] = []
    good: list[_Good] = []
    for index, arrived in enumerate(arrivals):
        checked = _check(arrived, caller, secret, received_ms)
        if isinstance(checked, OutgoingRecord):
            good.append(_Good(index, arrived.source, arrived.id, checked))
            results.append({"status": UNAVAILABLE, "source": arrived.source, "id": arrived.id})
        else:
            results.append(checked)
        if index % BREATH == BREATH - 1:
            await asyncio.sleep(0)
    audits = _audits(good, caller, received_ms)
    records = [*(each.record for each in good), *audits.values()]
    with metrics.publish_seconds.time():
        receipts = await publisher.try_to_publish(records)
    audit_receipts = dict(zip(audits, receipts[len(good) :], strict=True))
    for each, receipt in zip(good, receipts, strict=False):
        if receipt is not None and audit_receipts[each.source] is not None:
            topic, partition, offset = receipt
            results[each.position] |= {"status": ACCEPTED, "topic": topic, "partition": partition, "offset": offset}
    for status, count in Counter(result["status"] for result in results).items():
        metrics.events.labels(OUTCOMES[status]).inc(count)
    return results


def _check(arrived: Arrived, caller: Caller, secret: Secret, received_ms: int) -> OutgoingRecord | Result:
    """The record to publish for an event, or the result that refuses it."""
    if isinstance(arrived, RefusedEvent):
        return _refused(INVALID, arrived.source, arrived.id, arrived.errors)
    if isinstance(arrived, WellWritten):
        if _is_good(arrived, caller, received_ms):
            return OutgoingRecord(TOPIC, arrived.report.plan, arrived.report.plan, arrived.content, MEDIA_TYPE)
        event: Event = EVENT.validate_json(arrived.content)  # its model names all errors
    else:
        event = arrived
    errors = _not_here(event)
    for name in ("attestedrole", "attestation"):
        if getattr(event, name) is not None:
            errors.append(ErrorDetail(name, "is set by intake, never by a sender", "nothing", getattr(event, name)))
    attested = attest(event, secret) if _may_attest(event, caller) else event
    value = written(attested)
    errors += wrong_by_itself(attested, value, received_ms)
    if errors:
        return _refused(INVALID, event.source, event.id, errors)
    if not caller.may("reports:write", source=event.source):
        refusal = caller.refusal(source=event.source)
        wrong = ErrorDetail("source", refusal, caller.source or f"/plans/{caller.plan}/...", event.source)
        return _refused(FORBIDDEN, event.source, event.id, [wrong])
    return event_record(attested, value)


def _is_good(arrived: WellWritten, caller: Caller, received_ms: int) -> bool:
    """Whether all of the checks below pass for a report."""
    return (
        parse_source(arrived.source).kind in REPORT.senders
        and caller.may("reports:write", source=arrived.source)
        and len(arrived.content) <= EVENT_LIMIT
        and not is_ahead(arrived.report, received_ms)
    )


def _not_here(event: Event) -> list[ErrorDetail]:
    if kind_of(event).topic == TOPIC:
        return []
    return [ErrorDetail("type", "is not accepted here", "reports and retractions of programs", event.type)]


def _may_attest(event: Event, caller: Caller) -> bool:
    """Whether an event is of a kind that intake attests, and its sender an administrator of its plan."""
    if kind_of(event).attested == "never":
        return False
    return caller.may("private:erase" if isinstance(event, PrivatePartErased) else "reports:retract", plan=event.plan)


def attest(event: Event, secret: Secret) -> Event:
    """The event with intake's attestation that an administrator sent it."""
    claim = event.model_copy(update={"attestedrole": "administrator"})
    return claim.model_copy(update={"attestation": secret.mark(statement(claim))})


def _refused(status: int, source: str, event_id: str, errors: list[ErrorDetail]) -> Result:
    return {"source": source, "id": event_id, "status": status, "errors": to_jsonable_python(listed(errors))}


def _audits(good: Sequence[_Good], caller: Caller, at_ms: int) -> dict[str, OutgoingRecord]:
    """The audit records of published events, one for each source: by whom, and how many."""
    sent: dict[str, list[str]] = {}
    for each in good:
        sent.setdefault(each.source, []).append(each.id)
    return {
        source: audit_record(
            caller,
            "events.send",
            parse_source(source).plan,
            parse_source(source).organization,
            f"{len(ids)} events, {ids[0]} to {ids[-1]}" if len(ids) > 1 else ids[0],
            datetime.fromtimestamp(at_ms / 1000, UTC),
        )
        for source, ids in sent.items()
    }
