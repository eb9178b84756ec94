"""CloudEvents over HTTP: one event structured or binary, or a batch; each becomes an event, or all its errors.

Pure. What is wrong with one event of a batch leaves the others alone.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.events import EVENT, Event
from services.kit.events import wrong_shape
from services.kit.problems import InvalidProblem, MediaTypeProblem, Wrong

BATCH_EVENTS = 10_000
NAME_LIMIT = 200  # characters of a source or id that are repeated
ATTRIBUTE = "ce-"


class Refused:
    """An event that is none: all that is wrong with it, and its source and id where they can be read."""

    def __init__(self, errors: list[Wrong], source: str = "", event_id: str = "") -> None:
        self.errors, self.source, self.event_id = errors, source, event_id


def is_batch(content_type: str) -> bool:
    """Whether a body is a batch, by its media type."""
    return _media_type(content_type) == BATCH_MEDIA_TYPE


def read_batch(body: bytes) -> list[Event | Refused]:
    """The events of a batch, in order. Raises InvalidProblem when it is no batch."""
    try:
        values = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidProblem(errors=[Wrong("", f"is not JSON: {error}", "a JSON list of events")]) from None
    if not isinstance(values, list):
        raise InvalidProblem(errors=[Wrong("", "is no list", "a JSON list of events")])
    if not 1 <= len(values) <= BATCH_EVENTS:
        raise InvalidProblem(errors=[Wrong("", f"{len(values)} events in one batch", f"1 to {BATCH_EVENTS}")])
    return [_of_batch(value) for value in values]


def _of_batch(value: Any) -> Event | Refused:
    # As JSON again: dates and decimals are taken from JSON's texts only, never from what Python would make of them.
    read = _validated(to_json(value))
    if isinstance(read, Refused) and isinstance(value, dict):
        read.source, read.event_id = str(value.get("source", ""))[:NAME_LIMIT], str(value.get("id", ""))[:NAME_LIMIT]
    return read


def read_one(headers: Mapping[str, str], body: bytes) -> Event | Refused:
    """The event of a request in structured or binary mode. Raises MediaTypeProblem for anything else."""
    media_type = _media_type(headers.get("content-type", ""))
    if media_type == MEDIA_TYPE:
        return _validated(body)
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
    return _validated(json.dumps(attributes)[:-1].encode() + b',"data":' + body + b"}")


def _validated(body: bytes) -> Event | Refused:
    try:
        return EVENT.validate_json(body)
    except ValidationError as error:
        return Refused(wrong_shape(error))


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
