"""How many events one process of programs accepts over HTTP, and the time until the broker's acknowledgement.

Single events at a rate (open loop), single events as fast as they are answered, and batches as fast as they are answered,
by the keys of departments of many plans. The broker, programs and the sender are processes of their own; no two events
are alike.
"""

import random
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import process_tree
from benchmarks.benchmark import Benchmark, Case, measure, percentile
from benchmarks.installation import BenchmarkInstallation, post
from benchmarks.results import Measurement
from benchmarks.sender import Load, run
from deploy.local.broker import Broker
from schemas.envelope import BATCH_MEDIA_TYPE
from schemas.sources import department
from tests.parts import broker
from tests.parts.processes import Processes

PLANS = 24
DEPARTMENT = "dinkes"
WARMING = 300
CONNECTIONS = 64
SENDERS_OF_BATCHES = 4
STATUSES = ("not_started", "in_progress", "in_progress", "blocked")


class Loading(NamedTuple):
    """One load: how many requests with how many events each; at a rate (requests/s), or as fast as they are answered."""

    requests: int
    events: int
    rate: float | None
    connections: int


class Intake:
    """A process of programs on a broker, and keys for its plans."""

    def __init__(self, kafka: Broker, folder: Path, processes: Processes) -> None:
        installation = BenchmarkInstallation(kafka.bootstrap, folder, processes)
        self._broker, self._programs = kafka, installation.serve("services.programs")
        self._plans = [f"kota-{number}" for number in range(PLANS)]
        self._keys = dict(
            zip(self._plans, installation.keys([(plan, DEPARTMENT) for plan in self._plans]), strict=True)
        )
        self._random, self._reports = random.Random(1), 0
        self.play(Loading(WARMING, 1, WARMING, CONNECTIONS))  # has connections and keys there

    def play(self, loading: Loading) -> dict[str, float]:
        """The figures of one load. All must be accepted."""
        pids = (self._programs.pid, self._broker.process.pid)
        requests = [
            self._request(plan, loading.events) for plan in self._random.choices(self._plans, k=loading.requests)
        ]
        before = process_tree.cpu_seconds(*pids)
        answers = run(Load(self._programs.port, requests, loading.rate, loading.connections))
        cpu, broker_cpu = (now - then for now, then in zip(process_tree.cpu_seconds(*pids), before, strict=True))
        assert answers.statuses == {"202": loading.requests}, answers.statuses
        latencies, events = sorted(answers.latencies), loading.requests * loading.events
        return {
            "events_per_second": events / answers.seconds,
            "p50_ms": 1000 * percentile(latencies, 50),
            "p99_ms": 1000 * percentile(latencies, 99),
            "longest_ms": 1000 * latencies[-1],
            "cpu_us_per_event": 1e6 * cpu / events,
            "cpu_percent": 100 * cpu / answers.seconds,
            "broker_cpu_percent": 100 * broker_cpu / answers.seconds,
            "sender_cpu_percent": 100 * answers.cpu_seconds / answers.seconds,
        }

    def _request(self, plan: str, events: int) -> bytes:
        if events == 1:
            return post(self._keys[plan], self._report(plan))
        return post(self._keys[plan], [self._report(plan) for _ in range(events)], BATCH_MEDIA_TYPE)

    def _report(self, plan: str) -> dict[str, Any]:
        self._reports += 1
        draw = self._random
        month = f"{draw.randrange(2019, 2026)}-{draw.randrange(1, 13):02d}"
        return {
            "specversion": "1.0",
            "id": f"{month}-{self._reports}",
            "source": department(plan, DEPARTMENT),
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


def measured(kafka: Broker, folder: Path, loadings: list[Loading], runs: int) -> Iterator[Measurement]:
    """One measurement of each load."""
    processes = Processes(folder)
    try:
        intake = Intake(kafka, folder, processes)
        cases = [
            Case(
                {"events_per_request": one.events, "connections": one.connections, "rate": one.rate or "flat out"},
                partial(intake.play, one),
            )
            for one in loadings
        ]
        yield from measure("intake", cases, runs)
    finally:
        processes.end()


def _run(arguments: Namespace) -> Iterator[Measurement]:
    seconds = 1 if arguments.quick else arguments.seconds
    singles = round(arguments.rate * seconds)
    loadings = [
        Loading(singles, 1, arguments.rate, CONNECTIONS),
        Loading(singles, 1, None, CONNECTIONS),
        Loading(round(40 * seconds), arguments.events, None, SENDERS_OF_BATCHES),
    ]
    with tempfile.TemporaryDirectory(prefix="pantau-intake-") as name, broker.running(Path(name) / "broker") as own:
        yield from measured(own, Path(name), loadings, arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rate", type=float, default=1_000, help="single events a second (default: %(default)s)")
    parser.add_argument("--events", type=int, default=500, help="of a batch (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=15, help="that it takes, roughly (default: %(default)s)")


INTAKE = Benchmark("intake", "events that one process takes over HTTP", _arguments, _run)
