"""Whether a port is free, and which process holds it."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LISTENING = "0A"  # the state column of /proc/net/tcp


class Holder(NamedTuple):
    """The process that listens on a port."""

    pid: int
    command: str


def busy(host: str, port: int) -> bool:
    """Whether a server could not listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger don't matter
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def holder(port: int) -> Holder | None:
    """The process that listens on a port; None when there is none, or it is hidden from us."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in Path("/proc").iterdir() if sockets else ():
        with suppress(OSError):  # it is no process, has ended, or belongs to another user
            if process.name.isdigit() and any(str(fd.readlink()) in sockets for fd in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return Holder(int(process.name), command)
    return None


def _listening(port: int) -> set[str]:
    """Inodes of the sockets that listen on a port, on whatever address."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(fields[9])
    return inodes
