"""Sends requests and notes when each was answered: the load of the benchmarks, in its own process.

    python -m benchmarks.sender < requests

`requests` is a pickled `Load`; what is written is `Answers` as JSON. With a rate, requests are due at random moments
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
from collections import Counter, deque
from typing import NamedTuple

from tests.parts.processes import ROOT

CONNECTIONS_AT_MOST = 1_000
GIVE_UP_SECONDS = 300


class Load(NamedTuple):
    """The requests to send. `rate`: requests a second, None: as fast as `connections` allow. `requests`: whole, as bytes."""

    port: int
    requests: list[bytes]
    rate: float | None
    connections: int


class Answers(NamedTuple):
    """When each request was due (monotonic seconds), after how many seconds its answer had arrived, and
    how often each status came.

    `seconds`: from the first request to the last answer; `cpu_seconds`: of the sender itself.
    """

    due: list[float]
    latencies: list[float]
    statuses: dict[str, int]
    seconds: float
    cpu_seconds: float


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(reader: asyncio.StreamReader) -> str:
    """The status of the next answer, once it is complete; a body without a length ends with the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length:" in head:
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
    elif b" 304 " not in head:
        while await reader.read(64 * 1024):
            pass
    return head[9:12].decode()


class _RequestSender:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._free: deque[Connection] = deque()
        self._room = asyncio.Semaphore(CONNECTIONS_AT_MOST)
        self.due, self.latencies = [0.0] * len(load.requests), [0.0] * len(load.requests)
        self.statuses = Counter[str]()

    async def connect(self, count: int) -> None:
        self._free.extend([await asyncio.open_connection("127.0.0.1", self._load.port) for _ in range(count)])

    async def _one(self, index: int, due: float) -> None:
        async with self._room:
            while self._free and self._free[0][0].at_eof():  # the server closes idle connections
                self._free.popleft()
            if not self._free:
                await self.connect(1)
            reader, writer = self._free.popleft()
            writer.write(self._load.requests[index])
            self.statuses[await answer(reader)] += 1
            self._free.append((reader, writer))
        self.due[index], self.latencies[index] = due, time.monotonic() - due

    async def at_rate(self, rate: float) -> None:
        gaps, due, tasks = random.Random(1), time.monotonic(), []
        for index in range(len(self._load.requests)):
            due += gaps.expovariate(rate)
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(self._one(index, due)))
        await asyncio.gather(*tasks)

    async def flat_out(self) -> None:
        indices = iter(range(len(self._load.requests)))

        async def ask_on() -> None:
            for index in indices:
                await self._one(index, time.monotonic())

        await asyncio.gather(*(ask_on() for _ in range(self._load.connections)))

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()


async def send(load: Load) -> Answers:
    """Send a load."""
    sender = _RequestSender(load)
    await sender.connect(load.connections)
    began = time.monotonic()
    await (sender.flat_out() if load.rate is None else sender.at_rate(load.rate))
    seconds = time.monotonic() - began
    sender.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Answers(sender.due, sender.latencies, sender.statuses, seconds, used.ru_utime + used.ru_stime)


def run(load: Load) -> Answers:
    """Send a load from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sender"]
    completed = subprocess.run(
        command, input=pickle.dumps(load), stdout=subprocess.PIPE, check=True, cwd=ROOT, timeout=GIVE_UP_SECONDS
    )
    return Answers(**json.loads(completed.stdout))


if __name__ == "__main__":
    json.dump(asyncio.run(send(pickle.load(sys.stdin.buffer)))._asdict(), sys.stdout)
