"""As-of questions over HTTP, on a projection of a large facts log, on SQLite and on PostgreSQL.

A real broker, the api as a process of its own, and one client that sends one request after the other about random plans,
dates, known_at (a `seq`, a time, or now) and groupings. What is measured:

- follow: how long an empty projection takes to read the whole log, from the process's start to its readiness;
- cold: every plan once after a restart, so that each request reads a plan's facts;
- random: plans at random; of the nation's, the facts of most plans are not in memory;
- warm: a few plans again and again, at other dates.

CPU time is given beside the elapsed time of a request: other load on the machine lengthens only the second.
"""

import asyncio
import http.client
import random
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import get_args
from urllib.parse import urlencode

from benchmarks import process_tree
from benchmarks.benchmark import Benchmark, Case, measure, percentile
from benchmarks.installation import serve
from benchmarks.large_log import DAYS, FIRST, LargeLog, write
from benchmarks.results import Measurement
from deploy.local.process_settings import InstallationSettings
from realization.cells import Grouping
from services.kit.topics import declare_topics
from tests.parts import broker, postgres
from tests.parts.processes import Processes

PLANS, REPORTS, QUESTIONS = 514, 9_750, 2_000  # 5,000,000 reports, and a little more
QUICK_PLANS, QUICK_REPORTS, QUICK_QUESTIONS = 2, 500, 20
PARTITIONS = 96
WARM_PLANS = 20
FOLLOW_SECONDS = 3_600


class Api:
    """A running api, and one connection to it."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str) -> bytes:
        """The response to a request like a browser's: on a persistent connection, compressed."""
        self.connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body

    @property
    def cpu_seconds(self) -> float:
        return process_tree.cpu_seconds(self.pid)[0]

    @property
    def memory_mib(self) -> float:
        return process_tree.resident_kib(self.pid) / 1024


@contextmanager
def serving(settings: InstallationSettings, folder: Path) -> Generator[Api]:
    """The api, once it has read the whole log."""
    processes = Processes(Path(mkdtemp(dir=folder)))
    try:
        api = Api(*serve(processes, settings, "services.aggregator.api", FOLLOW_SECONDS))
        yield api
        api.connection.close()
    finally:
        processes.end()


def question(chance: random.Random, plan: str, facts: int) -> str:
    """The path of a request about a random moment."""
    asked = {"as_of": str(FIRST + timedelta(days=chance.randrange(DAYS)))}
    asked["group_by"] = chance.choice(get_args(Grouping))
    match chance.randrange(3):
        case 0:
            asked["known_at"] = str(chance.randrange(1, facts))
        case 1:
            moment = datetime(FIRST.year, 1, 2, tzinfo=UTC) + timedelta(minutes=chance.randrange(DAYS * 24 * 60))
            asked["known_at"] = moment.isoformat().replace("+00:00", "Z")
    return f"/v1/plans/{plan}/realization?{urlencode(asked)}"


class Projection:
    """A database that follows the log in the first run; each run then restarts the api and sends requests."""

    def __init__(self, settings: InstallationSettings, folder: Path, log: LargeLog, facts: int, asked: int) -> None:
        self._settings, self._folder, self._log, self._facts, self._asked = settings, folder, log, facts, asked
        self._runs = 0

    def run(self) -> dict[str, float]:
        """The figures of the next run; the time of a request in milliseconds."""
        figures = {} if self._runs else self._follow()
        chance, self._runs = random.Random(self._runs), self._runs + 1
        few = self._log.plans[:WARM_PLANS]
        with serving(self._settings, self._folder) as api:

            def ask(kind: str, plans: Iterable[str]) -> dict[str, float]:
                paths = [question(chance, plan, self._facts // len(self._log.plans)) for plan in plans]
                taken, used = [], api.cpu_seconds
                for path in paths:
                    began = time.perf_counter()
                    api.get(path)
                    taken.append((time.perf_counter() - began) * 1000)
                cpu = (api.cpu_seconds - used) / len(paths) * 1000
                taken.sort()
                return {
                    **{f"{kind}_p{percent}": percentile(taken, percent) for percent in (50, 90, 99)},
                    f"{kind}_worst": taken[-1],
                    f"{kind}_cpu": cpu,
                }

            figures |= ask("cold", chance.sample(self._log.plans, len(self._log.plans)))
            figures |= ask("random", chance.choices(self._log.plans, k=self._asked))
            asked_mib = api.memory_mib
            ask("warm", few)
            figures |= ask("warm", chance.choices(few, k=self._asked))
        return figures | {"asked_mib": asked_mib}

    def _follow(self) -> dict[str, float]:
        began = time.monotonic()
        with serving(self._settings, self._folder) as api:
            return {
                "followed_per_second": self._facts / (time.monotonic() - began),
                "follow_cpu_us": api.cpu_seconds / self._facts * 1e6,
                "followed_mib": api.memory_mib,
            }


def _run(arguments: Namespace) -> Iterator[Measurement]:
    plans, reports, asked = arguments.plans, arguments.reports, QUESTIONS
    if arguments.quick:
        plans, reports, asked = QUICK_PLANS, QUICK_REPORTS, QUICK_QUESTIONS
    log = LargeLog(plans, reports)
    with TemporaryDirectory(prefix="pantau-asof-") as name:
        folder = Path(name)
        with broker.running(folder / "broker") as kafka, postgres.in_folder_of_its_own() as server:
            settings = InstallationSettings(kafka=kafka.bootstrap, partitions=PARTITIONS, state=folder)
            asyncio.run(declare_topics(settings))
            facts = asyncio.run(write(log, settings))
            for database, url in (("SQLite", None), ("PostgreSQL", server.new_database("asof"))):
                where = settings.model_copy(update={"database": url})
                projection = Projection(where, folder, log, facts, asked)
                case = Case({"database": database, "plans": plans, "facts": facts}, projection.run)
                yield from measure("asof", [case], arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--plans", type=int, default=PLANS, help="default: %(default)s")
    parser.add_argument("--reports", type=int, default=REPORTS, help="of each plan (default: %(default)s)")


ASOF = Benchmark("asof", "as-of questions on a large projection, on SQLite and PostgreSQL", _arguments, _run)
