"""How soon a change is with everybody who follows a plan over server-sent events, and what a client costs.

The whole way, each part a process of its own: reports are posted to programs, the worker takes them into the book, the
api follows it and tells its clients. In three steps:

- many clients connect, and changes come one by one: memory of a client, and the time from the POST of a report to the
  last client that has it;
- beside them some clients ask and never read: what they cost in memory, and whether the others notice;
- few clients, and reports at a rate: the time from a POST to the change at the client, many reports in one change.
"""

import json
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from benchmarks import process_tree
from benchmarks.installation import Installation
from benchmarks.instrument import Instrument
from benchmarks.results import Figure, Measurement, Unit
from benchmarks.sender import Heard, Load, run
from schemas.envelope import MEDIA_TYPE
from schemas.sources import council, department
from tests.parts import broker
from tests.parts.history import OFFICES, Letter, event, plan_version
from tests.parts.processes import ROOT, Processes
from tests.parts.waiting import until

PLAN = "kota-1"
PROGRAMS = 426
PARTITIONS = 12
DATED = f"/v1/plans/{PLAN}/stream?as_of=2028-12-31"
FIRST = date(2019, 1, 31)
FEW = 4
WITHIN_SECONDS = 60


class Step(NamedTuple):
    """Who listens, who has stopped, and what comes: so many reports, so many a second."""

    listeners: int
    stopped: int
    reports: int
    rate: float


