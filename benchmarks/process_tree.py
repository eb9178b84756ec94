"""What a process and everything it started used: processor and memory, as the kernel tells in /proc."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

TICK = os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """Seconds of processor so far (of children that ended, too), and the highest resident memory so far, in MiB.

    The peaks of several processes need not have come at the same time: their sum is at most too high.
    """

    cpu_seconds: float
    peak_mib: float


def used(leader: int) -> Used:
    """What the processes of a session used, `leader` being the one that began it."""
    cpu, peak = 0.0, 0.0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):  # it has ended meanwhile
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                cpu += sum(map(int, fields[11:15])) / TICK
                peak += _peak_kib(entry) / 1024
    return Used(cpu, peak)


def _peak_kib(entry: Path) -> int:
    for line in (entry / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0  # it has ended and waits to be reaped


def busy_seconds() -> float:
    """Seconds of processor used by everything on this machine since it started."""
    user, nice, system, _, _, irq, soft, *_ = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
    return (user + nice + system + irq + soft) / TICK
