"""As-of questions over HTTP, on a projection of a large book, on SQLite and on PostgreSQL.

A real broker, the api as a process of its own, and one client that asks one question after the other at random plans,
dates, moments known (a `seq`, a time, or now) and groupings. What is measured:

- follow: how long an empty projection takes to read the whole book, from the process's start to its readiness;
- cold: every plan once after a restart, so that each question opens a book;
- random: plans at random, as they come: of the nation's, most books are not in memory;
- warm: a few plans again and again, at other dates.

The processor's time for a question stands beside how long it took: others on the machine lengthen only the second.
"""

import asyncio
import random
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, get_args
from urllib.parse import urlencode

from benchmarks.api_process import Api, serving
from benchmarks.instrument import Instrument
from benchmarks.large_book import DAYS, FIRST, LargeBook, write
from benchmarks.percentiles import percentile
from benchmarks.results import Figure, Measurement
from realization.cells import Grouping
from services.kit.settings import Settings
from services.kit.topics import declare_topics
from tests.parts import broker, postgres

PLANS, REPORTS, QUESTIONS = 514, 9_750, 2_000  # 5,000,000 reports, and a little more
QUICK_PLANS, QUICK_REPORTS, QUICK_QUESTIONS = 2, 500, 20
PARTITIONS = 96
WARM_PLANS = 20


class Answers(NamedTuple):
    """How long each question took, in ms, shortest first; and the processor's time for each, on average."""

    ms: list[float]
    cpu_ms: float


def question(chance: random.Random, plan: str, facts: int) -> str:
    """The path of a question about a random moment."""
    asked = {"as_of": str(FIRST + timedelta(days=chance.randrange(DAYS)))}
    asked["group_by"] = chance.choice(get_args(Grouping))
    match chance.randrange(3):
        case 0:
            asked["known_at"] = str(chance.randrange(1, facts))
        case 1:
            moment = datetime(FIRST.year, 1, 2, tzinfo=UTC) + timedelta(minutes=chance.randrange(DAYS * 24 * 60))
            asked["known_at"] = moment.isoformat().replace("+00:00", "Z")
    return f"/v1/plans/{plan}/realization?{urlencode(asked)}"


def ask(api: Api, paths: Sequence[str]) -> Answers:
    """Ask one question after the other."""
    taken, used = [], api.cpu_seconds
    for path in paths:
        began = time.perf_counter()
        api.get(path)
        taken.append((time.perf_counter() - began) * 1000)
    return Answers(sorted(taken), (api.cpu_seconds - used) / len(paths) * 1000)


def measure(settings: Settings, folder: Path, book: LargeBook, facts: int, asked: int, runs: int) -> dict[str, Figure]:
    """Follow the book into an empty database; then `runs` times restart, and ask `asked` questions of each kind."""
    began = time.monotonic()
    with serving(settings, folder) as api:
        followed = facts / (time.monotonic() - began)
        figures = {
            "followed_per_second": Figure("facts/s", (round(followed),)),
            "follow_cpu_us": Figure("us", (round(api.cpu_seconds / facts * 1e6, 2),)),
            "followed_mib": Figure("MiB", (round(api.memory_mib, 1),)),
        }
    kinds: dict[str, list[Answers]] = {"cold": [], "random": [], "warm": []}
    held = []
    for number in range(runs):
        chance = random.Random(number)
        with serving(settings, folder) as api:

            def questions(plans: Iterable[str], chance: random.Random = chance) -> list[str]:
                return [question(chance, plan, facts // len(book.plans)) for plan in plans]

            kinds["cold"].append(ask(api, questions(chance.sample(book.plans, len(book.plans)))))
            kinds["random"].append(ask(api, questions(chance.choices(book.plans, k=asked))))
            held.append(round(api.memory_mib, 1))
            few = book.plans[:WARM_PLANS]
            ask(api, questions(few))
            kinds["warm"].append(ask(api, questions(chance.choices(few, k=asked))))
    for kind, answers in kinds.items():
        for percent in (50, 90, 99, 100):
            name = f"{kind}_p{percent}" if percent < 100 else f"{kind}_worst"
            figures[name] = Figure("ms", tuple(round(percentile(each.ms, percent), 2) for each in answers))
        figures[f"{kind}_cpu"] = Figure("ms", tuple(round(each.cpu_ms, 2) for each in answers))
    return figures | {"asked_mib": Figure("MiB", tuple(held))}


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--plans", type=int, default=PLANS, help="default: %(default)s")
    parser.add_argument("--reports", type=int, default=REPORTS, help="of each plan (default: %(default)s)")


def _run(arguments: Namespace) -> Iterator[Measurement]:
    plans, reports, asked, runs = arguments.plans, arguments.reports, QUESTIONS, arguments.runs
    if arguments.quick:
        plans, reports, asked, runs = QUICK_PLANS, QUICK_REPORTS, QUICK_QUESTIONS, 1
    book = LargeBook(plans, reports)
    with TemporaryDirectory(prefix="pantau-asof-") as name:
        folder = Path(name)
        with broker.running(folder / "broker") as kafka, postgres.in_folder_of_its_own() as server:
            settings = Settings(kafka=kafka.bootstrap, partitions=PARTITIONS, state=folder)
            asyncio.run(declare_topics(settings))
            facts = asyncio.run(write(book, settings))
            for database, url in (("SQLite", None), ("PostgreSQL", server.new_database("asof"))):
                print(f"asof: {database}, {facts:,} facts of {plans} plans", flush=True)
                where = settings.model_copy(update={"database": url})
                figures = measure(where, folder, book, facts, asked, runs)
                yield Measurement("asof", {"database": database, "plans": plans, "facts": facts}, figures)


ASOF = Instrument("asof", "as-of questions on a large projection, on SQLite and PostgreSQL", _arguments, _run)
