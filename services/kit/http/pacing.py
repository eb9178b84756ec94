"""Starts only a few requests without a key at a time, so that requests with a key never wait for many of them.

An event loop runs everything that is ready in one iteration. If hundreds of requests started in one iteration, all
else, such as the response to an acknowledged report, would wait for them. So only some start, and then no other for as
long as that took: that time is for requests in progress, for requests with a key, and for threads that compute.
"""

import asyncio
import time
from collections import deque

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.kit.auth.keyring import Keyring
from services.kit.http.problems import UnauthorizedProblem

AT_A_TIME = 4
REST_SECONDS = 0.02  # at most
UNPACED = frozenset({"/healthz", "/readyz", "/metrics"})


def pace_requests(app: FastAPI, keyring: Keyring) -> None:
    """Pace the requests without a key."""
    app.add_middleware(_Paced, keyring=keyring)


class _Paced:
    """The middleware behind `pace_requests`. Used in one event loop only."""

    def __init__(self, app: ASGIApp, keyring: Keyring) -> None:
        self._app = app
        self._keyring = keyring
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._left = AT_A_TIME
        self._began: float | None = None  # when the first request of this turn started

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in UNPACED and not self._has_key(scope):
            await self._turn()
        await self._app(scope, receive, send)

    def _has_key(self, scope: Scope) -> bool:
        authorization = Headers(scope=scope).get("authorization")
        try:
            return authorization is not None and self._keyring.who(authorization).keyed
        except UnauthorizedProblem:
            return False

    async def _turn(self) -> None:
        if not self._left:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
            return
        self._begin()

    def _begin(self) -> None:
        """Start one request; after the last one of this turn, pause."""
        self._left -= 1
        if self._began is None:
            self._began = time.perf_counter()
            asyncio.get_running_loop().call_soon(self._rest)

    def _rest(self) -> None:
        assert self._began is not None
        worked = time.perf_counter() - self._began
        asyncio.get_running_loop().call_later(min(worked, REST_SECONDS), self._next)

    def _next(self) -> None:
        self._left, self._began = AT_A_TIME, None
        while self._left and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._begin()
