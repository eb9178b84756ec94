"""Callers without a key who do the worst they can, many in one process, each the next as soon as it is answered.

    python -m benchmarks.crowd PORT CONNECTIONS PLAN...

They begin at once, a line is written when all have, and they end with their input. Then what they were answered is
written as JSON: for each kind of request how often each status came, `ended` where the server closed without one.
"""

import asyncio
import itertools
import json
import sys
from base64 import urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import NamedTuple

FIRST = date(2019, 1, 1)
DAYS = 3_000
AHEAD = 50  # facts after the last known one: they might come
STREAM_BYTES = 64 * 1024


class Kind(NamedTuple):
    """A kind of request: one after the other, without end."""

    name: str
    requests: Iterator[bytes]


def get(path: str) -> bytes:
    """A request for a path."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def cursors() -> Iterator[str]:
    """Cursors that say more than they look."""
    for text in itertools.cycle(('["1e100000000","x"]', "1e100000000 x", f"{'9' * 300} x", "\0", '["1e9999999","x"]')):
        yield urlsafe_b64encode(text.encode()).decode().rstrip("=")


def kinds(plans: list[str]) -> list[Kind]:
    """Every kind: no two questions are alike, as far as there are so many."""
    days = [(FIRST + timedelta(days=number)).isoformat() for number in range(DAYS)]

    def turns() -> Iterator[tuple[str, str]]:
        return zip(itertools.cycle(days), itertools.cycle(plans))

    body = b"POST /v1/visits HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n" + b"x" * 1_000
    return [
        Kind("cursor", (get(f"/v1/plans?cursor={cursor}") for cursor in cursors())),
        Kind("ranking", (get(f"/v1/plans?as_of={day}") for day in itertools.cycle(days))),
        Kind(
            "stream", (get(f"/v1/plans/{plans[0]}/stream?as_of={day}&group_by=theme") for day in itertools.cycle(days))
        ),
        Kind("half a header", itertools.repeat(b"GET /v1/plans HTTP/1.1\r\nHost: 127.0")),
        Kind("half a body", itertools.repeat(body)),
        Kind(
            "future",
            (
                get(f"/v1/plans/{plan}/realization?known_at={AHEAD + at}&as_of={day}")
                for at, (day, plan) in enumerate(turns(), start=1_000)
            ),
        ),
        Kind("export", (get(f"/v1/masterplans/{plan}/export") for plan in itertools.cycle(plans))),
        Kind("history", (get(f"/v1/plans/{plan}/history?to={day}&group_by=theme") for day, plan in turns())),
    ]


async def ask(port: int, kind: Kind, answered: Counter[str], begun: asyncio.Event) -> None:
    """Ask without end, on a new connection whenever the old one is closed."""
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                while True:
                    writer.write(next(kind.requests))
                    begun.set()
                    status = await heard(reader)
                    answered[status] += 1
                    if status == "ended":
                        break
            finally:
                writer.close()


async def heard(reader: asyncio.StreamReader) -> str:
    """The status of the next answer, after all of it; a stream's when it ends."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
    except (asyncio.IncompleteReadError, OSError):
        return "ended"
    if b"content-length:" in head:
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
    elif b" 304 " not in head:
        while await reader.read(STREAM_BYTES):
            pass
    return head[9:12].decode()


async def main() -> None:
    """Ask until the input ends."""
    port, connections, plans = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    answered: dict[str, Counter[str]] = defaultdict(Counter)
    all_kinds, tasks, begun = kinds(plans), [], []
    for number in range(connections):
        kind = all_kinds[number % len(all_kinds)]
        begun.append(asyncio.Event())
        tasks.append(asyncio.create_task(ask(port, kind, answered[kind.name], begun[-1])))
    for each in begun:
        await each.wait()
    print("asking", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(answered))


if __name__ == "__main__":
    asyncio.run(main())
