"""How lists and cheap answers are written: cursor pages, moments, and an `ETag` made of the bytes themselves."""

from base64 import b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic_core import to_json

from services.kit.problems import InvalidProblem, Wrong

Limit = Annotated[int, Query(ge=1, le=500, description="Items of one page at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]


def cursor_of(position: str) -> str:
    """Where the next page begins, as clients carry it."""
    return urlsafe_b64encode(position.encode()).decode().rstrip("=")


def position_of(cursor: str | None) -> str:
    """What `cursor_of` was given; empty for the first page. Raises InvalidProblem for anything else."""
    if cursor is None:
        return ""
    try:
        return b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise InvalidProblem(errors=[Wrong("query.cursor", "is not a cursor", "next of a page", cursor)]) from None


def moment(ms: int) -> str:
    """Milliseconds since 1970 as a moment in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tagged(request: Request, body: Any, *, media_type: str = "application/json") -> Response:
    """An answer with its `ETag`; 304 when the client has it. `body` is bytes, or what becomes JSON."""
    content = body if isinstance(body, bytes) else to_json(body)
    etag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
