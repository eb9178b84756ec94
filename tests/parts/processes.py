"""Processes a test starts: they die with the tests, are stopped at the end, and show their logs when a test fails."""

import os
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from deploy.local import children
from tests.parts import logs
from tests.parts.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
NO_MORE: Mapping[str, str] = MappingProxyType({})


class Running:
    """One process of a test."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def output(self) -> str:
        """All it has written."""
        return self.log.read_text(errors="replace")

    def wait(self, within_seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        return self.process.wait(within_seconds)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, for it and what it started."""
        children.kill(self.process)

    def stop(self, *, within_seconds: float = 10) -> None:
        """SIGTERM, and SIGKILL when that does not help in time."""
        children.stop(self.process, within_seconds=within_seconds)


class Processes:
    """Starts processes for one test and ends them with it, the last first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._all: list[Running] = []

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] = NO_MORE,
        cwd: Path = ROOT,
    ) -> Running:
        """Start a command, from the project's root; `env` is added to this process's environment."""
        log = self.folder / f"{len(self._all)}-{name}.log"
        log.touch()
        process = children.start(command, log=log, env={**os.environ, **env}, cwd=cwd)
        running = Running(name, process, log)
        self._all.append(running)
        logs.watched[f"{name} (process {process.pid})"] = log
        return running

    def end(self) -> None:
        for running in reversed(self._all):
            running.resume()  # a paused process does not react to SIGTERM
            running.stop(within_seconds=5)
            del logs.watched[f"{running.name} (process {running.pid})"]


@pytest.fixture
def processes(tmp_path: Path) -> Generator[Processes]:
    """Starts processes for one test."""
    of_the_test = Processes(tmp_path)
    yield of_the_test
    of_the_test.end()
