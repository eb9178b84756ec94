"""Starting and stopping processes that never outlive the one that started them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

BOUND = Path(__file__).with_name("child_of.py")


def start(
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command bound to this process, in a session of its own so that a Ctrl-C reaches it only through us.

    Its output is appended to `log`; without one it shares our output. Call it from the main thread (see child_of.py).
    """
    bound = [sys.executable, "-I", "-S", str(BOUND), str(os.getpid()), *map(str, command)]
    if log is None:
        return subprocess.Popen(bound, env=env, cwd=cwd, stdin=subprocess.DEVNULL, start_new_session=True)
    with log.open("ab") as file:
        return subprocess.Popen(
            bound,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], *, within_seconds: float) -> bool:
    """Send SIGTERM; after the time, SIGKILL to the child and all it started. Returns whether it ended by itself."""
    process.terminate()
    try:
        process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        kill(process)
        return False
    _kill_group(process)
    return True


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a child and all it started."""
    _kill_group(process)
    process.kill()
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """A child leads a session, hence a process group, of its own; the group has the child's id."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
