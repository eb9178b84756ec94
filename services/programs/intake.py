"""What intake does with events: checks each against the caller's key, publishes the good ones, tells of every one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python

from schemas.access import Audited
from schemas.book import content
from schemas.events import Event
from schemas.reports import StatusRetracted
from schemas.sources import parse_source
from services.kit.events import event_letter, now_ms, wrong_by_itself
from services.kit.keys import Access
from services.kit.problems import Wrong, listed
from services.kit.publishing import Letter, Publisher, audit_letter
from services.programs.cloudevents import Refused
from services.programs.metrics import IntakeMetrics

TOPIC = "program-status"
ACCEPTED, FORBIDDEN, INVALID, UNAVAILABLE = 202, 403, 422, 503

Result = dict[str, Any]
"""What became of one event: `status` as of a request with it alone, `source`, `id`, and where it lies or `errors`."""


async def receive(
    events: Sequence[Event | Refused], access: Access, publisher: Publisher, metrics: IntakeMetrics
) -> list[Result]:
    """Publish what may be published. One result for each event, in order, after the broker's word."""
    received_ms = now_ms()
    results: list[Result] = []
    letters: list[tuple[int, Letter]] = []
    for index, event in enumerate(events):
        checked = _check(event, access, received_ms)
        if isinstance(checked, Letter):
            letters.append((index, checked))
            results.append({"source": event.source, "id": event.id})  # type: ignore[union-attr]
        else:
            results.append(checked)
    audits = [audit_letter(audited) for audited in _audited(events, letters, access, received_ms)]
    with metrics.publish_seconds.time():
        receipts = await publisher.try_to_publish([letter for _, letter in letters] + audits)
    for (index, _), receipt in zip(letters, receipts, strict=False):  # what is left over are receipts of the audit
        if receipt is None:
            results[index]["status"] = UNAVAILABLE
        else:
            results[index] |= {"status": ACCEPTED} | receipt._asdict()
    for result in results:
        metrics.events.labels(OUTCOMES[result["status"]]).inc()
    return results


OUTCOMES = {ACCEPTED: "accepted", FORBIDDEN: "forbidden", INVALID: "invalid", UNAVAILABLE: "unavailable"}


def _check(event: Event | Refused, access: Access, received_ms: int) -> Letter | Result:
    """The letter an event is sent as, or the result that refuses it."""
    if isinstance(event, Refused):
        return _refused(INVALID, event.source, event.event_id, event.errors)
    errors = _not_here(event)
    if event.attestedrole is not None:
        errors.append(Wrong("attestedrole", "is set by intake, never by a sender", "nothing", event.attestedrole))
    attested = _attested(event, access)
    value = content(attested)
    errors += wrong_by_itself(attested, value, received_ms)
    if errors:
        return _refused(INVALID, event.source, event.id, errors)
    if not access.may_write(event.source):
        wrong = Wrong("source", "this key writes for somebody else", access.source, event.source)
        return _refused(FORBIDDEN, event.source, event.id, [wrong])
    return event_letter(attested, value)


def _not_here(event: Event) -> list[Wrong]:
    if event.KIND.topic == TOPIC:
        return []
    return [Wrong("type", "does not enter here", "reports and retractions of programs", event.type)]


def _attested(event: Event, access: Access) -> Event:
    """A retraction by the administrator holds whoever made the report: intake attests who held the key."""
    if access.role == "administrator" and isinstance(event, StatusRetracted):
        return event.model_copy(update={"attestedrole": "administrator"})
    return event


def _refused(status: int, source: str, event_id: str, errors: list[Wrong]) -> Result:
    return {"source": source, "id": event_id, "status": status, "errors": to_jsonable_python(listed(errors))}


def _audited(
    events: Sequence[Event | Refused], letters: list[tuple[int, Letter]], access: Access, at_ms: int
) -> list[Audited]:
    """Who sent how many events in whose name: a record for each source."""
    counts: dict[str, list[str]] = {}
    for index, _ in letters:
        event = events[index]
        assert not isinstance(event, Refused)
        counts.setdefault(event.source, []).append(event.id)
    return [
        Audited(
            at=datetime.fromtimestamp(at_ms / 1000, UTC),
            account=access.account,
            act="events.send",
            plan=parse_source(source).plan,
            office=parse_source(source).office,
            detail=f"{len(ids)} events, {ids[0]} to {ids[-1]}" if len(ids) > 1 else ids[0],
        )
        for source, ids in counts.items()
    ]
