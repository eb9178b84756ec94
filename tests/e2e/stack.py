"""A supervisor with stand-ins for its services, for tests: in a folder of its own, on ports of its own."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.parts.processes import Processes, Running
from tests.parts.waiting import free_port


class StandInStack:
    """A supervisor with stand-ins for its services, in a folder of its own."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.processes = processes
        variables = ("PANTAU_KAFKA_PORT", "PANTAU_KAFKA_CONTROLLER_PORT", "PANTAU_PORT", "PANTAU_WORKER_METRICS_PORT")
        self.env = {"PANTAU_STATE": str(self.state), **{variable: str(free_port()) for variable in variables}}

    def command(self, how: dict[str, str] | None = None) -> list[str]:
        return [sys.executable, "-m", "tests.e2e.stand_in", "supervise", str(self.folder), json.dumps(how or {})]

    def start(self, how: dict[str, str] | None = None, *, under: tuple[str, ...] = ()) -> Running:
        return self.processes.start("supervisor", [*under, *self.command(how)], env=self.env)

    @property
    def events(self) -> list[str]:
        file = self.folder / "events"
        return file.read_text().splitlines() if file.exists() else []

    def started(self, name: str) -> list[int]:
        """The process ids under which a service has been started so far."""
        return [int(event.split()[2]) for event in self.events if event.startswith(f"{name} started")]

    @property
    def pids(self) -> list[int]:
        return [pid for name in ("broker", "site", "worker") for pid in self.started(name)]


def ready(supervisor: Running) -> Callable[[], bool]:
    return lambda: "Pantau is ready" in supervisor.output


def exists(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be noticed by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def nothing_left(pids: list[int]) -> bool:
    assert pids
    return not any(exists(pid) for pid in pids)
