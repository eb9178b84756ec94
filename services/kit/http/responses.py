"""How answers are written: their models' base, cursor pages, moments, and an `ETag` made of the bytes themselves."""

import gzip
import re
from base64 import b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from services.kit.http.problems import ErrorDetail, InvalidProblem

COMPRESSED_FROM_BYTES = 1024
COMPRESSION = 4  # of 9: higher ones take longer than they save

Limit = Annotated[int, Query(ge=1, le=500, description="Items of one page at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
Next = Annotated[str | None, Field(description="The cursor of the next page; null on the last one.")]
MomentText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Answer(BaseModel):
    """Base of what is answered."""

    model_config = ConfigDict(frozen=True)


class Acknowledged(Answer):
    """Where the broker keeps an event that it has acknowledged. `source` and `id` name the event."""

    source: str
    id: str
    topic: str
    partition: int
    offset: int


def cursor_of(*position: object) -> str:
    """Where the next page begins, as clients carry it. The parts of `position` hold no space."""
    return urlsafe_b64encode(" ".join(map(str, position)).encode()).decode().rstrip("=")


def position_of(cursor: str | None, parts: str) -> tuple[str, ...]:
    """The parts that `cursor_of` was given; none for the first page.

    `parts`: a regular expression with a group for each part, in which every length is bounded. What clients carry may
    be anything: it is matched whole before anything else looks at it. Raises InvalidProblem for what does not match.
    """
    if cursor is None:
        return ()
    try:
        text = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        text = ""
    found = re.fullmatch(parts, text, re.ASCII)
    if found is None:
        raise not_a_cursor(cursor)
    return found.groups()


def not_a_cursor(cursor: str | None) -> InvalidProblem:
    """The problem of a cursor that no page of the list gave."""
    return InvalidProblem(
        errors=[ErrorDetail("query.cursor", "is not a cursor of this list", "next of a page", cursor)]
    )


def moment(ms: int) -> str:
    """Milliseconds since 1970 as a moment in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ResponseContent(NamedTuple):
    """The bytes of an answer, its `ETag`, and the same bytes compressed; empty where that is not worth it."""

    body: bytes
    etag: str
    gzipped: bytes

    @property
    def size(self) -> int:
        """Bytes it takes in memory."""
        return len(self.body) + len(self.gzipped)


def content_of(body: Any, *, compress: bool = True) -> ResponseContent:
    """The content of an answer. `body` is bytes, or what becomes JSON. Where it is large, a thread's work."""
    data = body if isinstance(body, bytes) else to_json(body)
    gzipped = gzip.compress(data, COMPRESSION, mtime=0) if compress and len(data) >= COMPRESSED_FROM_BYTES else b""
    return ResponseContent(data, f'"{blake2b(data, digest_size=12).hexdigest()}"', gzipped)


NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has it: `If-None-Match`"}}
"""What a route that answers by `tagged` adds to its `responses`."""


def tagged(request: Request, body: Any, *, media_type: str = "application/json") -> Response:
    """An answer with its `ETag`; 304 when the client has it. `body` is a `Content`, or what `content_of` takes."""
    content = body if isinstance(body, ResponseContent) else content_of(body)
    headers = {"ETag": content.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if content.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    if content.gzipped and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(content.gzipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=media_type)
    return Response(content.body, headers=headers, media_type=media_type)
