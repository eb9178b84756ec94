"""Computes responses about a moment, once for all concurrent requests for the same.

Nothing slow runs in the event loop: a response is computed in a thread, in steps, and between two steps the plan takes
in the facts that were committed meanwhile.
"""

import time
from collections.abc import AsyncGenerator, Callable, Generator, Hashable
from contextlib import asynccontextmanager

from pydantic import BaseModel

from services.aggregator.api.metrics import ApiMetrics
from services.aggregator.api.moments import AskedMoment, Moment, Moments
from services.kit.http.limits import WorkLimiter
from services.kit.http.responses import ResponseContent, content_of
from services.kit.http.single_flight import SharedAnswers

ANSWERS_BYTES = 32 * 1024 * 1024

Steps = Generator[None, None, BaseModel]
Make = Callable[[Moment], BaseModel | Steps]
"""A function that computes a response in a thread: at once where that takes some ms, else in steps."""


class ComputedAnswers:
    """Responses as bytes, computed once for all requests for the same, within the limits of work at once.

    A request for the latest state that arrives while one is computed waits for the next computation, which it shares
    with all later ones.
    """

    def __init__(self, moments: Moments, limits: WorkLimiter, metrics: ApiMetrics) -> None:
        self._moments, self._limits, self._metrics = moments, limits, metrics
        self._shared = SharedAnswers(ANSWERS_BYTES)

    async def answer(
        self, plan: str, when: AskedMoment, name: str, question: Hashable, make: Make, *, keyed: bool
    ) -> ResponseContent:
        """The response of `make` to a question about a moment. Raises as `Moments.wait` and `make` do."""
        await self._moments.wait(plan, when, keyed=keyed)
        moment = self._moments.moment_at_once(plan, when)
        found = self._shared.kept(_key(name, moment, question)) if moment else None
        if found is not None:
            return found
        line = (keyed, name, plan, when, question)

        async def in_turn() -> ResponseContent:
            async with self.at(plan, when, keyed=keyed) as moment:
                self._shared.begin(line)
                key = _key(name, moment, question)
                return self._shared.kept(key) or self._shared.keep(key, await self.content(name, moment, make))

        return await self._shared.once(line, in_turn)

    @asynccontextmanager
    async def at(self, plan: str, when: AskedMoment, *, keyed: bool) -> AsyncGenerator[Moment]:
        """Wait for a place to compute a response, and return the moment as of then."""
        async with self._limits.room("answers", keyed=keyed):
            yield await self._moments.moment(plan, when)

    async def content(self, name: str, moment: Moment, make: Make) -> ResponseContent:
        """The response of `make` as bytes. The caller holds a place."""
        answer = await self.compute(name, moment, make)
        return await self._limits.in_thread("answers", lambda: content_of(answer.model_dump_json().encode()))

    async def compute(self, name: str, moment: Moment, make: Make) -> BaseModel:
        """The response of `make`. The caller holds a place."""
        opened = moment.opened
        steps, seconds = _steps(make, moment), 0.0
        while True:
            # Only one request at a time waits for the plan's lock, so that committed facts do not wait for many.
            async with opened.turn, opened.lock:
                answer, took = await self._limits.in_thread("answers", _next, steps)
            seconds += took
            if answer is not None:
                self._metrics.figure_seconds.labels(name).observe(seconds)
                return answer


def _key(name: str, moment: Moment, question: Hashable) -> Hashable:
    return name, moment.opened.plan_facts.plan, moment.as_of, moment.known_at, question


def _steps(make: Make, moment: Moment) -> Steps:
    """The steps of a computation; `make` is called in the first."""
    made = make(moment)
    if isinstance(made, Generator):
        made = yield from made
    return made


def _next(steps: Steps) -> tuple[BaseModel | None, float]:
    """Run one step. Returns the response where it was the last step, else None, and the seconds it took."""
    began = time.perf_counter()
    try:
        next(steps)
    except StopIteration as end:
        return end.value, time.perf_counter() - began
    return None, time.perf_counter() - began
