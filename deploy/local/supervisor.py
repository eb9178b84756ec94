"""Keeps a few processes running, and stops them in order. Which ones is data (see `run`).

Services come in stages: one starts when all of the stages before it are ready, also when it starts again. One that
leaves is started again, each time a little later; one that keeps leaving ends the whole. Stopping goes backwards.

One thread, no handlers: the signals that mean "stop" are blocked and fetched where we wait, so nothing is ever
interrupted halfway, and it makes no difference whether we were started with SIGINT ignored. Each child is bound to this
process by the kernel (see `bound`): when we are killed, they are.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import children

STOP = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
LOOK_SECONDS = 0.2  # between two looks at what is not ready yet
REMIND_SECONDS = 15.0
LEAVES_ALLOWED = 5
LEAVES_WITHIN_SECONDS = 60.0
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 4.0

Ready = Callable[[], str | None]
"""Asks whether a service is ready: None when it is, otherwise what it waits for. Answers within half a second."""


@dataclass(frozen=True)
class Service:
    """A process that always runs."""

    name: str
    command: Sequence[str]
    ready: Ready
    stop_within_seconds: float


@dataclass(frozen=True)
class Task:
    """A process that runs once when all services are ready; what it says is shown."""

    name: str
    command: Sequence[str]
    stop_within_seconds: float


class Asked(Exception):  # noqa: N818 - a wish, not an error
    """Somebody wants us to stop."""


class CrashLoopError(Exception):
    """A service keeps leaving."""


def say(who: str, what: str) -> None:
    """A line for the person who started us, who may have stopped listening."""
    with suppress(OSError):
        print(f"{who:<8} {what}", flush=True)


@dataclass
class _Kept:
    """A service as it is now."""

    service: Service
    log: Path
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    started_at: float = 0.0
    start_at: float = 0.0
    remind_at: float = 0.0
    left_at: list[float] = field(default_factory=list)

    def start(self, env: Mapping[str, str], cwd: Path) -> None:
        self.process = children.start(self.service.command, log=self.log, env=env, cwd=cwd)
        self.started_at = time.monotonic()
        self.remind_at = self.started_at + REMIND_SECONDS
        say(self.service.name, f"starting (process {self.process.pid})")

    def look_whether_left(self) -> None:
        """Note that it left, and when it may start again."""
        if self.process is None or self.process.poll() is None:
            return
        children.kill(self.process)  # what it may have started itself
        now, code = time.monotonic(), self.process.returncode
        self.process, self.ready = None, False
        self.left_at = [at for at in self.left_at if at > now - LEAVES_WITHIN_SECONDS] + [now]
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"left with code {code}"
        if len(self.left_at) >= LEAVES_ALLOWED:
            raise CrashLoopError(
                f"{how}, for the {len(self.left_at)}th time within a minute; giving up. "
                f"The end of {self.log}:\n{_last_lines(self.log)}"
            )
        backoff = min(FIRST_BACKOFF_SECONDS * 2 ** (len(self.left_at) - 1), LONGEST_BACKOFF_SECONDS)
        self.start_at = now + backoff
        say(self.service.name, f"{how}; starting it again in {backoff:g} s (log: {self.log})")

    def look_whether_ready(self) -> None:
        if self.process is None or self.ready:
            return
        waits_for, now = self.service.ready(), time.monotonic()
        if waits_for is None:
            self.ready = True
            say(self.service.name, f"ready after {now - self.started_at:.1f} s")
        elif now > self.remind_at:
            self.remind_at = now + REMIND_SECONDS
            say(self.service.name, f"not ready yet: {waits_for} (log: {self.log})")


class Supervisor:
    """Runs stages of services, then a task, until asked to stop."""

    def __init__(
        self,
        stages: Sequence[Sequence[Service]],
        *,
        logs: Path,
        env: Mapping[str, str],
        cwd: Path,
        when_ready: Callable[[], None],
        then: Task | None = None,
        told_to_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stages = [[_Kept(service, logs / f"{service.name}.log") for service in stage] for stage in stages]
        self._env, self._cwd = env, cwd
        self._when_ready = when_ready
        self._task = then
        self._task_process: subprocess.Popen[bytes] | None = None
        self._told_to_stop = told_to_stop
        self._announced = False

    @property
    def _kept(self) -> list[_Kept]:
        return [kept for stage in self._stages for kept in stage]

    def run(self) -> int:
        """Run until a signal says stop. The exit code: 0 when asked, 1 when a service kept leaving."""
        for number in (*STOP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {*STOP, signal.SIGCHLD})
        for kept in self._kept:
            _put_away(kept.log)
        code = 0
        try:
            while True:
                if self._tend() and not self._announced:
                    self._announced = True
                    self._begin()
                self._look_at_task()
                self._wait(LOOK_SECONDS if not all(kept.ready for kept in self._kept) else 1.0)
        except Asked as asked:
            say("pantau", f"stopping ({asked})")
        except CrashLoopError:
            code = 1
        finally:
            self._stop()
        return code

    def _tend(self) -> bool:
        """Start what should run and does not. Returns whether everything is ready."""
        earlier_ready = True
        for stage in self._stages:
            for kept in stage:
                self._wait(0)
                try:
                    kept.look_whether_left()
                except CrashLoopError as loop:
                    say(kept.service.name, str(loop))
                    raise
                if kept.process is None and earlier_ready and time.monotonic() >= kept.start_at:
                    kept.start(self._env, self._cwd)
                kept.look_whether_ready()
            earlier_ready = earlier_ready and all(kept.ready for kept in stage)
        return earlier_ready

    def _begin(self) -> None:
        with suppress(OSError):
            self._when_ready()
        if self._task:
            self._task_process = children.start(self._task.command, env=self._env, cwd=self._cwd)

    def _look_at_task(self) -> None:
        if self._task and self._task_process and self._task_process.poll() is not None:
            if self._task_process.returncode != 0:
                say(self._task.name, f"left with code {self._task_process.returncode}; what runs goes on without it")
            self._task_process = None

    def _wait(self, seconds: float) -> None:
        """Wait, at most so long, until a child leaves; or until somebody says stop."""
        if self._told_to_stop():
            raise Asked("make was interrupted")
        got = signal.sigtimedwait({*STOP, signal.SIGCHLD}, seconds)
        if got and got.si_signo in STOP:
            raise Asked(signal.Signals(got.si_signo).name)

    def _stop(self) -> None:
        """Stop the task, then the services, last to first. Each has its time; they add up to less than 7 s."""
        if self._task and self._task_process:
            children.stop(self._task_process, within_seconds=self._task.stop_within_seconds)
        for kept in reversed(self._kept):
            if kept.process is None:
                continue
            limit, began = kept.service.stop_within_seconds, time.monotonic()
            if children.stop(kept.process, within_seconds=limit):
                say(kept.service.name, f"stopped after {time.monotonic() - began:.1f} s")
            else:
                say(kept.service.name, f"did not stop within {limit:g} s: killed")


def _put_away(log: Path) -> None:
    """Keep the last run's log beside this run's."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))


def _last_lines(log: Path, number: int = 20) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-number:])
