"""How much of each kind of work a process does at once, and how much of that is kept for callers with a key.

A kind has a capacity that all callers share. Callers without a key never take the reserved part of it, so that they
can't shut out the others, whatever addresses they come from. A caller for whom there is no room waits in a bounded
queue for a bounded time, and is refused with 429 and `Retry-After`. Room that becomes free goes to a key first.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple, ParamSpec, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.kit.http.problems import TooManyProblem

P = ParamSpec("P")
T = TypeVar("T")

CALLERS = {True: "key", False: "anonymous"}


class Limit(NamedTuple):
    """The bounds of a kind of work.

    `capacity`: at once. `reserved`: of them for callers with a key. `waiting`: how many more may wait, of those with a
    key and of those without. `wait_seconds`: for how long.
    """

    capacity: int
    reserved: int
    waiting: int = 0
    wait_seconds: float = 0.0


class WorkLimiter:
    """The kinds of work of a service. Belongs to one event loop."""

    def __init__(self, registry: CollectorRegistry, service: str, limits: Mapping[str, Limit]) -> None:
        metrics = _LimitMetrics(registry, service)
        self._kinds = {name: _Kind(name, limit, metrics) for name, limit in limits.items()}

    def in_use(self, kind: str) -> int:
        """How many are at it now."""
        return self._kinds[kind].in_use

    @asynccontextmanager
    async def room(self, kind: str, *, keyed: bool) -> AsyncGenerator[None]:
        """Hold room for one while the block runs. `keyed`: the caller has a key. Raises TooManyProblem."""
        found = self._kinds[kind]
        await found.take(keyed)
        try:
            yield
        finally:
            found.release(keyed)

    def hold(self, kind: str, *, keyed: bool) -> Callable[[], None]:
        """Hold room for one until what is returned is called. Raises TooManyProblem at once where there is none."""
        found = self._kinds[kind]
        found.take_at_once(keyed)
        return lambda: found.release(keyed)

    async def in_thread(self, kind: str, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `do` returns, called in a thread of the kind's own, of which it has as many as it has capacity."""

        def call() -> T:
            return do(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._kinds[kind].threads, call)

    async def run(self, kind: str, keyed: bool, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `do` returns, called in a thread when there is room. Raises TooManyProblem."""
        async with self.room(kind, keyed=keyed):
            return await self.in_thread(kind, do, *args, **kwargs)


class _Kind:
    """One kind of work."""

    def __init__(self, name: str, limit: Limit, metrics: "_LimitMetrics") -> None:
        self._name, self._limit = name, limit
        self._used = {True: 0, False: 0}
        self._queues: dict[bool, deque[asyncio.Future[None]]] = {True: deque(), False: deque()}
        self._refused = {keyed: metrics.refused.labels(metrics.service, name, who) for keyed, who in CALLERS.items()}
        self.threads = ThreadPoolExecutor(limit.capacity, thread_name_prefix=name)
        for keyed, who in CALLERS.items():
            metrics.in_use.labels(metrics.service, name, who).set_function(partial(self._used.__getitem__, keyed))
            metrics.capacity.labels(metrics.service, name, who).set(limit.capacity - (0 if keyed else limit.reserved))

    @property
    def in_use(self) -> int:
        return sum(self._used.values())

    def _fits(self, keyed: bool) -> bool:
        if self.in_use >= self._limit.capacity:
            return False
        return keyed or self._used[False] < self._limit.capacity - self._limit.reserved

    def take_at_once(self, keyed: bool) -> None:
        """Take room for one that is there."""
        if self._queues[keyed] or not self._fits(keyed):
            raise self._too_many(keyed)
        self._used[keyed] += 1

    async def take(self, keyed: bool) -> None:
        """Take room for one, or wait for it."""
        queue = self._queues[keyed]
        if not queue and self._fits(keyed):
            self._used[keyed] += 1
            return
        if len(queue) >= self._limit.waiting:
            raise self._too_many(keyed)
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(self._limit.wait_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.release(keyed)  # it came at the same moment
            elif turn in queue:
                queue.remove(turn)
            if isinstance(error, TimeoutError):
                raise self._too_many(keyed) from None
            raise

    def release(self, keyed: bool) -> None:
        """Give the room of one back, to who waits longest: of those with a key, then of the others."""
        self._used[keyed] -= 1
        for each in (True, False):
            queue = self._queues[each]
            while queue and self._fits(each):
                turn = queue.popleft()
                if not turn.done():
                    self._used[each] += 1
                    turn.set_result(None)

    def _too_many(self, keyed: bool) -> TooManyProblem:
        self._refused[keyed].inc()
        others = "" if keyed else " Some of it is kept for callers with a key."
        return TooManyProblem(f"There is no room for more {self._name} now.{others}")


class _LimitMetrics:
    """What a service tells Prometheus of its limits."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        labels = ("service", "kind", "caller")
        self.service = service
        self.in_use = Gauge("pantau_work_in_use", "Work being done, by kind.", labels, registry=registry)
        self.capacity = Gauge(
            "pantau_work_capacity", "How much of a kind of work a caller may take.", labels, registry=registry
        )
        self.refused = Counter(
            "pantau_work_refused_total", "Requests refused with 429, by kind of work.", labels, registry=registry
        )
