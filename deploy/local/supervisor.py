"""Keeps a few processes running, and stops them in order. Which ones is data (see `run`).

Services come in stages: one starts when those of the stages before it are ready, or have failed and wait for their next
try. One that exits is started again, each time after a longer pause; the others go on. They stop in reverse order.

One thread, no handlers: the signals that mean "stop" are blocked and fetched where we wait, so they interrupt no step
halfway, and work even if we were started with SIGINT ignored. The kernel kills each child when we are killed (see
child_of.py).
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from deploy.local import children
from deploy.local.exit_reason import last_reason
from deploy.local.status import ProcessStatus

STOP = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
LOOK_SECONDS = 0.2  # between two looks at what is not ready yet
REMIND_SECONDS = 15.0
FAILURES_SHOWN = 3  # in a row, until it is announced that the others run without it
LOG_LIMIT_BYTES = 64 * 1024**2  # of all runs of a service together: one that fails for ever must not fill the disk

Ready = Callable[[], str | None]
"""None when a service is ready, otherwise what it waits for. Returns within half a second."""


@dataclass(frozen=True)
class Service:
    """A process that always runs."""

    name: str
    command: Sequence[str]
    ready: Ready
    stop_within_seconds: float


@dataclass(frozen=True)
class Task:
    """A process that runs once when all services are ready; its output is shown."""

    name: str
    command: Sequence[str]
    stop_within_seconds: float


class StopRequested(Exception):  # noqa: N818 - a request, not an error
    """A signal, or an interrupted make, asks us to stop."""


def announce(who: str, what: str) -> None:
    """Print a line for the person who started us; their terminal may be closed."""
    with suppress(OSError):
        print(f"{who:<8} {what}", flush=True)


class Backoff(NamedTuple):
    """How long to wait before a service is started again, and after what time of running it counts as healthy."""

    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    settled_seconds: float = 120.0  # longer than a worker waits for progress before it exits

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return float(min(self.first_seconds * 2 ** min(failures - 1, 32), self.longest_seconds))


BACKOFF = Backoff()


@dataclass
class _RunningService:
    """A service as it is now."""

    service: Service
    log: Path
    backoff: Backoff
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    started_at: float = 0.0
    start_at: float = 0.0
    remind_at: float = 0.0
    log_began_at: int = 0  # the size of the log when this run began
    failures: int = 0  # in a row
    reason: str = ""
    failed_at: str = ""

    @property
    def status(self) -> ProcessStatus:
        pid = self.process.pid if self.process else None
        return ProcessStatus(self.service.name, pid, self.ready, self.failures, self.reason, self.failed_at)

    @property
    def settled(self) -> bool:
        """Whether the next stage need not wait for it."""
        return self.ready or self.failures > 0

    def start(self, env: Mapping[str, str], cwd: Path) -> None:
        """Start it. Not being able to start is a failure like any other."""
        try:
            if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
                _put_away(self.log)
            self.log_began_at = self.log.stat().st_size if self.log.exists() else 0
            self.process = children.start(self.service.command, log=self.log, env=env, cwd=cwd)
        except OSError as error:
            self._failed(f"could not be started: {error}")
            return
        self.started_at = time.monotonic()
        self.remind_at = self.started_at + REMIND_SECONDS
        announce(self.service.name, f"starting (process {self.process.pid})")

    def look_whether_exited(self) -> bool:
        """Note that it exited, and when it may start again. Returns whether anything changed."""
        if self.process is None:
            return False
        if self.process.poll() is None:
            return self._settle()
        children.kill(self.process)  # and all that it started
        code = self.process.returncode
        self.process, self.ready = None, False
        if code < 0:
            self._failed(f"was ended by {signal.Signals(-code).name}")
        else:
            self._failed(f"exited with code {code}: {last_reason(self.log, self.log_began_at)}")
        return True

    def _settle(self) -> bool:
        if not (self.ready and self.failures and time.monotonic() - self.started_at > self.backoff.settled_seconds):
            return False
        self.failures = 0
        return True

    def _failed(self, reason: str) -> None:
        self.failures += 1
        self.reason, self.failed_at = reason, datetime.now(UTC).isoformat(timespec="seconds")
        pause = self.backoff.pause(self.failures)
        self.start_at = time.monotonic() + pause
        announce(self.service.name, f"{reason}; starting it again in {pause:g} s (log: {self.log})")

    def look_whether_ready(self) -> bool:
        """Note that it is ready now. Returns whether anything changed."""
        if self.process is None or self.ready:
            return False
        waits_for, now = self.service.ready(), time.monotonic()
        if waits_for is None:
            self.ready = True
            announce(self.service.name, f"ready after {now - self.started_at:.1f} s")
        elif now > self.remind_at:
            self.remind_at = now + REMIND_SECONDS
            announce(self.service.name, f"not ready yet: {waits_for} (log: {self.log})")
        return self.ready


class Supervisor:
    """Runs stages of services, then a task, until asked to stop."""

    def __init__(
        self,
        stages: Sequence[Sequence[Service]],
        *,
        logs: Path,
        env: Mapping[str, str],
        cwd: Path,
        when_ready: Callable[[Sequence[str]], None],
        when_changed: Callable[[Sequence[ProcessStatus]], None],
        then: Task | None = None,
        asked_to_stop: Callable[[], bool] = lambda: False,
        backoff: Backoff = BACKOFF,
    ) -> None:
        """`when_ready` is called with the names of services that keep failing, and again without when all are ready."""
        self._stages = [
            [_RunningService(service, logs / f"{service.name}.log", backoff) for service in stage] for stage in stages
        ]
        self._env, self._cwd = env, cwd
        self._when_ready, self._when_changed = when_ready, when_changed
        self._task = then
        self._task_process: subprocess.Popen[bytes] | None = None
        self._asked_to_stop = asked_to_stop
        self._announced: list[str] | None = None  # the services that were missing in the last announcement

    @property
    def _kept(self) -> list[_RunningService]:
        return [kept for stage in self._stages for kept in stage]

    def run(self) -> None:
        """Run until a signal says stop."""
        for number in (*STOP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {*STOP, signal.SIGCHLD})
        for kept in self._kept:
            _put_away(kept.log)
        try:
            while True:
                self._tend()
                self._announce()
                self._look_at_task()
                self._wait(LOOK_SECONDS if not all(kept.ready for kept in self._kept) else 1.0)
        except StopRequested as asked:
            announce("pantau", f"stopping ({asked})")
        finally:
            self._stop()

    def _tend(self) -> None:
        """Start what should run and does not."""
        earlier_settled = True
        for stage in self._stages:
            for kept in stage:
                self._wait(0)
                changed = kept.look_whether_exited()
                if kept.process is None and earlier_settled and time.monotonic() >= kept.start_at:
                    kept.start(self._env, self._cwd)
                    changed = True
                if kept.look_whether_ready() or changed:
                    self._when_changed([each.status for each in self._kept])
            earlier_settled = earlier_settled and all(kept.settled for kept in stage)

    def _announce(self) -> None:
        """Announce that all are ready, or that some keep failing; start the task when all are ready."""
        waiting = [kept for kept in self._kept if not kept.ready]
        if self._announced == [] or any(kept.failures < FAILURES_SHOWN for kept in waiting):
            return
        missing = [kept.service.name for kept in waiting]
        if missing and self._announced is not None:  # announced once; each failure has a line of its own
            return
        self._announced = missing
        with suppress(OSError):
            self._when_ready(missing)
        if self._task and not missing:
            try:
                self._task_process = children.start(self._task.command, env=self._env, cwd=self._cwd)
            except OSError as error:
                announce(self._task.name, f"could not be started: {error}")

    def _look_at_task(self) -> None:
        if self._task and self._task_process and self._task_process.poll() is not None:
            if self._task_process.returncode != 0:
                announce(
                    self._task.name, f"exited with code {self._task_process.returncode}; the others go on without it"
                )
            self._task_process = None

    def _wait(self, seconds: float) -> None:
        """Wait, at most so long, until a child exits. Raises StopRequested when asked to stop."""
        if self._asked_to_stop():
            raise StopRequested("make was interrupted")
        got = signal.sigtimedwait({*STOP, signal.SIGCHLD}, seconds)
        if got and got.si_signo in STOP:
            raise StopRequested(signal.Signals(got.si_signo).name)

    def _stop(self) -> None:
        """Stop the task, then the services, last to first. Each has its time; they add up to less than 7 s."""
        if self._task and self._task_process:
            children.stop(self._task_process, within_seconds=self._task.stop_within_seconds)
        for kept in reversed(self._kept):
            if kept.process is None:
                continue
            limit, began = kept.service.stop_within_seconds, time.monotonic()
            if children.stop(kept.process, within_seconds=limit):
                announce(kept.service.name, f"stopped after {time.monotonic() - began:.1f} s")
            else:
                announce(kept.service.name, f"did not stop within {limit:g} s: killed")


def _put_away(log: Path) -> None:
    """Keep the last run's log beside this run's."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
