"""The disk of the broker's log is full."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import ChaosInstallation
from tests.parts import broker, small_disk
from tests.parts.small_disk import SmallDisk

SIZE_MIB = 256
GONE_SECONDS = 30.0
LONGEST_DOWN_SECONDS = 4.0
FULL = "No space left on device"


class DiskEnvironment(RunEnvironment):
    """One broker on a small disk, and SQLite elsewhere."""

    disk: SmallDisk


@contextmanager
def on_a_small_disk(folder: Path) -> Generator[DiskEnvironment]:
    """A broker whose log has a disk of its own, and SQLite."""
    with (
        small_disk.mounted(folder, size_mib=SIZE_MIB) as disk,
        broker.started(disk.broker(folder / "broker")) as started,
    ):
        environment = DiskEnvironment(started)
        environment.disk = disk
        yield environment


def disk_filled(installation: ChaosInstallation[DiskEnvironment]) -> str | None:
    """The disk fills up while records come in; the broker exits; space is freed, and the broker is started again."""
    environment = installation.environment
    stopped, log_size = environment.broker.process, environment.broker.log.stat().st_size
    environment.disk.fill()
    gone = installation.wait(lambda: stopped.poll() is not None, GONE_SECONDS)
    with environment.broker.log.open("rb") as log:
        log.seek(log_size)
        why = FULL.encode() in log.read()
    installation.wait(lambda: False, installation.random.uniform(0, LONGEST_DOWN_SECONDS))
    environment.disk.give_back()
    if not gone:
        return None
    environment.broker.start()
    installation.until_ready()
    return f"the broker exited with code {stopped.returncode}" if why else None
