"""Wall clocks a day off: the workers', the apis', the broker's, set while they run and set right again.

The shift can be seen from outside: processes date their answers, and the broker puts timestamps on records.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

from httpx import HTTPError
from kafka import KafkaConsumer, TopicPartition

from deploy.local.broker import Broker
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import ChaosInstallation, KeptProcess
from tests.parts import broker
from tests.parts.clocks import ShiftedClock
from tests.parts.waiting import free_port

DAY = timedelta(days=1)
NEAR_SECONDS = 600.0
SEEN_SECONDS = 20.0
LONGEST_SECONDS = 6.0
ROLES = ("broker", "worker", "site")


class ClocksEnvironment(RunEnvironment):
    """One broker, and SQLite; the broker, all workers and all apis have a clock each."""

    def __init__(self, broker: Broker, clocks: Mapping[str, ShiftedClock]) -> None:
        super().__init__(broker)
        self.clocks = clocks

    def process_variables(self, process: str) -> Mapping[str, str]:
        return self.clocks[process.split("-", maxsplit=1)[0]].environment


@contextmanager
def with_clocks(folder: Path) -> Generator[ClocksEnvironment]:
    """A broker and SQLite, with clocks that can be set."""
    clocks = {}
    for role in ROLES:
        (folder / f"clock-of-{role}").mkdir()
        clocks[role] = ShiftedClock(folder / f"clock-of-{role}")
    stamping = Broker(folder / "broker", free_port(), free_port())
    stamping.env = clocks["broker"].environment
    with broker.started(stamping) as started:
        yield ClocksEnvironment(started, clocks)


Here = ChaosInstallation[ClocksEnvironment]


def clock_of_the_worker_off(installation: Here) -> str | None:
    """A day ahead or behind, while it runs; sometimes it is killed and starts with the wrong clock."""
    worker = installation.workers[0]
    return _off(installation, "worker", worker, partial(_date_of, installation, worker))


def clock_of_the_api_off(installation: Here) -> str | None:
    """A day ahead or behind, while it runs; sometimes it is killed and starts with the wrong clock."""
    site = installation.sites[0]
    return _off(installation, "site", site, partial(_date_of, installation, site))


def clock_of_the_broker_off(installation: Here) -> str | None:
    """A day ahead or behind, while it runs: dates in the future are judged by its timestamps."""
    return _off(installation, "broker", None, partial(_record_timestamps, installation))


def _off(
    installation: Here, role: str, process: KeptProcess | None, clock_times: Callable[[], list[float]]
) -> str | None:
    """Shift a clock for a while. `clock_times` gives recent readings of that clock; one may be from before the shift."""
    clock, shift = installation.environment.clocks[role], installation.random.choice((DAY, -DAY))
    clock.set_off_by(shift)
    if process is not None and installation.random.random() < 0.5:
        process.running.kill()
    seen = installation.wait(lambda: any(_near(at, shift) for at in clock_times()), SEEN_SECONDS)
    installation.wait(lambda: False, installation.random.uniform(0, LONGEST_SECONDS))
    clock.set_off_by(timedelta(0))
    installation.until_ready()
    return f"a day {'ahead' if shift > timedelta(0) else 'behind'} by its own timestamps" if seen else None


def _near(time_shown: float, shift: timedelta) -> bool:
    return abs(time_shown - time.time() - shift.total_seconds()) < NEAR_SECONDS


def _date_of(installation: Here, process: KeptProcess) -> list[float]:
    """The date of an answer."""
    try:
        answer = installation.http.get(f"http://127.0.0.1:{process.port}/healthz")
    except HTTPError:
        return []
    return [parsedate_to_datetime(answer.headers["Date"]).timestamp()]


def _record_timestamps(installation: Here) -> list[float]:
    """When the broker received the last report of each partition."""
    kafka_topics = installation.kafka_topics
    ends = {
        TopicPartition(f"{kafka_topics.prefix}program-status", n): end
        for n, end in kafka_topics.ends("program-status").items()
    }
    with closing(
        KafkaConsumer(**client_options(KafkaSettings(kafka=kafka_topics.bootstrap)), metrics_enabled=False)
    ) as consumer:
        consumer.assign([tp for tp, end in ends.items() if end])
        for tp in consumer.assignment():
            consumer.seek(tp, ends[tp] - 1)
        return [record.timestamp / 1000 for records in consumer.poll(1_000).values() for record in records[:1]]
