"""The state folder, and the lock that says whose it is while Pantau runs."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

LOCK = "supervisor.lock"


class TakenError(Exception):
    """Another supervisor holds the folder; says which process."""

    def __init__(self, state: Path, pid: int) -> None:
        super().__init__(f"Pantau already runs on {state} (process {pid}); `make stop` stops it.")
        self.pid = pid


@contextmanager
def held(state: Path) -> Generator[None]:
    """Hold the folder, made if need be, as this process. The kernel lets go when the process ends, however it ends."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TakenError(state, _pid(state)) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def holder(state: Path) -> int | None:
    """The process that holds the folder; None when nobody does."""
    if not (state / LOCK).exists():
        return None
    with (state / LOCK).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid(state)
    return None


def _pid(state: Path) -> int:
    return int((state / LOCK).read_text() or 0)
