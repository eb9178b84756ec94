"""The state folder: the lock of the process that uses it, and the record of the version that made it.

The record (`state.json`) is written after everything that is made once. So a folder with other content and no record
was made by a version that had no record yet.
"""

import fcntl
import getpass
import json
import os
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from deploy.local import atomic_write, jars, secret

FORMAT = 2  # raised when events, facts or topics change so that what was written before can't be read
LOCK = "supervisor.lock"
RECORD = "state.json"
PATIENCE_SECONDS = 1.0  # the holder of the lock writes its process id right after it has it
RESET = "`make reset` throws it away, or set PANTAU_STATE to another folder"


class UnusableError(Exception):
    """The folder can't be used as it is: one line that says why and what to do."""


class TakenError(UnusableError):
    """Another supervisor holds the folder; the message names its process."""

    def __init__(self, state: Path, pid: int) -> None:
        super().__init__(f"Pantau already runs on {state} (process {pid}); `make stop` stops it.")
        self.pid = pid


@contextmanager
def held(state: Path) -> Generator[None]:
    """Hold the folder, made if need be, as this process. The kernel lets go when the process ends, however it ends.

    Raises UnusableError when another process holds it, or it can't be written.
    """
    refuse_unwritable(state)
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / LOCK).open("a+")
    except OSError as error:
        raise UnusableError(unwritable(state, f"{error.strerror}: {error.filename}")) from None
    with lock:
        if not _locked(lock):
            raise TakenError(state, _pid(state))
        try:
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
        except OSError as error:  # a full disk, say
            raise UnusableError(unwritable(state, str(error.strerror))) from None
        yield


def _locked(lock: IO[str]) -> bool:
    """Take the lock; False when another process keeps it. `holder` has it for a moment only."""
    ends = time.monotonic() + PATIENCE_SECONDS / 10
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                return False
            time.sleep(0.01)
        else:
            return True


def refuse_unwritable(state: Path) -> None:
    """Raise UnusableError when something in the folder belongs to another user, or to a read-only file system."""
    for path in _must_be_writable(state):
        if not os.access(path, os.W_OK):
            raise UnusableError(unwritable(state, f"user {getpass.getuser()} may not write {path}"))


def _must_be_writable(state: Path) -> Iterator[Path]:
    """The folder, what is in it, and where the broker writes."""
    if state.is_dir():
        yield state
        yield from state.iterdir()
        yield from (state / "kafka").glob("*")
        yield from (state / "kafka" / "data").glob("*")


def unwritable(state: Path, why: str) -> str:
    """The line for a folder that can't be written."""
    return (
        f"The state folder {state} can't be written ({why}): "
        "make it yours and writable, or set PANTAU_STATE to a folder that is."
    )


def prepare(state: Path, partitions: Mapping[str, int]) -> None:
    """Make what is made once, or check that what is there fits this version. Call it while the folder is held.

    `partitions`: their number by topic prefix, as this start wants them. Raises UnusableError.
    """
    refuse_misfit(state, partitions)
    recorded = read(state)
    if not recorded:
        secret.make(state)
    wanted = {
        "format": FORMAT,
        "kafka": jars.kafka_version(),
        "partitions": {**recorded.get("partitions", {}), **partitions},
    }
    if wanted != recorded:
        atomic_write.write(state / RECORD, json.dumps(wanted, indent=2) + "\n", mode=atomic_write.FOR_ALL)


def refuse_misfit(state: Path, partitions: Mapping[str, int]) -> None:
    """Raise UnusableError when the state in the folder was made by another version, or with other partitions."""
    recorded = read(state)
    if not recorded:
        if (state / "kafka" / "data").exists() or any(state.glob("*.db")):
            raise UnusableError(f"The state in {state} was made by an older version of Pantau: {RESET}.")
        return
    if recorded.get("format") != FORMAT:
        raise UnusableError(
            f"The state in {state} was made by another version of Pantau "
            f"(format {recorded.get('format')}, this one has {FORMAT}): {RESET}."
        )
    wrote, runs = str(recorded.get("kafka")), jars.kafka_version()
    if _release(wrote) > _release(runs):  # an older release can't read what a newer one wrote
        raise UnusableError(
            f"The state in {state} was written by Apache Kafka {wrote}, this version of Pantau runs {runs}: {RESET}."
        )
    for prefix, number in partitions.items():
        made_with = recorded.get("partitions", {}).get(prefix, number)
        if made_with != number:
            raise UnusableError(
                f"PANTAU_PARTITIONS is {number}, and the state in {state} was made with {made_with}, for good: "
                f"set PANTAU_PARTITIONS={made_with}, or begin anew: {RESET}."
            )


def _release(version: str) -> tuple[int, ...]:
    """Major and minor number of a version."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def read(state: Path) -> dict[str, Any]:
    """The record; empty when there is none. Raises UnusableError when it is damaged."""
    try:
        found = json.loads((state / RECORD).read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UnusableError(f"{state / RECORD} can't be read ({error}): {RESET}.") from None
    if not isinstance(found, dict):
        raise UnusableError(f"{state / RECORD} is not what Pantau writes there: {RESET}.")
    return found


def holder(state: Path) -> int | None:
    """The process that holds the folder; None when there is none."""
    try:
        lock = (state / LOCK).open()
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid(state)
    return None


def _pid(state: Path) -> int:
    """The id of the process that holds the lock, which it writes a moment after taking it."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not (text := (state / LOCK).read_text()).isdigit():
        if time.monotonic() > ends:
            raise UnusableError(f"A process that did not write its id holds {state / LOCK}: end it.")
        time.sleep(0.01)
    return int(text)
