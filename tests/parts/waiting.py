"""Waiting for something to become true, and free ports."""

import os
import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

PATIENCE_SECONDS = 120.0  # a second or two on an idle machine; tests share theirs
PORTS = range(15_000, 32_000)  # below those the kernel uses for outgoing connections

Found = TypeVar("Found")

_given: set[int] = set()


def until(predicate: Callable[[], Found], deadline: float = PATIENCE_SECONDS, *, what: str = "") -> Found:
    """Call `predicate` again and again until its result is true, and return that; fail after `deadline` seconds.

    What it raises counts as "not yet", and is shown when the time is over.
    """
    ends, value, raised = time.monotonic() + deadline, None, None
    while True:
        try:
            value, raised = predicate(), None
            if value:
                return value
        except Exception as error:
            raised = error
        if time.monotonic() > ends:
            wanted = what or getattr(predicate, "__name__", "it")
            raise AssertionError(f"{wanted} did not come true within {deadline} s; last answer: {value!r}") from raised
        time.sleep(0.02)


def free_port(in_a_row: int = 1) -> int:
    """A free port of 127.0.0.1, given out once in this run; the first of several in a row.

    It is still free for a server that stops and comes back. Every process of a run has a share of the ports.
    """
    share = _share_of_this_process()
    for number in random.sample(share, len(share)):
        wanted = range(number, number + in_a_row)
        if _given.isdisjoint(wanted) and wanted[-1] in share and all(map(_is_free, wanted)):
            _given.update(wanted)
            return number
    raise AssertionError("no free port found")


def _share_of_this_process() -> range:
    """Of the ports, those of this worker process of pytest-xdist; all where there are no others."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = len(PORTS) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return PORTS[number * size :][:size]


def _is_free(number: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", number))
        return True
    return False
