"""When `make` started us: stop when it is interrupted, and end when it ends.

A Ctrl-C reaches both make and us. But when SIGINT is sent to make alone, make only waits for us, for ever; and a SIGKILL
of make does not reach us. So the kernel sends us a SIGTERM when make has ended, and we check whether make has removed
its SIGINT handler, which is the first thing it does when it is interrupted.
"""

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def _never() -> bool:
    return False


def watch() -> Callable[[], bool]:
    """Begin to watch the process that started us, if it is make. Returns a function: was make interrupted?"""
    parent = Path("/proc") / str(os.getppid())
    if (parent / "comm").read_text().strip() not in {"make", "gmake"}:
        return _never
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if not _catches_interrupts(parent):  # started in the background, where SIGINT is ignored
        return _never
    return lambda: not _catches_interrupts(parent)


def _catches_interrupts(process: Path) -> bool:
    try:
        status = (process / "status").read_text()
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGINT - 1) & 1)
