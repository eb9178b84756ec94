"""Limits of request bodies, enforced before a request is handled, and security headers of every response."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.topics import KIB
from services.kit.http.problems import TimeoutProblem, TooLargeProblem, answer

OTHERWISE_BYTES = 64 * KIB
BYTES_PER_SECOND = 8 * KIB  # the slowest upload allowed, beyond the seconds that every body has
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def limit_bodies(app: FastAPI, limits: Mapping[str, int], body_seconds: float) -> None:
    """Refuse a body longer than the limit of its path (that of the first matching prefix, else 64 KiB) with 413, and
    one that does not arrive within `body_seconds` plus a second for each 8 KiB with 408.

    A declared length is checked before the key; an undeclared one while the body is read.
    """
    app.add_middleware(_BoundedBody, limits=limits, body_seconds=body_seconds)


def limit_of(limits: Mapping[str, int], path: str) -> int:
    """The limit of a path, in bytes."""
    return next((limit for prefix, limit in limits.items() if path.startswith(prefix)), OTHERWISE_BYTES)


class _BoundedBody:
    """The middleware behind `limit_bodies`."""

    def __init__(self, app: ASGIApp, limits: Mapping[str, int], body_seconds: float) -> None:
        self._app = app
        self._limits = limits
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, came, whole = limit_of(self._limits, scope["path"]), 0, False
        began = asyncio.get_running_loop().time()
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")

        def too_large() -> TooLargeProblem:
            return TooLargeProblem(f"The body is too large; at most {limit} bytes are accepted here.", limit=limit)

        async def counted() -> Message:
            nonlocal came, whole
            if whole:
                return await receive()  # waiting for the client to disconnect has no time limit
            try:
                async with asyncio.timeout_at(began + self._body_seconds + came / BYTES_PER_SECOND):
                    message = await receive()
            except TimeoutError:
                raise TimeoutProblem(f"The body did not arrive in time; {came} bytes of it did.") from None
            came += len(message.get("body", b""))
            if came > limit:
                raise too_large()
            whole = not message.get("more_body", False)
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"] = list(message["headers"])
                names = {name for name, _ in given}
                given += [header for header in HEADERS if header[0] not in names]
            await send(message)

        if not declared.isdigit() or int(declared) > limit:
            await answer(Request(scope), too_large())(scope, receive, guarded)
            return
        await self._app(scope, counted, guarded)


async def _read(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_read)]
"""The raw body. Placed after the caller in a route's parameters, it is read after the key was checked."""
