"""Faults of the database under the projections."""

from tests.chaos.environments import PostgresEnvironment
from tests.chaos.installation import ChaosInstallation, KeptProcess

LONGEST_DOWN_SECONDS = 4.0
NOTICED_SECONDS = 10.0
WAITS = '"the projection is retrying after an outage"'


def database_stopped(installation: ChaosInstallation[PostgresEnvironment]) -> str | None:
    """It is stopped in order, under projections that write to it, and started again."""
    before = _complaints(installation)
    installation.environment.server.stop()
    return _start_again(installation, before)


def database_crashed(installation: ChaosInstallation[PostgresEnvironment]) -> str | None:
    """It ends at once, as in a crash, and has to recover when it is started again."""
    before = _complaints(installation)
    installation.environment.server.crash()
    return _start_again(installation, before)


def _start_again(installation: ChaosInstallation[PostgresEnvironment], before: dict[KeptProcess, int]) -> str | None:
    noticed = installation.wait(
        lambda: all(count > before[site] for site, count in _complaints(installation).items()), NOTICED_SECONDS
    )
    installation.wait(lambda: False, installation.random.uniform(0, LONGEST_DOWN_SECONDS))
    installation.environment.server.start()
    installation.until_ready()
    return f"{len(before)} sites waited for it" if noticed else None


def _complaints(installation: ChaosInstallation[PostgresEnvironment]) -> dict[KeptProcess, int]:
    """How often each site has logged that a projection waits for its database."""
    return {site: site.running.output.count(WAITS) for site in installation.sites}
