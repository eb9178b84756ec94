"""Faults of a process that serves the apis."""

from sqlalchemy import create_engine, text

from services.aggregator.api.projection import PREFIX
from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import ChaosInstallation

LAG_SECONDS = ASKED_SECONDS = 10.0
CUT_OFF_SECONDS = 3.0


def api_killed_while_projecting(installation: ChaosInstallation[RunEnvironment]) -> str | None:
    """SIGKILL while its tables lag behind the facts log."""
    site = installation.random.choice(installation.sites)
    lagged = installation.wait(lambda: _lag(installation), LAG_SECONDS)
    site.running.kill()
    lag = _lag(installation)
    installation.until_ready(site)
    return f"killed when its tables lagged {lag} records behind the facts log" if lagged and lag else None


def api_killed_while_answering(installation: ChaosInstallation[RunEnvironment]) -> str | None:
    """SIGKILL while a sender waits for its answer."""
    requests = installation.requests
    had = requests.cut_off
    asked = installation.wait(lambda: requests.waiting, ASKED_SECONDS)
    site = installation.random.choice(installation.sites)
    site.running.kill()
    cut = installation.wait(lambda: requests.cut_off > had, CUT_OFF_SECONDS)
    installation.until_ready(site)
    return "a sender was cut off in the middle of a request" if asked and cut else None


def _lag(installation: ChaosInstallation[RunEnvironment]) -> int:
    """The lag of the tables of live state: offsets of the facts log that are not applied yet."""
    ends = installation.kafka_topics.ends("facts")
    engine = create_engine(installation.settings.database_url("realization"))
    try:
        with engine.connect() as connection:
            rows = connection.execute(text(f"SELECT partition, next FROM {PREFIX}offsets WHERE topic = 'facts'"))
            return sum(max(0, ends[row.partition] - row.next) for row in rows)
    finally:
        engine.dispose()
