"""Tests that run in several processes (pytest-xdist): each has a broker, a database server and ports of its own.

A worker process of pytest dies with the process that started it, and all that its tests started dies with the worker
(`deploy.local.children`): a run that is killed leaves no process behind.
"""

import ctypes
import os
import signal
import sys
from typing import Any

import pytest

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
CONTROLLER = "controller"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker process, before it starts, the id of its controller. `node`: an xdist.workermanage.WorkerController."""
    node.workerinput[CONTROLLER] = os.getpid()


@pytest.hookimpl
def pytest_configure(config: pytest.Config) -> None:
    """Bind a worker process to its controller."""
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is None:
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != given[CONTROLLER]:  # it died before the kernel knew
        os.kill(os.getpid(), signal.SIGKILL)
