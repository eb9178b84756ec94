"""What event loops spend on one callback at a time, by the processor: meanwhile no other request is served."""

import gc
import time
from asyncio import events
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple


class Callback(NamedTuple):
    """A callback and the seconds of the processor it took. Not what it waited for: that is of the machine."""

    seconds: float
    what: str


@contextmanager
def watched() -> Generator[list[Callback]]:
    """The longest callback of all loops of this process while the block runs, as a list of one, or none.

    Without the garbage collector, which would look through all that the tests made in whichever callback it begins.
    """
    longest: list[Callback] = []
    run = events.Handle._run

    def measured(handle: events.Handle) -> None:
        began = time.thread_time()
        run(handle)
        seconds = time.thread_time() - began
        if not longest or seconds > longest[0].seconds:
            longest[:] = [Callback(seconds, repr(handle))]

    gc.collect()
    gc.disable()
    events.Handle._run = measured  # type: ignore[method-assign, assignment]  # there is no hook for it
    try:
        yield longest
    finally:
        gc.enable()
        events.Handle._run = run  # type: ignore[method-assign]  # as above