class Streams:
    """A city with a report on each program, its services, and the keys of its departments.

    `others`: plans that are registered beside it. `together`: the apps are one process, as on one machine.
    """

    def __init__(
        self, bootstrap: str, folder: Path, processes: Processes, others: Sequence[str] = (), *, together: bool = False
    ) -> None:
        self._installation = Installation(bootstrap, folder, processes, PARTITIONS)
        self._mailbox = self._installation.mailbox
        self._keys = self._installation.keys([(PLAN, office) for office in OFFICES])
        self._made = 0
        began = datetime(2019, 1, 1, tzinfo=UTC)
        for plan in (PLAN, *others):
            version = event("masterplan.version.published", council(plan), "version-1", began, plan_version(PROGRAMS))
            self._send("masterplans", plan, [version])
        self._send("program-status", PLAN, [self._report() for _ in range(PROGRAMS)])
        self._installation.serve("services.aggregator.worker")
        apps = ["deploy.local.site"] if together else ["services.programs", "services.aggregator.api"]
        served = [self._installation.serve(app) for app in apps]
        self._programs, self.api = served[0], served[-1]
        until(self._knows_all, WITHIN_SECONDS, what="the api knows every report")

    def play(self, step: Step) -> dict[str, float]:
        """The figures of a step, by the names in `UNITS`."""
        before = process_tree.resident_kib(self.api.pid)
        with self.listening(DATED, step.listeners, step.stopped) as last_knew:
            cpu = process_tree.cpu_seconds(self.api.pid)[0]
            ids, heard = self.send(step.reports, step.rate)
            cpu = process_tree.cpu_seconds(self.api.pid)[0] - cpu
            grown = process_tree.resident_kib(self.api.pid) - before
        delays = self.delays(ids, heard, last_knew)
        return {
            "p50_ms": 1000 * delays[len(delays) // 2],
            "p99_ms": 1000 * delays[len(delays) * 99 // 100],
            "longest_ms": 1000 * delays[-1],
            "kib_per_client": grown / (step.listeners + step.stopped),
            "cpu_percent": 100 * cpu / heard.seconds,
        }

    def send(self, reports: int, rate: float) -> tuple[list[str], Heard]:
        """Post reports, and return when the api knows them: their ids, and how they were answered."""
        requests, ids = self._requests(reports)
        heard = run(Load(self._programs.port, requests, rate, FEW))
        assert heard.statuses == {"202": reports}, heard.statuses
        until(self._knows_all, WITHIN_SECONDS, what="the api knows every report")
        return ids, heard

    def delays(self, ids: list[str], heard: Heard, last_knew: dict[int, float]) -> list[float]:
        """From when each report was due until the last listener had it, the shortest first."""
        seqs = self._seqs()
        return sorted(_knew(last_knew, seqs[each]) - due for each, due in zip(ids, heard.due, strict=True))

    @contextmanager
    def listening(self, path: str, listeners: int, stopped: int = 0) -> Generator[dict[int, float]]:
        """Listeners, all with their snapshot. What is given is filled at the end: when the last one knew each `seq`."""
        last_knew: dict[int, float] = {}
        who = [str(each) for each in (self.api.port, path, listeners, stopped)]
        command = [sys.executable, "-m", "benchmarks.listeners", *who]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "listening\n"
                yield last_knew
                said, _ = process.communicate(f"{1 + self._made}\n", timeout=WITHIN_SECONDS)
                last_knew |= {int(seq): at for seq, at in json.loads(said).items()}
            finally:
                process.kill()

    def _requests(self, count: int) -> tuple[list[bytes], list[str]]:
        """Posts of reports, and their ids."""
        reports = [self._report() for _ in range(count)]
        return [self._request(each) for each in reports], [each["id"] for each in reports]

    def _report(self) -> dict[str, Any]:
        """The next report: on every program in turn, a day later each time, so that each changes the figures."""
        number, self._made = self._made, self._made + 1
        data = {
            "program": f"P-{number % PROGRAMS:03d}",
            "status": "in_progress",
            "physical": str((number // PROGRAMS + number) % 99 + 1),
            "effective_on": (FIRST + timedelta(days=number // PROGRAMS)).isoformat(),
        }
        source = department(PLAN, OFFICES[number % PROGRAMS % len(OFFICES)])
        return event("program.status.reported", source, f"r-{number}", datetime(2021, 1, 1, tzinfo=UTC), data)

    def _request(self, report: dict[str, Any]) -> bytes:
        body = json.dumps(report).encode()
        key = self._keys[OFFICES.index(report["source"].rpartition("/")[2])]
        head = (
            f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _send(self, topic: str, plan: str, events: list[dict[str, Any]]) -> None:
        partition = self._installation.partition_of(plan)
        self._mailbox.send(Letter(topic, partition, plan.encode(), json.dumps(each).encode()) for each in events)

    def _knows_all(self) -> bool:
        url = f"http://127.0.0.1:{self.api.port}/v1/plans/{PLAN}/realization"
        asked = Request(url, headers={"Authorization": f"Bearer {self._keys[0]}"})  # which is answered beside any crowd
        with urlopen(asked, timeout=WITHIN_SECONDS) as answer:
            return bool(json.load(answer)["known_at"]["seq"] == 1 + self._made)

    def _seqs(self) -> dict[str, int]:
        """The `seq` of each fact, by the id of its event."""
        facts = [json.loads(fact.value) for fact in self._mailbox.written("facts")]
        return {fact["event"]["id"]: fact["seq"] for fact in facts}


def _knew(last_knew: dict[int, float], seq: int) -> float:
    """When the last one knew a `seq`, or more."""
    return next(at for told, at in last_knew.items() if told >= seq)


UNITS: dict[str, Unit] = {
    "p50_ms": "ms",
    "p99_ms": "ms",
    "longest_ms": "ms",
    "kib_per_client": "KiB",
    "cpu_percent": "percent",
}


def measure(bootstrap: str, folder: Path, steps: list[Step], runs: int) -> Iterator[Measurement]:
    """One measurement of each step."""
    for number, step in enumerate(steps):
        played = [_on_new_ground(bootstrap, folder / f"{number}-{again}", step) for again in range(runs)]
        figures = {name: Figure(unit, tuple(one[name] for one in played)) for name, unit in UNITS.items()}
        yield Measurement("streams", step._asdict(), figures)


def _on_new_ground(bootstrap: str, folder: Path, step: Step) -> dict[str, float]:
    """Play a step on an installation of its own: memory that a process once took is not given back."""
    folder.mkdir()
    processes = Processes(folder)
    try:
        return Streams(bootstrap, folder, processes).play(step)
    finally:
        processes.end()


def steps(clients: int, stopped: int, changes: int, rate: float, seconds: float) -> list[Step]:
    """What is published."""
    return [
        Step(clients, 0, changes, 1.0),
        Step(clients, stopped, changes, 1.0),
        Step(FEW, 0, round(rate * seconds), rate),
    ]


def _run(arguments: Namespace) -> Iterator[Measurement]:
    wanted = steps(arguments.clients, arguments.stopped, arguments.changes, arguments.rate, arguments.seconds)
    if arguments.quick:
        wanted = steps(50, 5, 3, arguments.rate, 1)[1:]
    with tempfile.TemporaryDirectory(prefix="pantau-streams-") as name, broker.running(Path(name) / "broker") as own:
        yield from measure(own.bootstrap, Path(name), wanted, 1 if arguments.quick else arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clients", type=int, default=2_000, help="of one process (default: %(default)s)")
    parser.add_argument("--stopped", type=int, default=500, help="that read nothing (default: %(default)s)")
    parser.add_argument("--changes", type=int, default=30, help="one by one (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=100, help="reports a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20, help="at that rate (default: %(default)s)")


STREAMS = Instrument("streams", "changes at clients of server-sent events, from the POST on", _arguments, _run)
