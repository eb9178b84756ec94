"""When `make` started us: hear what it hears, and end when it ends.

A Ctrl-C reaches make and us alike. But a SIGINT sent to make alone only makes it wait for us, for ever; and a SIGKILL
of make tells us nothing. So we ask the kernel for a SIGTERM when make has gone, and look whether it has taken down its
own SIGINT handler, which is the first thing it does once it was interrupted.
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
    """Begin to follow the process that started us, if it is make. Returns the question: was it told to stop?"""
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
