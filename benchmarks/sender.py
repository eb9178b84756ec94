"""Sends requests over plain sockets and notes when each was answered: the load of the instruments, in its own process.

    python -m benchmarks.sender < requests

`requests` is a pickled `Load`; what is written is a `Heard` as JSON. With a rate, requests are due at random moments
(exponential gaps, seeded), whether earlier ones are answered or not, and a latency begins when a request was due: a
server that stalls can't hide it. Without one, each connection sends its next as soon as it is answered.
"""

import asyncio
import json
import pickle
import random
import resource
import subprocess
import sys
import time
from collections import deque
from typing import NamedTuple

from tests.parts.processes import ROOT

CONNECTIONS_AT_MOST = 1_000
GIVE_UP_SECONDS = 300
HEAD_END = b"\r\n\r\n"


class Load(NamedTuple):
    """What is to be sent. `rate`: requests a second, None: as fast as `connections` allow. `requests`: whole, as bytes."""

    port: int
    requests: list[bytes]
    rate: float | None
    connections: int
    seed: int = 1


class Heard(NamedTuple):
    """What came of it: when each request was due (monotonic seconds), how many seconds later its answer was here, and
    how often each status came.

    `seconds`: from the first request to the last answer; `cpu_seconds`: of the sender itself.
    """

    due: list[float]
    latencies: list[float]
    statuses: dict[str, int]
    seconds: float
    cpu_seconds: float


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._read = bytearray()
        self._waiting: asyncio.Future[str] | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[str]":
        """Send a request; the future is the status of its answer, when that is here whole."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        self._read += data
        at = self._read.find(HEAD_END)
        if at < 0:
            return
        head = self._read[:at].lower()
        begins = head.index(b"content-length:") + len(b"content-length:")
        length = int(head[begins:].split(b"\r\n", 1)[0])
        if len(self._read) >= at + len(HEAD_END) + length:
            self._read.clear()
            assert self._waiting is not None
            self._waiting.set_result(head[9:12].decode())

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(f"the server hung up: {error}"))

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


class _Sender:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._free: deque[_Connection] = deque()
        self._room = asyncio.Semaphore(CONNECTIONS_AT_MOST)
        self.due = [0.0] * len(load.requests)
        self.latencies = [0.0] * len(load.requests)
        self.statuses: dict[str, int] = {}

    async def connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", self._load.port)
        return connection

    async def keep(self, connections: int) -> None:
        """Have so many connections to begin with."""
        self._free.extend([await self.connect() for _ in range(connections)])

    async def _connection(self) -> _Connection:
        while self._free:
            connection = self._free.popleft()  # the one that rested longest: the server ends those that rest too long
            if not connection.lost:
                return connection
        return await self.connect()

    async def _one(self, index: int, due: float) -> None:
        async with self._room:
            connection = await self._connection()
            status = await connection.ask(self._load.requests[index])
            self._free.append(connection)
        self.due[index], self.latencies[index] = due, time.monotonic() - due
        self.statuses[status] = self.statuses.get(status, 0) + 1

    async def at_rate(self, rate: float) -> None:
        gaps, due, tasks = random.Random(self._load.seed), time.monotonic(), []
        for index in range(len(self._load.requests)):
            due += gaps.expovariate(rate)
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(self._one(index, due)))
        await asyncio.gather(*tasks)

    async def at_once(self) -> None:
        indices = iter(range(len(self._load.requests)))

        async def ask_on() -> None:
            for index in indices:
                await self._one(index, time.monotonic())

        await asyncio.gather(*(ask_on() for _ in range(self._load.connections)))

    def close(self) -> None:
        for connection in self._free:
            connection.close()


async def send(load: Load) -> Heard:
    """Send a load."""
    sender = _Sender(load)
    await sender.keep(load.connections)
    began = time.monotonic()
    await (sender.at_once() if load.rate is None else sender.at_rate(load.rate))
    seconds = time.monotonic() - began
    sender.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Heard(sender.due, sender.latencies, sender.statuses, seconds, used.ru_utime + used.ru_stime)


def run(load: Load) -> Heard:
    """Send a load from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sender"]
    told = subprocess.run(
        command, input=pickle.dumps(load), stdout=subprocess.PIPE, check=True, cwd=ROOT, timeout=GIVE_UP_SECONDS
    )
    return Heard(**json.loads(told.stdout))


if __name__ == "__main__":
    json.dump(asyncio.run(send(pickle.load(sys.stdin.buffer)))._asdict(), sys.stdout)
