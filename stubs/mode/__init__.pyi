from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from typing import Any

from mode.utils.locks import Event

class Service:
    beacon: Any
    loop: AbstractEventLoop

    @property
    def should_stop(self) -> bool: ...
    async def sleep(self, n: float) -> None: ...
    async def wait(self, *coros: Awaitable[Any] | Event, timeout: float | None = None) -> object: ...

class Signal:
    def connect(self, fun: Callable[..., Awaitable[None]], *, weak: bool = False) -> object: ...

class Worker(Service):
    def _schedule_shutdown(self, signal: Any) -> None: ...
