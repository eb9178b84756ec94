"""Many callers without a key in one process, with the most expensive requests, each sent as soon as the previous is answered.

    python -m benchmarks.anonymous_load PORT CONNECTIONS PLAN...

They start at once; a line is written when all have started. They stop when standard input ends, and then write as JSON
how often each status came; `ended` counts connections that the server closed without an answer.
"""

import asyncio
import itertools
import json
import sys
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

from benchmarks.sender import answer

FIRST = date(2019, 1, 1)
DAYS = 3_000
AHEAD = 50  # facts after the last known one, which a reader may wait for
CURSORS = ('["1e100000000","x"]', "1e100000000 x", f"{'9' * 300} x", "\0", '["1e9999999","x"]')


def get(path: str) -> bytes:
    """A request for a path."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def kinds(plans: list[str]) -> list[Iterator[bytes]]:
    """Endless requests of every kind; they differ as far as possible."""
    days = [(FIRST + timedelta(days=number)).isoformat() for number in range(DAYS)]
    cursors = [urlsafe_b64encode(one.encode()).decode().rstrip("=") for one in CURSORS]

    def turns() -> Iterator[tuple[str, str]]:
        return zip(itertools.cycle(days), itertools.cycle(plans))

    return [
        itertools.cycle([get(f"/v1/plans?cursor={one}") for one in cursors]),
        itertools.cycle([get(f"/v1/plans?as_of={day}") for day in days]),
        itertools.cycle([get(f"/v1/plans/{plans[0]}/stream?as_of={day}&group_by=theme") for day in days]),
        itertools.repeat(b"GET /v1/plans HTTP/1.1\r\nHost: 127.0"),
        itertools.repeat(
            b"POST /v1/visits HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n" + b"x" * 1_000
        ),
        (
            get(f"/v1/plans/{plan}/realization?known_at={AHEAD + at}&as_of={day}")
            for at, (day, plan) in enumerate(turns(), start=1_000)
        ),
        itertools.cycle([get(f"/v1/masterplans/{plan}/export") for plan in plans]),
        (get(f"/v1/plans/{plan}/history?to={day}&group_by=theme") for day, plan in turns()),
    ]


async def ask(port: int, requests: Iterator[bytes], statuses: Counter[str], begun: asyncio.Event) -> None:
    """Send requests without end, on a new connection whenever the old one is closed."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                while True:
                    writer.write(next(requests))
                    begun.set()
                    statuses[await answer(reader)] += 1
            except (asyncio.IncompleteReadError, OSError):
                statuses["ended"] += 1
            finally:
                writer.close()


async def main() -> None:
    """Send requests until standard input ends."""
    port, connections, plans = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    statuses, every = Counter[str](), itertools.cycle(kinds(plans))
    begun = [asyncio.Event() for _ in range(connections)]
    tasks = [asyncio.create_task(ask(port, next(every), statuses, each)) for each in begun]
    for each in begun:
        await each.wait()
    print("asking", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(statuses))


if __name__ == "__main__":
    asyncio.run(main())
