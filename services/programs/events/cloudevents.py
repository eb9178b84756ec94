"""CloudEvents over HTTP: one event in structured or binary mode, or a batch. Each is decoded to an event or to all its
errors.

Pure. An invalid event of a batch does not affect the others.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.datastructures import Headers

from schemas.cloudevents import (
    CONTENT,
    FAMILY,
    HTTP_PREFIX,
    from_http,
    media_type,
    other_charset,
    structured,
    without_mark,
)
from schemas.codec import FlatReport, read_report
from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.registry import EVENT, Event
from services.kit.event_checks import wrong_shape
from services.kit.http.problems import ErrorDetail, InvalidProblem, MediaTypeProblem
from services.kit.http.strict_json import wrong_json

BATCH_EVENTS = 10_000
NAME_LIMIT = 256  # characters of a source or id that a response repeats
ONE = f"one event, as a JSON object; send several as {BATCH_MEDIA_TYPE}"
MANY = f"a JSON list of events; send a single one as {MEDIA_TYPE}"

_SPLIT = msgspec.json.Decoder(list[msgspec.Raw]).decode


class RefusedEvent(NamedTuple):
    """An invalid event: all its errors, and its source and id where they can be read."""

    errors: list[ErrorDetail]
    source: str = ""
    id: str = ""


class WellWritten(NamedTuple):
    """A valid report, decoded without building its model, and the whole event as it is published."""

    report: FlatReport
    content: bytes

    @property
    def source(self) -> str:
        return self.report.source

    @property
    def id(self) -> str:
        return self.report.id


Arrived = WellWritten | Event | RefusedEvent


def is_batch(content_type: str) -> bool:
    """Whether a body is a batch, by its media type."""
    return media_type(content_type) == BATCH_MEDIA_TYPE


def read_batch(body: bytes) -> Iterator[Arrived]:
    """The events of a batch, in order, each decoded on demand. Raises InvalidProblem when the body is not a batch."""
    try:
        values = _SPLIT(without_mark(body))
    except msgspec.ValidationError:
        raise InvalidProblem(errors=[ErrorDetail("body", "is not a list", MANY)]) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidProblem(errors=[ErrorDetail("body", f"is not JSON: {error}", MANY)]) from None
    if len(values) > BATCH_EVENTS:
        raise InvalidProblem(
            errors=[ErrorDetail("body", f"{len(values)} events in one batch", f"at most {BATCH_EVENTS}")]
        )
    return (_of_batch(bytes(value)) for value in values)


def _of_batch(value: bytes) -> Arrived:
    arrived = _read(value)
    if isinstance(arrived, RefusedEvent):
        with suppress(ValueError):
            fields = from_json(value)
            if isinstance(fields, dict):
                source, event_id = (str(fields.get(name, ""))[:NAME_LIMIT] for name in ("source", "id"))
                return arrived._replace(source=source, id=event_id)
    return arrived


def read_one(headers: Headers, body: bytes) -> Arrived:
    """The event of a request in structured or binary mode. Raises MediaTypeProblem for anything else."""
    content_type = headers.get("content-type", "")
    form = media_type(content_type)
    require_utf_8(content_type)
    body = without_mark(body)
    if form == MEDIA_TYPE:
        if body.lstrip()[:1] == b"[":
            return RefusedEvent([ErrorDetail("body", "is a list", ONE)])
        return _read(body)
    attributes, faults = from_http(headers.raw)
    if form.startswith(FAMILY) or not (attributes or faults):
        accepted = f"{MEDIA_TYPE}, {BATCH_MEDIA_TYPE}, or {HTTP_PREFIX} headers with application/json"
        raise MediaTypeProblem(f"{form or 'A body without a media type'} is not accepted here; send {accepted}.")
    errors = [ErrorDetail(*fault) for fault in faults]
    if "data" in attributes:
        errors.append(ErrorDetail(f"{HTTP_PREFIX}data", "is not an attribute of an event", "the data in the body"))
    errors += [wrong._replace(where=_in_data(wrong.where)) for wrong in wrong_json(body)]
    if errors:
        return RefusedEvent(errors)
    return _read(structured(attributes | {CONTENT: content_type or "application/json"}, body))


def require_utf_8(content_type: str) -> None:
    """Raise MediaTypeProblem when the content type names a character set that JSON does not allow."""
    charset = other_charset(content_type)
    if charset is not None:
        raise MediaTypeProblem(f"charset={charset} is not accepted: JSON is UTF-8 (RFC 8259).")


def _in_data(where: str) -> str:
    return "data" if where == "body" else f"data.{where}"


def _read(body: bytes) -> Arrived:
    errors = wrong_json(body)
    if errors:
        return RefusedEvent(errors)
    found = read_report(body)
    if found is not None:
        return WellWritten(found.report, found.written())
    try:
        return EVENT.validate_json(body)
    except ValidationError as error:
        return RefusedEvent(wrong_shape(error))
