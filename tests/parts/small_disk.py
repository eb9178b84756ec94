"""A disk of a few megabytes that can be filled to its last byte, and given its space back.

It is a file system in memory that only a process of ours has mounted, in a mount namespace of its own: when that
process ends, however it does, the disk is gone. All others reach it through that process's folder in /proc.
Needs the right to make namespaces, which root has, and on most systems every user.
"""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import children
from deploy.local.broker import Broker
from tests.parts.waiting import free_port, until

PIECE = b"\0" * 64 * 1024
ROUNDS = 3  # other writers may free a little room while it is being filled


class SmallDisk:
    """The disk; `path` is its root folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    @property
    def free_bytes(self) -> int:
        space = os.statvfs(self.path)
        return space.f_bavail * space.f_frsize

    def fill(self) -> None:
        """Take all the space that is left."""
        with self._filler.open("ab", buffering=0) as file:
            for _ in range(ROUNDS):
                _write_until_full(file.fileno())

    def give_back(self) -> None:
        """Free what `fill` took."""
        self._filler.unlink()

    def broker(self, folder: Path) -> Broker:
        """A broker, not started yet, whose data is on this disk, all else in `folder`."""
        data = self.path / "data"
        data.mkdir()
        folder.mkdir()
        (folder / "data").symlink_to(data)
        return Broker(folder, free_port(), free_port())


def _write_until_full(file: int) -> None:
    try:
        while os.write(file, PIECE):
            pass
    except OSError:  # ENOSPC
        return


@contextmanager
def mounted(folder: Path, *, size_mib: int) -> Generator[SmallDisk]:
    """A disk for as long as the block runs. `folder`: an empty one for the mount and the log of its keeper."""
    point, log = folder / "mount", folder / "keeper.log"
    point.mkdir()
    mount = f'mount -t tmpfs -o size={size_mib}m pantau "$1" && exec sleep infinity'
    keeper = children.start(
        # unshare gives it other rights, which loosens its bond to us (see `bound`): setpriv ties it again.
        [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "setpriv",
            "--pdeathsig=KILL",
            "sh",
            "-c",
            mount,
            "-",
            point,
        ],
        log=log,
    )
    try:
        disk = SmallDisk(Path(f"/proc/{keeper.pid}/root{point}"))
        until(lambda: _is_there(keeper, log, disk, size_mib), 10, what="the small disk is mounted")
        yield disk
    finally:
        children.kill(keeper)


def _is_there(keeper: "subprocess.Popen[bytes]", log: Path, disk: SmallDisk, size_mib: int) -> bool:
    assert keeper.poll() is None, f"no namespace could be made: {log.read_text()}"
    return disk.free_bytes <= size_mib * 1024 * 1024
