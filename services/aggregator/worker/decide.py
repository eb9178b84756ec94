"""Decodes and validates one input record by itself: into an event, or a reason to reject it.

Pure. Nothing here looks at another record: what depends on other facts is a standing, computed by `realization`.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import msgspec
from pydantic import ValidationError
from pydantic_core import from_json

from realization.future_dates import ahead_of, is_ahead
from schemas.cloudevents import (
    CONTENT,
    CONTENT_TYPE,
    FAMILY,
    from_kafka,
    is_binary,
    media_type,
    structured,
    without_mark,
)
from schemas.codec import FlatReport, read_report, report_of
from schemas.envelope import MEDIA_TYPE
from schemas.facts import EventContent, content, statement
from schemas.registry import EVENT, REPORT, Event, kind_of
from schemas.reports import StatusReported
from schemas.secret import Secret
from schemas.sources import parse_source
from schemas.topics import LIMITS, PLAN_VERSION_LIMIT, partition_of
from schemas.vocabulary import Reason
from services.aggregator.worker.records import InputRecord

DETAIL_LIMIT = 4_000
NAME_LIMIT = 256  # characters of a source or id that a rejection repeats
STRUCTURED = [(CONTENT_TYPE, MEDIA_TYPE.encode())]  # the headers that nearly all records have


class Rejection(NamedTuple):
    """Why a record is refused, with the plan, source and id of its event as far as they can be read."""

    reason: Reason
    detail: str
    plan: str = ""
    source: str = ""
    id: str = ""


class DecodedEvent(msgspec.Struct, frozen=True, gc=False):
    """A valid event and its content. `payload`: of a report only what the fold needs, else the event. `ignored`: names
    of attributes that the sender set and that are not attested."""

    kind: str
    plan: str
    source: str
    id: str
    content: EventContent
    payload: FlatReport | Event
    fold: bool = True
    ignored: tuple[str, ...] = ()


def read(topic: str, partition: int, partitions: int, record: InputRecord, secret: Secret) -> DecodedEvent | Rejection:
    """The event in a record, or why it is refused. `topic` is its name without prefix."""
    value = record.value
    if value is None:
        return _about(record, Reason.NOT_JSON, "the record has no value")
    if len(value) > LIMITS[topic]:
        return _about(
            record, Reason.TOO_LARGE, f"the record has {len(value)} bytes; at most {LIMITS[topic]} are accepted"
        )
    if record.headers and record.headers != STRUCTURED:
        written = _structured(record, value)
        if isinstance(written, Rejection):
            return written
        value = written
    if topic == REPORT.topic:
        report = _good_report(value, partition, partitions, record.received_ms)
        if report is not None:
            return report
    try:
        event = EVENT.validate_json(without_mark(value))
    except ValidationError as error:
        return _unreadable(record, error)
    event, ignored = _believed(event, secret)
    reason, detail = (
        _misplaced(event, topic, partition, partitions)
        or _unattested(event)
        or _future(event, record.received_ms)
        or (None, "")
    )
    if reason is not None:
        return Rejection(reason, detail, event.plan, event.source, event.id)
    payload = report_of(event) if isinstance(event, StatusReported) else event
    kind, normalized = kind_of(event), content(event)
    if len(normalized.public) > PLAN_VERSION_LIMIT:  # normalizing can lengthen it: 9E15 becomes 9000000000000000
        detail = f"the normalized event has {len(normalized.public)} bytes; at most {PLAN_VERSION_LIMIT} are accepted"
        return Rejection(Reason.TOO_LARGE, detail, event.plan, event.source, event.id)
    return DecodedEvent(kind.name, event.plan, event.source, event.id, normalized, payload, kind.fold, ignored)


def _believed(event: Event, secret: Secret) -> tuple[Event, tuple[str, ...]]:
    """The event without its attestation, and without a role that intake did not attest; with the names of the
    attributes that were ignored."""
    if event.attestedrole is None and event.attestation is None:
        return event, ()
    if event.attestedrole is not None and secret.holds(event.attestation, statement(event)):
        return event.model_copy(update={"attestation": None}), ()
    claims = tuple(name for name in ("attestation", "attestedrole") if getattr(event, name) is not None)
    return event.model_copy(update=dict.fromkeys(claims)), claims


def _unattested(event: Event) -> tuple[Reason, str] | None:
    if kind_of(event).attested == "must" and event.attestedrole != "administrator":
        return (
            Reason.NOT_ATTESTED,
            "only the administrator may erase private parts, and only through the programs api, which attests the role",
        )
    return None


def _structured(record: InputRecord, value: bytes) -> bytes | Rejection:
    """The value of a record in structured mode; of one in binary mode the same event in structured mode."""
    attributes, faults = from_kafka(record.headers)
    if not is_binary(record.headers):
        form = media_type(attributes.get(CONTENT, MEDIA_TYPE))
        if form.startswith(FAMILY) and form != MEDIA_TYPE:
            return _about(
                record, Reason.NOT_JSON, f"{form} is not supported: send {MEDIA_TYPE} with one event in a record"
            )
        return value
    if faults:
        return _about(record, Reason.WRONG_SHAPE, "; ".join(f"{each.where}: {each.what}" for each in faults))
    data = without_mark(value)
    try:
        from_json(data)
    except ValueError as error:
        return _about(record, Reason.NOT_JSON, f"data: {error}")
    return structured(attributes, data)


def _good_report(value: bytes, partition: int, partitions: int, received_ms: int) -> DecodedEvent | None:
    """A valid report, decoded by the fast path; None for any other record, which the models then validate."""
    found = read_report(value)
    if found is None:
        return None
    report = found.report
    if not _belongs(report.source, partition, partitions) or is_ahead(report, received_ms):
        return None
    return DecodedEvent(REPORT.name, report.plan, report.source, report.id, found.content(), report)


@lru_cache(65_536)
def _belongs(source: str, partition: int, partitions: int) -> bool:
    """Whether a source may send reports, and on this partition; `_misplaced` gives the reason where not."""
    parsed = parse_source(source)
    return parsed.kind in REPORT.senders and partition_of(parsed.plan, partitions) == partition


def _misplaced(event: Event, topic: str, partition: int, partitions: int) -> tuple[Reason, str] | None:
    kind = kind_of(event)
    if kind.topic != topic:
        return Reason.WRONG_TOPIC, f"{event.type} belongs on topic {kind.topic}, not on {topic}"
    source = parse_source(event.source)
    if source.kind not in kind.senders:
        return Reason.WRONG_SOURCE, f"{event.type} may come from {' or '.join(kind.senders)}, not from {event.source}"
    expected = partition_of(source.plan, partitions)
    if expected != partition:
        return Reason.WRONG_PARTITION, (
            f"plan {source.plan} has partition {expected} of {partitions}, this is partition {partition}: the record's key "
            "must be the plan, and the partitioner Java's (murmur2); for librdkafka set partitioner=murmur2_random"
        )
    return None


def _future(event: Event, received_ms: int) -> tuple[Reason, str] | None:
    ahead = ahead_of(event, received_ms)
    if not ahead:
        return None
    return Reason.FUTURE_DATE, "; ".join(
        f"{a.field} {a.stated} is in the future; the latest possible is {a.latest}" for a in ahead
    )


def _unreadable(record: InputRecord, error: ValidationError) -> Rejection:
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    if first["type"] == "json_invalid" or (first["type"] in {"dict_type", "model_type"} and not first["loc"]):
        reason = Reason.NOT_JSON
    elif first["type"].startswith("union_tag"):
        reason = Reason.UNKNOWN_TYPE
    else:
        reason = Reason.WRONG_SHAPE
    lines = [
        f"{'.'.join(str(step) for step in problem['loc'][1:])}: {problem['msg']}".lstrip(": ") for problem in problems
    ]
    return _about(record, reason, "; ".join(lines))


def _about(record: InputRecord, reason: Reason, detail: str) -> Rejection:
    """A rejection with the source and id where value or headers can be read, so that its sender can look it up."""
    attributes: Mapping[str, object] = from_kafka(record.headers).found
    if not is_binary(record.headers):  # in binary mode the value is the data, without the attributes
        with suppress(ValueError, RecursionError):
            found = json.loads(record.value or b"")
            attributes = found if isinstance(found, dict) else attributes
    source, event_id = (_name(attributes.get(attribute)) for attribute in ("source", "id"))
    try:
        plan = parse_source(source).plan
    except ValueError:
        plan = ""
    return Rejection(reason, detail[:DETAIL_LIMIT], plan, source, event_id)


def _name(written: object) -> str:
    return str(written)[:NAME_LIMIT] if isinstance(written, str | int) else ""
