"""Requests without a key begin a few at a time; one with a key never waits for them."""

import asyncio
import hashlib
from collections.abc import Iterable

import pytest
from fastapi import FastAPI
from sqlalchemy import MetaData
from starlette.types import Message, Receive, Scope, Send

from services.kit.auth.keyring import Keyring
from services.kit.http.pacing import pace_requests

KEY = "pantau_administrator"
KEYRING = Keyring("test", MetaData(), hashlib.sha256(KEY.encode()).hexdigest())


async def _receive() -> Message:
    return {"type": "http.disconnect"}


async def _send(_: Message) -> None:
    pass


def play(requests: Iterable[tuple[str, str | None]], *, cancel: frozenset[str] = frozenset()) -> list[str]:
    """The paths in the order in which they begin. `requests`: paths, each with what it shows as a key."""
    app, begun = FastAPI(), list[str]()

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])

    async def main() -> None:
        tasks = []
        for path, key in requests:
            headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
            scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
            tasks.append(asyncio.create_task(app(scope, _receive, _send)))
        await asyncio.sleep(0)
        for task, (path, _) in zip(tasks, requests, strict=True):
            if path in cancel:
                task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)

    pace_requests(app, KEYRING)
    app.mount("/", endpoint)
    asyncio.run(main())
    return begun


FEW = 10  # that may begin before one who does not wait
STRANGERS = [(f"/{number}", None) for number in range(50)]


def test_a_key_does_not_wait_behind_those_without() -> None:
    begun = play([*STRANGERS, ("/mine", KEY)])
    assert begun.index("/mine") < FEW
    assert [each for each in begun if each != "/mine"] == [path for path, _ in STRANGERS]


def test_a_wrong_key_is_none() -> None:
    assert play([*STRANGERS, ("/wrong", "pantau_nobody")])[-1] == "/wrong"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_who_watches_the_process_does_not_wait(path: str) -> None:
    assert play([*STRANGERS, (path, None)]).index(path) < FEW


def test_who_goes_away_while_waiting_takes_no_turn() -> None:
    gone = frozenset(f"/{number}" for number in range(10, 40))
    begun = play(STRANGERS, cancel=gone)
    assert begun == [path for path, _ in STRANGERS if path not in gone]
