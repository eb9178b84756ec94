"""Waiting for something to become true, and ports nobody uses."""

import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Found = TypeVar("Found")

_given: set[int] = set()


def until(predicate: Callable[[], Found], deadline: float = 30.0, *, what: str = "") -> Found:
    """Ask `predicate` again and again until it is true, and return what it said; fail after `deadline` seconds.

    What it raises counts as "not yet", and is shown when the time is over.
    """
    ends, said, raised = time.monotonic() + deadline, None, None
    while True:
        try:
            said, raised = predicate(), None
            if said:
                return said
        except Exception as error:
            raised = error
        if time.monotonic() > ends:
            wanted = what or getattr(predicate, "__name__", "it")
            raise AssertionError(f"{wanted} did not come true within {deadline} s; last answer: {said!r}") from raised
        time.sleep(0.02)


def free_port(in_a_row: int = 1) -> int:
    """A port of 127.0.0.1 that nobody holds, given to nobody else in this run; the first of several in a row.

    Taken below the range the kernel uses for outgoing connections, so that it is still free for a server that stops
    and comes back.
    """
    for number in random.sample(range(15_000, 32_000), 1_000):
        wanted = range(number, number + in_a_row)
        if _given.isdisjoint(wanted) and all(map(_is_free, wanted)):
            _given.update(wanted)
            return number
    raise AssertionError("no free port found")


def _is_free(number: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", number))
        return True
    return False
