"""Faults of a process that serves the apis."""

from sqlalchemy import create_engine, text

from services.aggregator.api.projection import PREFIX
from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import ChaosInstallation

BEHIND_SECONDS = ASKED_SECONDS = 10.0
CUT_OFF_SECONDS = 3.0


def api_killed_while_projecting(installation: ChaosInstallation[RunEnvironment]) -> str | None:
    """SIGKILL when its tables are behind the facts log."""
    site = installation.random.choice(installation.sites)
    behind = installation.wait(lambda: _behind(installation), BEHIND_SECONDS)
    site.running.kill()
    left = _behind(installation)
    installation.until_ready(site)
    return f"killed when its tables were {left} records of the book behind" if behind and left else None


def api_killed_while_answering(installation: ChaosInstallation[RunEnvironment]) -> str | None:
    """SIGKILL when a sender waits for its word."""
    requests = installation.requests
    had = requests.cut_off
    asked = installation.wait(lambda: requests.waiting, ASKED_SECONDS)
    site = installation.random.choice(installation.sites)
    site.running.kill()
    cut = installation.wait(lambda: requests.cut_off > had, CUT_OFF_SECONDS)
    installation.until_ready(site)
    return "a sender was cut off in the middle of a request" if asked and cut else None


def _behind(installation: ChaosInstallation[RunEnvironment]) -> int:
    """How many offsets of the facts log are not in the tables of live state."""
    ends = installation.kafka_topics.ends("facts")
    engine = create_engine(installation.settings.database_url("realization"))
    try:
        with engine.connect() as connection:
            rows = connection.execute(text(f"SELECT partition, next FROM {PREFIX}offsets WHERE topic = 'facts'"))
            return sum(max(0, ends[row.partition] - row.next) for row in rows)
    finally:
        engine.dispose()
