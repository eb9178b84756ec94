"""Compressed request bodies: gzip is inflated, piece by piece and up to the path's limit."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Mapping

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.topics import KIB
from services.kit.http.bodies import limit_of
from services.kit.http.problems import ErrorDetail, InvalidProblem, MediaTypeProblem, TooLargeProblem, answer

GZIP = frozenset({"gzip", "x-gzip"})  # two names of one encoding in RFC 9110
PLAIN = frozenset({"", "identity"})
PIECE_BYTES = 128 * KIB  # inflated at once: less than a millisecond
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def inflate_bodies(app: FastAPI, limits: Mapping[str, int]) -> None:
    """Accept bodies with `Content-Encoding: gzip`; refuse other encodings with 415, and too large bodies with 413."""
    app.add_middleware(_Inflated, limits=limits)


class _Inflated:
    """The middleware behind `inflate_bodies`."""

    def __init__(self, app: ASGIApp, limits: Mapping[str, int]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        encoding = _encoding(scope) if scope["type"] == "http" else ""
        if encoding in PLAIN:
            await self._app(scope, receive, send)
        elif encoding in GZIP:
            headers = [(name, value) for name, value in scope["headers"] if name not in _OF_THE_ENCODED]
            inflated = _Body(receive, limit_of(self._limits, scope["path"]))
            scope["headers"] = headers  # in place: the route is stored in the same scope
            await self._app(scope, inflated.receive, send)
        else:
            problem = MediaTypeProblem(f"Content-Encoding {encoding[:100]} is not accepted; use gzip or none.")
            problem.headers["Accept-Encoding"] = "gzip"
            await answer(Request(scope), problem)(scope, receive, send)


_OF_THE_ENCODED = frozenset({b"content-encoding", b"content-length"})


def _encoding(scope: Scope) -> str:
    found = [value for name, value in scope["headers"] if name == b"content-encoding"]
    return b",".join(found).decode("latin-1").strip().lower() if found else ""


class _Body:
    """An ASGI `receive` that inflates the body of another one. Raises a Problem for a body it can't inflate."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._pieces = self._inflated()

    async def receive(self) -> Message:
        message = await anext(self._pieces, None)
        return message or await self._receive()  # after the body: a client that went away

    async def _inflated(self) -> AsyncGenerator[Message]:
        inflater, came, more = zlib.decompressobj(_GZIP_WINDOW), 0, True
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                yield message
                return
            more, compressed = message.get("more_body", False), message.get("body", b"")
            piece = b""
            while compressed or len(piece) == PIECE_BYTES:
                if inflater.eof and compressed:
                    raise _broken("there is data after its end")
                try:
                    piece = inflater.decompress(compressed, PIECE_BYTES)
                except zlib.error as error:
                    raise _broken(str(error)) from None
                compressed, came = inflater.unconsumed_tail or inflater.unused_data, came + len(piece)
                if came > self._limit:
                    raise TooLargeProblem(
                        f"The inflated body is too large; at most {self._limit} bytes are accepted here.",
                        limit=self._limit,
                    )
                yield {"type": "http.request", "body": piece, "more_body": True}
                await asyncio.sleep(0)  # lets other tasks run
        if not inflater.eof:
            raise _broken("it is truncated")
        yield {"type": "http.request", "body": b"", "more_body": False}


def _broken(what: str) -> InvalidProblem:
    return InvalidProblem(errors=[ErrorDetail("body", f"is not gzip: {what}", "one member of gzip (RFC 1952)")])
