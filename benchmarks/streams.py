"""How soon a change reaches all clients that follow a plan over server-sent events, and what a client costs.

End to end, each part a process of its own: reports are posted to programs, the worker writes them to the facts log, the
api follows it and sends the change to its clients. In three steps:

- many clients connect, and changes come one by one: memory of a client, and the time from the POST of a report to the
  last client that has it;
- beside them some clients send a request and never read: what they cost in memory, and how they delay the others;
- few clients, and reports at a rate: the time from a POST to the change at the client, with many reports in one change.
"""

import json
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from benchmarks import process_tree
from benchmarks.benchmark import Benchmark, Case, measure, percentile
from benchmarks.installation import PARTITIONS, WITHIN_SECONDS, BenchmarkInstallation, callers, post
from benchmarks.results import Measurement
from benchmarks.sender import Answers, Load, run
from schemas.sources import council, department
from schemas.topics import partition_of
from tests.parts import broker
from tests.parts.history import DEPARTMENTS, RecordToSend, event, plan_version
from tests.parts.processes import Processes
from tests.parts.waiting import until

PLAN = "kota-1"
PROGRAMS = 426
DATED = f"/v1/plans/{PLAN}/stream?as_of=2028-12-31"
FIRST = date(2019, 1, 31)
FEW = 4


class Step(NamedTuple):
    """How many clients read, how many do not, and the reports: how many, at what rate."""

    listeners: int
    stopped: int
    reports: int
    rate: float


