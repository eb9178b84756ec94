"""What the running supervisor records for other programs of this machine: its settings, and the state of its processes.

Kept in the state folder while it runs. The site shows the failures of its siblings, `pantau doctor` all of it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from deploy.local import atomic_write

FILE = "running.json"


class ProcessStatus(NamedTuple):
    """One process. `failures`: in a row; 0 again when it has run for two minutes. `failed_at`: ISO 8601, UTC."""

    name: str
    pid: int | None
    ready: bool
    failures: int
    reason: str
    failed_at: str

    @property
    def failure(self) -> str | None:
        """Why it failed last, in one line; None when it runs well."""
        if not self.failures:
            return None
        times = f", {self.failures} times in a row" if self.failures > 1 else ""
        now = "not running" if self.pid is None else "running again" if self.ready else "starting again"
        return f"{self.reason} (at {self.failed_at}{times}; {now})"


class StackStatus(NamedTuple):
    """The supervisor's process id, the settings it was started with, and its processes."""

    supervisor: int
    settings: Mapping[str, str]
    processes: Sequence[ProcessStatus]

    @property
    def failures(self) -> dict[str, str]:
        """Why each process that does not run well failed last."""
        return {process.name: process.failure for process in self.processes if process.failure}


def write(state: Path, status: StackStatus) -> None:
    """Record it. On a full disk the former record stays, and nothing ends."""
    stored = {**status._asdict(), "processes": [process._asdict() for process in status.processes]}
    with suppress(OSError):
        atomic_write.write(state / FILE, json.dumps(stored, indent=2) + "\n", mode=atomic_write.FOR_ALL)


def forget(state: Path) -> None:
    """Delete the record, when nothing runs any more."""
    with suppress(OSError):
        (state / FILE).unlink(missing_ok=True)


def read(state: Path, supervisor: int | None) -> StackStatus | None:
    """The record of this supervisor; None when there is none, or one of another supervisor that was killed."""
    try:
        stored = json.loads((state / FILE).read_text())
        status = StackStatus(
            stored["supervisor"], stored["settings"], [ProcessStatus(**each) for each in stored["processes"]]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return status if status.supervisor == supervisor else None


def of_parent(state: Path) -> StackStatus | None:
    """The record of the supervisor that started this process; None when no supervisor did."""
    return read(state, os.getppid())
