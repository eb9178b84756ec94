"""Responses: the base of their models, cursors of pages, times, and an `ETag` computed from the bytes."""

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
COMPRESSION = 4  # of 9: higher levels take more time than they save

Limit = Annotated[int, Query(ge=1, le=500, description="Items of one page at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
Next = Annotated[str | None, Field(description="The cursor of the next page; null on the last one.")]
MomentText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Answer(BaseModel):
    """Base of all response models."""

    model_config = ConfigDict(frozen=True)


class Acknowledged(Answer):
    """Where an acknowledged event is stored. `source` and `id` name the event."""

    source: str
    id: str
    topic: str
    partition: int
    offset: int


def cursor_of(*position: object) -> str:
    """The cursor of the next page. The parts of `position` contain no space."""
    return urlsafe_b64encode(" ".join(map(str, position)).encode()).decode().rstrip("=")


def position_of(cursor: str | None, parts: str) -> tuple[str, ...]:
    """The parts of a cursor made by `cursor_of`; none for the first page.

    `parts`: a regular expression with a group for each part, with every length bounded. Clients may send anything, so
    the cursor must match it as a whole. Raises InvalidProblem where it does not.
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
    """The problem of a cursor that is not from this list."""
    return InvalidProblem(
        errors=[ErrorDetail("query.cursor", "is not a cursor of this list", "next of a page", cursor)]
    )


def moment(ms: int) -> str:
    """Milliseconds since 1970 as a time in UTC (RFC 3339)."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ResponseContent(NamedTuple):
    """The bytes of a response, its `ETag`, and the same bytes compressed; empty where compression is not worth it."""

    body: bytes
    etag: str
    gzipped: bytes

    @property
    def size(self) -> int:
        """Its size in memory, in bytes."""
        return len(self.body) + len(self.gzipped)


def content_of(body: Any, *, compress: bool = True) -> ResponseContent:
    """The content of a response. `body` is bytes or is encoded as JSON. Call it in a thread where that is large."""
    data = body if isinstance(body, bytes) else to_json(body)
    gzipped = gzip.compress(data, COMPRESSION, mtime=0) if compress and len(data) >= COMPRESSED_FROM_BYTES else b""
    return ResponseContent(data, f'"{blake2b(data, digest_size=12).hexdigest()}"', gzipped)


NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not modified: the client has it (`If-None-Match`)"}
}
"""What a route that returns `tagged` adds to its `responses`."""


def tagged(request: Request, body: Any, *, media_type: str = "application/json") -> Response:
    """A response with its `ETag`; 304 when the client has it. `body`: a `ResponseContent`, or as for `content_of`."""
    content = body if isinstance(body, ResponseContent) else content_of(body)
    headers = {"ETag": content.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if content.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    if content.gzipped and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(content.gzipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=media_type)
    return Response(content.body, headers=headers, media_type=media_type)
