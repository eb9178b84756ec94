"""Hearing that the process is to stop in time to end what would never end by itself.

uvicorn tells an app that it stops only when all connections are closed, and a stream's is not closed before it knows.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_stop(stop: Callable[[], None]) -> Generator[None]:
    """Call `stop` in the event loop when this process is told to end, before whoever handles the signal is told."""
    if threading.current_thread() is not threading.main_thread():  # signals are not heard here
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
