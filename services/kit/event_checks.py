"""Checks an event before it is published, for everything that the aggregator would reject it for."""

import time

from pydantic import ValidationError

from realization.future_dates import ahead_of
from schemas.envelope import MEDIA_TYPE
from schemas.registry import BY_TYPE, Event, kind_of
from schemas.sources import parse_source
from schemas.topics import LIMITS
from services.kit.http.problems import ErrorDetail, wrong_of
from services.kit.publishing import OutgoingRecord


def now_ms() -> int:
    """Now, in milliseconds since 1970: the moment of receipt, as intake sees it."""
    return time.time_ns() // 1_000_000


def wrong_shape(error: ValidationError) -> list[ErrorDetail]:
    """All errors of an event that does not validate. Places are given without the tag of the union; an error without a
    place is about `type`, which names the kind of event, or about a body that is not an object."""
    return [wrong._replace(where=_place(wrong)) for wrong in wrong_of(error)]


def _place(wrong: ErrorDetail) -> str:
    for tag in BY_TYPE:
        if wrong.where == tag:
            return tag.rpartition(".")[0]
        if wrong.where.startswith(f"{tag}."):
            return wrong.where.removeprefix(f"{tag}.")
    return wrong.where or ("type" if wrong.expected.startswith("union_tag") else "body")


def wrong_by_itself(event: Event, content: bytes, received_ms: int) -> list[ErrorDetail]:
    """All errors of a valid event at its receipt: its source, its dates and its size."""
    kind, source = kind_of(event), parse_source(event.source)
    found = []
    if source.kind not in kind.senders:
        found.append(
            ErrorDetail(
                "source", f"{event.type} may not come from {source.kind}", " or ".join(kind.senders), event.source
            )
        )
    limit = LIMITS[kind.topic]
    if len(content) > limit:
        found.append(ErrorDetail("", f"{len(content)} bytes are too large", f"at most {limit} bytes"))
    return found + [
        ErrorDetail(ahead.field, "is in the future", f"at the latest {ahead.latest}", ahead.stated)
        for ahead in ahead_of(event, received_ms)
    ]


def event_record(event: Event, content: bytes) -> OutgoingRecord:
    """The record of an event: always encoded by us, so that it contains nothing that was not checked."""
    return OutgoingRecord(kind_of(event).topic, event.plan, event.plan, content, MEDIA_TYPE)