class City:
    """A city with a report on each program, its services, and the keys of its departments.

    `others`: plans that are registered beside it. `together`: the apps are one process, as on one machine.
    """

    def __init__(
        self, bootstrap: str, folder: Path, processes: Processes, others: Sequence[str] = (), *, together: bool = False
    ) -> None:
        installation = BenchmarkInstallation(bootstrap, folder, processes)
        self._kafka_topics = installation.kafka_topics
        self._keys = dict(zip(DEPARTMENTS, installation.keys([(PLAN, key) for key in DEPARTMENTS]), strict=True))
        self._made = 0
        began = datetime(2019, 1, 1, tzinfo=UTC)
        for plan in (PLAN, *others):
            version = event("masterplan.version.published", council(plan), "version-1", began, plan_version(PROGRAMS))
            self._write("masterplans", plan, [version])
        self._write("program-status", PLAN, [self._report() for _ in range(PROGRAMS)])
        installation.serve("services.aggregator.worker")
        apps = ["deploy.local.site"] if together else ["services.programs", "services.aggregator.api"]
        served = [installation.serve(app) for app in apps]
        self._programs, self.api = served[0], served[-1]
        until(self._has_all, WITHIN_SECONDS, what="the api has every report")

    def send(self, reports: int, rate: float) -> tuple[list[str], Answers, float]:
        """Post reports, and return when the api has them: their ids, how they were answered, and the seconds of
        processor that the api used."""
        made = [self._report() for _ in range(reports)]
        requests = [post(self._keys[one["source"].rpartition("/")[2]], one) for one in made]
        (before,) = process_tree.cpu_seconds(self.api.pid)
        answers = run(Load(self._programs.port, requests, rate, FEW))
        assert answers.statuses == {"202": reports}, answers.statuses
        until(self._has_all, WITHIN_SECONDS, what="the api has every report")
        (after,) = process_tree.cpu_seconds(self.api.pid)
        return [one["id"] for one in made], answers, after - before

    def delays(self, ids: list[str], answers: Answers, last_received: dict[int, float]) -> list[float]:
        """Seconds from when each report was due until the last listener had it, in rising order."""
        facts = [json.loads(fact.value) for fact in self._kafka_topics.written("facts")]
        seqs = {fact["event"]["id"]: fact["seq"] for fact in facts}
        received = [next(at for seq, at in last_received.items() if seq >= seqs[each]) for each in ids]
        return sorted(at - due for at, due in zip(received, answers.due, strict=True))

    @contextmanager
    def listening(self, path: str, listeners: int, stopped: int = 0) -> Generator[dict[int, float]]:
        """Listeners, all with their snapshot. The yielded dict is filled at the end: when the last one received each `seq`."""
        last_received: dict[int, float] = {}
        arguments = (self.api.port, path, listeners, stopped)
        with callers("benchmarks.listeners", *arguments, ready="listening") as process:
            yield last_received
            output, _ = process.communicate(f"{1 + self._made}\n", timeout=WITHIN_SECONDS)
            last_received |= {int(seq): at for seq, at in json.loads(output).items()}

    def _report(self) -> dict[str, Any]:
        """The next report: on every program in turn, a day later each time, so that each changes the figures."""
        number, self._made = self._made, self._made + 1
        data = {
            "program": f"P-{number % PROGRAMS:03d}",
            "status": "in_progress",
            "physical": str((number // PROGRAMS + number) % 99 + 1),
            "effective_on": (FIRST + timedelta(days=number // PROGRAMS)).isoformat(),
        }
        source = department(PLAN, DEPARTMENTS[number % PROGRAMS % len(DEPARTMENTS)])
        return event("program.status.reported", source, f"r-{number}", datetime(2021, 1, 1, tzinfo=UTC), data)

    def _write(self, topic: str, plan: str, events: list[dict[str, Any]]) -> None:
        partition = partition_of(plan, PARTITIONS)
        self._kafka_topics.send(
            RecordToSend(topic, partition, plan.encode(), json.dumps(each).encode()) for each in events
        )

    def _has_all(self) -> bool:
        url = f"http://127.0.0.1:{self.api.port}/v1/plans/{PLAN}/realization"
        key = self._keys[DEPARTMENTS[0]]  # whose requests are accepted beside any anonymous load
        with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"}), timeout=WITHIN_SECONDS) as answer:
            return bool(json.load(answer)["known_at"]["seq"] == 1 + self._made)


def play(bootstrap: str, folder: Path, step: Step) -> dict[str, float]:
    """The figures of a step, on an installation of its own: a process does not return its memory."""
    processes = Processes(Path(tempfile.mkdtemp(dir=folder)))
    try:
        city = City(bootstrap, processes.folder, processes)
        before = process_tree.resident_kib(city.api.pid)
        with city.listening(DATED, step.listeners, step.stopped) as last_received:
            ids, answers, cpu = city.send(step.reports, step.rate)
            grown = process_tree.resident_kib(city.api.pid) - before
        delays = city.delays(ids, answers, last_received)
    finally:
        processes.end()
    return {
        "p50_ms": 1000 * percentile(delays, 50),
        "p99_ms": 1000 * percentile(delays, 99),
        "longest_ms": 1000 * delays[-1],
        "kib_per_client": grown / (step.listeners + step.stopped),
        "cpu_percent": 100 * cpu / answers.seconds,
    }


def measured(bootstrap: str, folder: Path, steps: list[Step], runs: int) -> Iterator[Measurement]:
    """One measurement of each step."""
    return measure("streams", [Case(one._asdict(), partial(play, bootstrap, folder, one)) for one in steps], runs)


def _run(arguments: Namespace) -> Iterator[Measurement]:
    clients, changes, rate = arguments.clients, arguments.changes, arguments.rate
    steps = [
        Step(clients, 0, changes, 1.0),
        Step(clients, arguments.stopped, changes, 1.0),
        Step(FEW, 0, round(rate * arguments.seconds), rate),
    ]
    if arguments.quick:
        steps = [Step(50, 5, 3, 1.0), Step(FEW, 0, round(rate), rate)]
    with tempfile.TemporaryDirectory(prefix="pantau-streams-") as name, broker.running(Path(name) / "broker") as own:
        yield from measured(own.bootstrap, Path(name), steps, arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clients", type=int, default=2_000, help="of one process (default: %(default)s)")
    parser.add_argument("--stopped", type=int, default=500, help="that read nothing (default: %(default)s)")
    parser.add_argument("--changes", type=int, default=30, help="one by one (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=100, help="reports a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20, help="at that rate (default: %(default)s)")


STREAMS = Benchmark("streams", "changes at clients of server-sent events, from the POST on", _arguments, _run)
