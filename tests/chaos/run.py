"""One run: an installation in an environment, records being sent, faults one after the other, and the verdict.

All that is left to chance comes from the seed: the records, which faults strike and in which order, and their
random choices. Time is the machine's own, so the same seed gives the same plan of a run, not the same microseconds.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos import run_records, verdict
from tests.chaos.environments import RunEnvironment
from tests.chaos.faults import Fault, Stage
from tests.chaos.followers import Follower
from tests.chaos.installation import PARTITIONS, SITE, WORKER, ChaosInstallation, LostError
from tests.chaos.ledger import Ledger
from tests.chaos.senders import DIRECT_GROUP, HTTP_GROUP, ByHttp, Direct, Outbox, Sender
from tests.chaos.verdict import Played

LEAST_FAULTS, MOST_FAULTS = 2, 3
STRIKING_SECONDS = 8.0  # the pace of records while a fault strikes
BETWEEN_SECONDS = 0.2  # and of the rest up to the next fault (see `Outbox.release`)
SECTION_WITHIN_SECONDS = 60.0
SENT_WITHIN_SECONDS = 120.0

Print = Callable[[str], None]


class RunPlan(NamedTuple):
    """What a run is going to be. `worker` and `site`: the modules that are run, of which a control takes others."""

    seed: int
    events: int
    stage: Stage[Any]
    faults: tuple[Fault[Any], ...]
    worker: tuple[str, ...] = WORKER
    site: tuple[str, ...] = SITE


class RunResult(NamedTuple):
    """What came of a run. `hits`: by fault, how often it was seen to hit."""

    hits: Counter[str]
    missed: list[str]
    differences: list[str]
    seconds: float


def drawn(seed: int, events: int, stage: Stage[Any]) -> RunPlan:
    """The plan of a seed on a stage."""
    chance = random.Random(seed)
    number = chance.randint(LEAST_FAULTS, MOST_FAULTS)
    return RunPlan(seed, events, stage, tuple(chance.choices(stage.faults, k=number)))


def play(plan: RunPlan, environment: RunEnvironment, folder: Path, print_line: Print) -> RunResult:
    """Play a run whose files are in `folder`."""
    began = time.monotonic()
    hits, missed = Counter[str](), list[str]()
    try:
        with _installed(plan, environment, folder) as installation, _traffic(plan, installation) as traffic:
            _strike(plan, installation, traffic.senders, hits, missed, print_line)
            sent = installation.wait(
                lambda: all(sender.outbox.empty or sender.error for sender in traffic.senders), SENT_WITHIN_SECONDS
            )
            print_line(f"{time.monotonic() - began:5.1f} s  all is sent" if sent else "not everything could be sent")
            errors = [sender.error for sender in traffic.senders if sender.error]
            differences = verdict.differences(Played(installation, traffic.ledger, traffic.followers, sent, errors))
    except LostError as lost:
        differences = [str(lost)]
    return RunResult(hits, missed, differences, time.monotonic() - began)


class _Traffic(NamedTuple):
    """The senders, the followers, and the file of the ledger."""

    senders: list[Sender]
    followers: list[Follower]
    ledger: Path


def _strike(
    plan: RunPlan,
    installation: ChaosInstallation[Any],
    senders: list[Sender],
    hits: Counter[str],
    missed: list[str],
    print_line: Print,
) -> None:
    """Let the faults strike, each when its share of the records is sent; sending goes on meanwhile."""
    began, sections = time.monotonic(), len(plan.faults) + 1

    def release(section: int, seconds: float) -> None:
        for sender in senders:
            sender.outbox.release((section + 1) / sections, seconds)

    release(0, BETWEEN_SECONDS)
    for number, fault in enumerate(plan.faults):
        middle = (number + 0.5) / sections
        installation.wait(lambda middle=middle: senders[0].outbox.share >= middle, SECTION_WITHIN_SECONDS)  # type: ignore[misc]  # mypy infers no type for the default
        release(number + 1, STRIKING_SECONDS)
        at, name = time.monotonic() - began, fault.__name__
        try:
            seen = fault(installation)
        except LostError as lost:
            raise LostError(f"during {name}: {lost}") from lost
        release(number + 1, BETWEEN_SECONDS)
        print_line(f"{at:5.1f} s  {name}: {seen or 'was not seen to hit'} ({time.monotonic() - began - at:.1f} s)")
        if seen is None:
            missed.append(name)
        else:
            hits[name] += 1


@contextmanager
def _installed(plan: RunPlan, environment: RunEnvironment, folder: Path) -> Generator[ChaosInstallation[Any]]:
    """A ready installation."""
    installation = ChaosInstallation(environment, folder, plan.seed, worker=plan.worker, site=plan.site)
    try:
        installation.kafka_topics.declare()
        installation.start_worker("a")
        for _ in range(plan.stage.sites):
            installation.start_site()
        installation.until_ready()
        yield installation
    finally:
        installation.end()


@contextmanager
def _traffic(plan: RunPlan, installation: ChaosInstallation[Any]) -> Generator[_Traffic]:
    """Senders, which wait until records are released, and followers."""
    urls = [f"http://127.0.0.1:{site.port}" for site in installation.sites]
    records = run_records.mixed(plan.seed, PARTITIONS, plan.events)
    ledger = Ledger(installation.folder / "ledger.jsonl")
    direct = Direct(installation.kafka_topics, ledger)
    http = ByHttp(urls, installation.admin_key, ledger, installation.requests)
    senders = [
        Sender("direct", Outbox(records.direct, 0), DIRECT_GROUP, direct.send),
        Sender("http", Outbox(records.by_http, len(records.direct)), HTTP_GROUP, http.send),
    ]
    followers = [Follower(url, f"kota-{number}") for number, url in enumerate(urls)]
    try:
        yield _Traffic(senders, followers, ledger.path)
    finally:
        for sender in senders:
            sender.end()
        for follower in followers:
            follower.end()
        direct.close()
        http.close()
        ledger.close()
