"""CPU time and memory of a process and its descendants, from /proc.

A process tree is named by the id of its session leader; what the leader starts stays in its session.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
SESSION, FIRST_TIME, LAST_TIME = 3, 11, 14  # fields of /proc/PID/stat after the name: proc(5)


def cpu_seconds(*leaders: int) -> list[float]:
    """Seconds of processor used so far, of children that ended, too."""
    used = dict.fromkeys(leaders, 0)
    for _, fields in _processes():
        session = int(fields[SESSION])
        if session in used:
            used[session] += sum(map(int, fields[FIRST_TIME : LAST_TIME + 1]))
    return [ticks / TICK for ticks in used.values()]


def peak_mib(leader: int) -> float:
    """The highest resident memory so far. Of several processes the peaks are summed, which is at most too high."""
    return sum(_status_kib(entry, "VmHWM:") for entry, fields in _processes() if int(fields[SESSION]) == leader) / 1024


def resident_kib(leader: int) -> int:
    """Resident memory now."""
    return sum(_status_kib(entry, "VmRSS:") for entry, fields in _processes() if int(fields[SESSION]) == leader)


def machine_cpu_seconds() -> float:
    """Seconds of processor used by everything on this machine since it started."""
    user, nice, system, _, _, irq, soft, *_ = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
    return (user + nice + system + irq + soft) / TICK


def _processes() -> Iterator[tuple[Path, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile
                yield entry, (entry / "stat").read_text().rpartition(")")[2].split()


def _status_kib(entry: Path, field: str) -> int:
    with suppress(OSError):
        for line in (entry / "status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0  # it has ended, and may wait to be reaped
