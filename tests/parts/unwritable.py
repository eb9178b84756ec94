"""Commands that may not write: as an ordinary user's may not, also when root runs the tests, or in a read-only folder."""

import os
from pathlib import Path

import pytest

OVERRIDES = "-dac_override,-dac_read_search"


def obeying_modes() -> tuple[str, ...]:
    """Put before a command: file modes bind it. Root's own commands ignore them unless that capability is taken away."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--inh-caps={OVERRIDES}", f"--bounding-set={OVERRIDES}")


def with_read_only(folder: Path) -> tuple[str, ...]:
    """Put before a command: it, and no other process, sees the folder on a read-only file system."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd . && exec "$@"'
    as_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return ("unshare", *as_root, "--mount", "setpriv", "--pdeathsig=KILL", "sh", "-c", script, str(folder))


def shut(folder: Path, request: pytest.FixtureRequest) -> None:
    """Take the right to write away from a folder for the length of a test."""
    folder.chmod(0o555)
    request.addfinalizer(lambda: folder.chmod(0o755))
