"""Faults of the database under the projections."""

from tests.chaos.environments import PostgresGround
from tests.chaos.installation import ChaosInstallation, KeptProcess

LONGEST_DOWN_SECONDS = 4.0
NOTICED_SECONDS = 10.0
WAITS = '"the projection waits"'


def database_stopped(installation: ChaosInstallation[PostgresGround]) -> str | None:
    """It is stopped in order, under projections that write to it, and started again."""
    before = _complaints(installation)
    installation.ground.server.stop()
    return _start_again(installation, before)


def database_crashed(installation: ChaosInstallation[PostgresGround]) -> str | None:
    """It ends at once, as in a crash, and has to recover when it is started again."""
    before = _complaints(installation)
    installation.ground.server.crash()
    return _start_again(installation, before)


def _start_again(installation: ChaosInstallation[PostgresGround], before: dict[KeptProcess, int]) -> str | None:
    noticed = installation.wait(
        lambda: all(count > before[site] for site, count in _complaints(installation).items()), NOTICED_SECONDS
    )
    installation.wait(lambda: False, installation.random.uniform(0, LONGEST_DOWN_SECONDS))
    installation.ground.server.start()
    installation.until_ready()
    return f"{len(before)} sites waited for it" if noticed else None


def _complaints(installation: ChaosInstallation[PostgresGround]) -> dict[KeptProcess, int]:
    """How often each site has said that a projection waits."""
    return {site: site.running.output.count(WAITS) for site in installation.sites}
