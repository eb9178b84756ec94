"""As-of questions over HTTP, on a projection of a large book, on SQLite and on PostgreSQL.

    python -m benchmarks.asof [plans] [reports per plan]       # default 514 x 9,700: 5,000,000 reports

A real broker, the api as a process of its own, and one client that asks one question after the other at random plans,
dates, moments known (a `seq`, a time, or now) and groupings. What is measured:

- follow: how long an empty projection takes to read the whole book (facts/s, from the process's start to its readiness);
- cold: every plan once after a restart, so that each question opens a book;
- random: plans at random, as they come: most books do not fit in memory;
- warm: the same few plans again and again, at other dates.
"""

import asyncio
import http.client
import json
import os
import random
import sys
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, get_args
from urllib.parse import urlencode

from benchmarks.large_book import DAYS, FIRST, LargeBook, write
from deploy.local import children
from realization.cells import Grouping
from services.kit.settings import Settings
from services.kit.topics import declare_topics
from tests.parts import broker, postgres
from tests.parts.waiting import free_port, until

PLANS, REPORTS = 514, 9_700
PARTITIONS = 96
QUESTIONS = 2_000
WARM_PLANS = 20
FOLLOW_SECONDS = 3_600


class Spread(NamedTuple):
    """Milliseconds."""

    questions: int
    p50: float
    p90: float
    p99: float
    worst: float


class Result(NamedTuple):
    """What one database gave. Memory of the api in MiB: after it followed, and after the random questions."""

    database: str
    facts: int
    follow_seconds: float
    facts_per_second: float
    followed_mib: float
    cold: Spread
    random: Spread
    warm: Spread
    asked_mib: float


def spread(seconds: Iterable[float]) -> Spread:
    """The percentiles of some durations: the smallest that so many per cent do not exceed."""
    ordered = sorted(each * 1000 for each in seconds)

    def percentile(percent: int) -> float:
        return round(ordered[-(-len(ordered) * percent // 100) - 1], 2)

    return Spread(len(ordered), percentile(50), percentile(90), percentile(99), percentile(100))


class Api:
    """The api as a process, and one connection to it."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        told = settings.model_dump(include={"kafka", "topic_prefix", "partitions", "database"}, exclude_none=True)
        self._port = free_port()
        env = {f"PANTAU_{name.upper()}": str(value) for name, value in told.items()}
        env |= {"PANTAU_AGGREGATOR_PORT": str(self._port), "PANTAU_STATE": str(folder)}
        command = [sys.executable, "-m", "services.aggregator.api"]
        self._process = children.start(command, log=folder / "api.log", env={**os.environ, **env})
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)

    def stop(self) -> None:
        """End the process and let go of the connection."""
        self._connection.close()
        children.stop(self._process, within_seconds=10)

    def get(self, path: str) -> bytes:
        """What is answered, as a browser asks: with a connection that stays, and compressed."""
        self._connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body

    def is_ready(self) -> bool:
        """Whether it has caught up."""
        if self._process.poll() is not None:
            raise SystemExit("the api has left")
        try:
            return bool(self.get("/readyz"))
        except OSError:
            self._connection.close()
            return False
        except RuntimeError:
            return False

    @property
    def memory_mib(self) -> float:
        """What it holds in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (resident,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
        return round(int(resident) / 1024, 1)


@contextmanager
def serving(settings: Settings, folder: Path) -> Generator[Api]:
    """The api, caught up."""
    api = Api(settings, folder)
    try:
        until(api.is_ready, FOLLOW_SECONDS, what="the api has caught up")
        yield api
    finally:
        api.stop()


def question(chance: random.Random, plan: str, facts: int) -> str:
    """The path of a question about a random moment."""
    asked = {
        "as_of": str(FIRST + timedelta(days=chance.randrange(DAYS))),
        "group_by": chance.choice(get_args(Grouping)),
    }
    match chance.randrange(3):
        case 0:
            asked["known_at"] = str(chance.randrange(1, facts))
        case 1:
            moment = datetime(FIRST.year, 1, 2, tzinfo=UTC) + timedelta(minutes=chance.randrange(DAYS * 24 * 60))
            asked["known_at"] = moment.isoformat().replace("+00:00", "Z")
    return f"/v1/plans/{plan}/realization?{urlencode(asked)}"


def ask(api: Api, paths: Iterable[str]) -> Spread:
    """Ask one question after the other."""
    taken = []
    for path in paths:
        began = time.perf_counter()
        api.get(path)
        taken.append(time.perf_counter() - began)
    return spread(taken)


def measure(settings: Settings, folder: Path, book: LargeBook, facts: int, asked: int = QUESTIONS) -> Result:
    """Follow the book into an empty database, then ask so many questions at random, and as many again warm."""
    began = time.monotonic()
    with serving(settings, folder) as api:
        follow_seconds = time.monotonic() - began
        followed_mib = api.memory_mib
    chance, few = random.Random(1), book.plans[:WARM_PLANS]

    def questions(plans: Iterable[str]) -> list[str]:
        return [question(chance, plan, facts // len(book.plans)) for plan in plans]

    with serving(settings, folder) as api:
        cold = ask(api, questions(chance.sample(book.plans, len(book.plans))))
        at_random = ask(api, questions(chance.choices(book.plans, k=asked)))
        asked_mib = api.memory_mib
        ask(api, questions(few))
        warm = ask(api, questions(chance.choices(few, k=asked)))
    return Result(
        "PostgreSQL" if settings.database else "SQLite",
        facts,
        round(follow_seconds, 1),
        round(facts / follow_seconds),
        followed_mib,
        cold,
        at_random,
        warm,
        asked_mib,
    )


def run(plans: int, reports: int) -> list[Result]:
    """Make the book on a broker of its own, and measure on both databases."""
    book = LargeBook(plans, reports)
    with TemporaryDirectory(prefix="pantau-asof-") as name:
        folder = Path(name)
        with broker.running(folder / "broker") as kafka, postgres.in_folder_of_its_own() as server:
            settings = Settings(kafka=kafka.bootstrap, partitions=PARTITIONS, state=folder)
            asyncio.run(declare_topics(settings))
            facts = asyncio.run(write(book, settings))
            return [
                measure(each, folder, book, facts)
                for each in (settings, settings.model_copy(update={"database": server.new_database("asof")}))
            ]


def main() -> None:
    """Measure, and print what was found as JSON."""
    plans, reports = (int(each) for each in sys.argv[1:3] or (PLANS, REPORTS))
    for result in run(plans, reports):
        shown = {
            name: value._asdict() if isinstance(value, Spread) else value for name, value in result._asdict().items()
        }
        print(json.dumps(shown, indent=2))


if __name__ == "__main__":
    main()
