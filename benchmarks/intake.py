"""How many events one process of programs takes over HTTP, and how long each waits for the broker's word.

    python -m benchmarks.intake

Single events at a rate (open loop), single events as fast as it answers, and batches as fast as it answers, by the keys
of departments of many plans. The broker, programs and the sender are processes of their own; every event is another.
"""

import json
import pickle
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.installation import Installation, Served
from benchmarks.processes import cpu_seconds
from benchmarks.sender import Heard, Load
from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.sources import department
from tests.parts import broker
from tests.parts.processes import ROOT, Processes

PARTITIONS = 12
PLANS = 24
OFFICE = "dinkes"
BATCH_EVENTS = 500
CONNECTIONS = 64
SENDERS_OF_BATCHES = 4
GIVE_UP_SECONDS = 300
STATUSES = ("not_started", "in_progress", "in_progress", "blocked")


class Size(NamedTuple):
    """How much is sent."""

    rate: float = 1_000
    paced_events: int = 20_000
    events: int = 10_000
    batches: int = 200


def measure(bootstrap: str, broker_pid: int, folder: Path, size: Size) -> dict[str, Any]:
    """All figures of intake; latencies in milliseconds."""
    processes = Processes(folder)
    try:
        installation = Installation(bootstrap, folder, processes, PARTITIONS)
        programs = installation.serve("services.programs")
        plans = [f"kota-{number}" for number in range(PLANS)]
        keys = dict(zip(plans, installation.keys([(plan, OFFICE) for plan in plans]), strict=True))
        made = _Reports(keys)
        _warm(programs, made)
        return {
            "singles": _told(programs, broker_pid, made.singles(size.paced_events), 1, size.rate, CONNECTIONS),
            "singles_flat_out": _told(programs, broker_pid, made.singles(size.events), 1, None, CONNECTIONS),
            "batches": _told(programs, broker_pid, made.batches(size.batches), BATCH_EVENTS, None, SENDERS_OF_BATCHES),
        }
    finally:
        processes.end()


class _Reports:
    """Requests with reports, no two alike."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys = keys
        self._plans = list(keys)
        self._random = random.Random(1)
        self._number = 0

    def singles(self, count: int) -> list[bytes]:
        return [self._request(plan, MEDIA_TYPE, self._report(plan)) for plan in self._some(count)]

    def batches(self, count: int) -> list[bytes]:
        return [
            self._request(plan, BATCH_MEDIA_TYPE, [self._report(plan) for _ in range(BATCH_EVENTS)])
            for plan in self._some(count)
        ]

    def _some(self, count: int) -> list[str]:
        return self._random.choices(self._plans, k=count)

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


def _warm(programs: Served, made: _Reports) -> None:
    """Have connections and keys there, before anything is measured."""
    heard = _send(Load(programs.port, made.singles(300), 300, CONNECTIONS))
    assert heard.statuses == {"202": 300}, heard.statuses


def _send(load: Load) -> Heard:
    command = [sys.executable, "-m", "benchmarks.sender"]
    told = subprocess.run(
        command, input=pickle.dumps(load), stdout=subprocess.PIPE, check=True, cwd=ROOT, timeout=GIVE_UP_SECONDS
    )
    return Heard(**json.loads(told.stdout))


def _told(
    programs: Served, broker_pid: int, requests: list[bytes], events: int, rate: float | None, connections: int
) -> dict[str, Any]:
    """The figures of one load; `events` in each of its requests."""
    pids = {"programs": programs.pid, "broker": broker_pid}
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    heard = _send(Load(programs.port, requests, rate, connections))
    used = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()} | {"sender": heard.cpu_seconds}
    latencies = sorted(heard.latencies)
    return {
        "requests": len(requests),
        "accepted": heard.statuses.get("202", 0),
        "events_per_second": round(events * len(requests) / heard.seconds),
        "p50_ms": round(1000 * latencies[len(latencies) // 2], 1),
        "p99_ms": round(1000 * latencies[len(latencies) * 99 // 100], 1),
        "max_ms": round(1000 * latencies[-1], 1),
        "cpu": {name: round(seconds / heard.seconds, 2) for name, seconds in used.items()},
        "cpu_us_per_event": round(1e6 * used["programs"] / len(requests) / events),
    }


def main() -> None:
    """Measure on a broker of its own, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="pantau-intake-") as name, broker.running(Path(name) / "broker") as own:
        print(json.dumps(measure(own.bootstrap, own.process.pid, Path(name), Size()), indent=2))


if __name__ == "__main__":
    main()
