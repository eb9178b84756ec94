"""CloudEvents over HTTP: one event structured or binary, or a batch; each becomes an event, or all its errors.

Pure. What is wrong with one event of a batch leaves the others alone.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
from pydantic import ValidationError
from pydantic_core import from_json

from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.events import EVENT, Event
from schemas.reading import Report, read_report
from services.kit.events import wrong_shape
from services.kit.problems import InvalidProblem, MediaTypeProblem, Wrong

BATCH_EVENTS = 10_000
NAME_LIMIT = 200  # characters of a source or id that are repeated
ATTRIBUTE = "ce-"

_SPLIT = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Refused(NamedTuple):
    """An event that is none: all that is wrong with it, and its source and id where they can be read."""

    errors: list[Wrong]
    source: str = ""
    id: str = ""


class WellWritten(NamedTuple):
    """A report that was read without building its model, and its content as the book keeps it."""

    report: Report
    content: bytes

    @property
    def source(self) -> str:
        return self.report.source

    @property
    def id(self) -> str:
        return self.report.id


Arrived = WellWritten | Event | Refused


def is_batch(content_type: str) -> bool:
    """Whether a body is a batch, by its media type."""
    return _media_type(content_type) == BATCH_MEDIA_TYPE


def read_batch(body: bytes) -> Iterator[Arrived]:
    """The events of a batch, in order, each read when it is asked for. Raises InvalidProblem when it is no batch."""
    try:
        values = _SPLIT(body)
    except msgspec.ValidationError:
        raise InvalidProblem(errors=[Wrong("", "is no list", "a JSON list of events")]) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidProblem(errors=[Wrong("", f"is not JSON: {error}", "a JSON list of events")]) from None
    if not 1 <= len(values) <= BATCH_EVENTS:
        raise InvalidProblem(errors=[Wrong("", f"{len(values)} events in one batch", f"1 to {BATCH_EVENTS}")])
    return (_of_batch(bytes(value)) for value in values)


def _of_batch(value: bytes) -> Arrived:
    arrived = _read(value)
    if isinstance(arrived, Refused):
        with suppress(ValueError):
            told = from_json(value)
            if isinstance(told, dict):
                source, event_id = (str(told.get(name, ""))[:NAME_LIMIT] for name in ("source", "id"))
                return arrived._replace(source=source, id=event_id)
    return arrived


def read_one(headers: Mapping[str, str], body: bytes) -> Arrived:
    """The event of a request in structured or binary mode. Raises MediaTypeProblem for anything else."""
    media_type = _media_type(headers.get("content-type", ""))
    if media_type == MEDIA_TYPE:
        return _read(body)
    if f"{ATTRIBUTE}specversion" not in headers:
        accepted = f"{MEDIA_TYPE}, {BATCH_MEDIA_TYPE}, or ce- headers with application/json"
        raise MediaTypeProblem(f"{media_type or 'A body without a media type'} is not taken here, but {accepted}.")
    try:
        from_json(body)
    except ValueError as error:
        return Refused([Wrong("data", f"is not JSON: {error}", "the event's data as JSON")])
    attributes = {
        name.removeprefix(ATTRIBUTE): unquote(value) for name, value in headers.items() if name.startswith(ATTRIBUTE)
    }
    if "data" in attributes:
        return Refused([Wrong("ce-data", "is no attribute of an event", "the data in the body")])
    attributes["datacontenttype"] = media_type or "application/json"
    return _read(json.dumps(attributes)[:-1].encode() + b',"data":' + body + b"}")


def _read(body: bytes) -> Arrived:
    found = read_report(body)
    if found is not None:
        return WellWritten(*found)
    try:
        return EVENT.validate_json(body)
    except ValidationError as error:
        return Refused(wrong_shape(error))


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
