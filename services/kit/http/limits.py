"""Limits how much of each kind of work a process does at once, with a part reserved for callers with a key.

A kind has a capacity that all callers share. Callers without a key never use its reserved part, so that they can't
block callers with a key, whatever addresses they use. When the capacity is used up, a request waits in a bounded queue
for a bounded time, and is then refused with 429 and `Retry-After`. Capacity that becomes free goes to callers with a
key first.
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

    `capacity`: how many at once. `reserved`: how many of them only for callers with a key. `waiting`: how many more may
    wait, counted separately with and without a key. `wait_seconds`: how long each may wait.
    """

    capacity: int
    reserved: int
    waiting: int = 0
    wait_seconds: float = 0.0


class WorkLimiter:
    """The limits of a service, by kind of work. Used in one event loop only."""

    def __init__(self, registry: CollectorRegistry, service: str, limits: Mapping[str, Limit]) -> None:
        metrics = _LimitMetrics(registry, service)
        self._kinds = {name: _Kind(name, limit, metrics) for name, limit in limits.items()}

    def in_use(self, kind: str) -> int:
        """How many are running now."""
        return self._kinds[kind].in_use

    @asynccontextmanager
    async def room(self, kind: str, *, keyed: bool) -> AsyncGenerator[None]:
        """Occupy one place while the block runs. `keyed`: the caller has a key. Raises TooManyProblem."""
        found = self._kinds[kind]
        await found.take(keyed)
        try:
            yield
        finally:
            found.release(keyed)

    def hold(self, kind: str, *, keyed: bool) -> Callable[[], None]:
        """Occupy one place until the returned function is called. Raises TooManyProblem at once where none is free."""
        found = self._kinds[kind]
        found.take_at_once(keyed)
        return lambda: found.release(keyed)

    async def in_thread(self, kind: str, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `do` in a thread of the kind's own pool, which has as many threads as the kind has capacity."""

        def call() -> T:
            return do(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._kinds[kind].threads, call)

    async def run(self, kind: str, keyed: bool, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `do` in a thread once a place is free. Raises TooManyProblem."""
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
        """Occupy a free place."""
        if self._queues[keyed] or not self._fits(keyed):
            raise self._too_many(keyed)
        self._used[keyed] += 1

    async def take(self, keyed: bool) -> None:
        """Occupy a place, waiting for one to become free."""
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
                self.release(keyed)  # a place became free at the same moment
            elif turn in queue:
                queue.remove(turn)
            if isinstance(error, TimeoutError):
                raise self._too_many(keyed) from None
            raise

    def release(self, keyed: bool) -> None:
        """Free a place, for the longest waiting request with a key, else the longest waiting one without."""
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
        others = "" if keyed else " Some capacity is reserved for callers with a key."
        return TooManyProblem(f"Too many {self._name} at once; try again later.{others}")


class _LimitMetrics:
    """The Prometheus metrics of a service's limits."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        labels = ("service", "kind", "caller")
        self.service = service
        self.in_use = Gauge("pantau_work_in_use", "Work being done, by kind.", labels, registry=registry)
        self.capacity = Gauge(
            "pantau_work_capacity", "How much of a kind of work callers may use at once.", labels, registry=registry
        )
        self.refused = Counter(
            "pantau_work_refused_total", "Requests refused with 429, by kind of work.", labels, registry=registry
        )
