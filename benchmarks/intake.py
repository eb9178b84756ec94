"""How many events one process of programs takes over HTTP, and how long each waits for the broker's word.

Single events at a rate (open loop), single events as fast as they are answered, and batches as fast as they are answered,
by the keys of departments of many plans. The broker, programs and the sender are processes of their own; no two events
are alike.
"""

import json
import random
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import process_tree
from benchmarks.installation import Installation, Served
from benchmarks.instrument import Instrument
from benchmarks.results import Figure, Measurement, Unit
from benchmarks.sender import Load, run
from deploy.local.broker import Broker
from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.sources import department
from tests.parts import broker
from tests.parts.processes import Processes

PARTITIONS = 12
PLANS = 24
OFFICE = "dinkes"
WARMING = 300
CONNECTIONS = 64
SENDERS_OF_BATCHES = 4
STATUSES = ("not_started", "in_progress", "in_progress", "blocked")
UNITS: dict[str, Unit] = {
    "events_per_second": "events/s",
    "p50_ms": "ms",
    "p99_ms": "ms",
    "longest_ms": "ms",
    "cpu_us_per_event": "us",
    "cpu_percent": "percent",
    "broker_cpu_percent": "percent",
    "sender_cpu_percent": "percent",
}


class Loading(NamedTuple):
    """One way to send: so many requests with so many events each; at a rate (requests/s), or as fast as it goes."""

    requests: int
    events: int
    rate: float | None
    connections: int

    @property
    def parameters(self) -> dict[str, str | int | float]:
        """What a measurement is known by."""
        return {"events_per_request": self.events, "connections": self.connections, "rate": self.rate or "flat out"}


class Intake:
    """A process of programs on a broker, and keys for it."""

    def __init__(self, kafka: Broker, folder: Path, processes: Processes) -> None:
        installation = Installation(kafka.bootstrap, folder, processes, PARTITIONS)
        self._broker = kafka
        self.programs: Served = installation.serve("services.programs")
        plans = [f"kota-{number}" for number in range(PLANS)]
        self.requests = Requests(dict(zip(plans, installation.keys([(plan, OFFICE) for plan in plans]), strict=True)))
        self.measure(Loading(WARMING, 1, WARMING, CONNECTIONS))  # has connections and keys there

    def measure(self, loading: Loading) -> list[float]:
        """The figures of one load, in the order of `UNITS`. All must be accepted."""
        pids = (self.programs.pid, self._broker.process.pid)
        requests = self.requests.make(loading)
        before = process_tree.cpu_seconds(*pids)
        heard = run(Load(self.programs.port, requests, loading.rate, loading.connections))
        used = [now - then for now, then in zip(process_tree.cpu_seconds(*pids), before, strict=True)]
        assert heard.statuses == {"202": loading.requests}, heard.statuses
        latencies, events = sorted(heard.latencies), loading.requests * loading.events
        return [
            events / heard.seconds,
            *(1000 * latencies[min(len(latencies) * share // 100, len(latencies) - 1)] for share in (50, 99, 100)),
            1e6 * used[0] / events,
            *(100 * seconds / heard.seconds for seconds in (*used, heard.cpu_seconds)),
        ]


class Requests:
    """Requests with reports, no two alike."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys = keys
        self._plans = list(keys)
        self._random = random.Random(1)
        self._number = 0

    def make(self, loading: Loading) -> list[bytes]:
        """All that is sent of one load."""
        plans = self._random.choices(self._plans, k=loading.requests)
        if loading.events == 1:
            return [self._request(plan, MEDIA_TYPE, self._report(plan)) for plan in plans]
        return [
            self._request(plan, BATCH_MEDIA_TYPE, [self._report(plan) for _ in range(loading.events)]) for plan in plans
        ]

    def _report(self, plan: str) -> dict[str, Any]:
        self._number += 1
        draw = self._random
        month = f"{draw.randrange(2019, 2026)}-{draw.randrange(1, 13):02d}"
        return {
            "specversion": "1.0",
            "id": f"{month}-{self._number}",
            "source": department(plan, OFFICE),
            "type": "id.pantau.program.status.reported.v1",
            "time": f"{month}-28T0{draw.randrange(10)}:15:00+07:00",
            "data": {
                "program": f"P-{draw.randrange(426):03d}",
                "status": draw.choice(STATUSES),
                "physical": f"{draw.randrange(10_000) / 100:.2f}",
                "spent": draw.randrange(10**10),
                "period": month,
                "note": "Pekerjaan berjalan sesuai jadwal.",
            },
        }

    def _request(self, plan: str, media_type: str, content: Any) -> bytes:
        body = json.dumps(content).encode()
        head = (
            f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._keys[plan]}\r\n"
            f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def measure(kafka: Broker, folder: Path, loadings: Sequence[Loading], runs: int) -> Iterator[Measurement]:
    """One measurement of each load."""
    processes = Processes(folder)
    try:
        intake = Intake(kafka, folder, processes)
        for loading in loadings:
            columns = zip(*(intake.measure(loading) for _ in range(runs)), strict=True)
            figures = {name: Figure(unit, values) for (name, unit), values in zip(UNITS.items(), columns, strict=True)}
            yield Measurement("intake", loading.parameters, figures)
    finally:
        processes.end()


def loadings(rate: float, seconds: float, events: int) -> list[Loading]:
    """The loads that are published: so many single events a second, and as many as it takes; batches of `events`."""
    paced = Loading(round(rate * seconds), 1, rate, CONNECTIONS)
    flat_out = Loading(round(rate * seconds), 1, None, CONNECTIONS)
    return [paced, flat_out, Loading(round(40 * seconds), events, None, SENDERS_OF_BATCHES)]


def _run(arguments: Namespace) -> Iterator[Measurement]:
    seconds = 1 if arguments.quick else arguments.seconds
    with tempfile.TemporaryDirectory(prefix="pantau-intake-") as name, broker.running(Path(name) / "broker") as own:
        wanted = loadings(arguments.rate, seconds, arguments.events)
        yield from measure(own, Path(name), wanted, 1 if arguments.quick else arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rate", type=float, default=1_000, help="single events a second (default: %(default)s)")
    parser.add_argument("--events", type=int, default=500, help="of a batch (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=15, help="that it takes, roughly (default: %(default)s)")


INTAKE = Instrument("intake", "events that one process takes over HTTP", _arguments, _run)
