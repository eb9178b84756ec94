"""From a moment to the bytes of an answer, made once for all who ask the same.

Nothing that takes long is done in the event loop: an answer is computed in a thread, in steps, and between two steps the
plan takes what was committed meanwhile.
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
"""Computes an answer, in a thread: at once where that takes some ms, else in steps."""


class ComputedAnswers:
    """Answers as bytes, computed once for all who ask the same, as many at a time as there is room for.

    Who asks what is known now while that is computed waits for the one after, together with all who ask the same.
    """

    def __init__(self, moments: Moments, limits: WorkLimiter, metrics: ApiMetrics) -> None:
        self._moments, self._limits, self._metrics = moments, limits, metrics
        self._shared = SharedAnswers(ANSWERS_BYTES)

    async def answer(
        self, plan: str, when: AskedMoment, name: str, question: Hashable, make: Make, *, keyed: bool
    ) -> ResponseContent:
        """What `make` answers to a question about a moment. Raises what `Moments.wait` raises, and what `make` does."""
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
        """Room to compute an answer about a moment, which is that when the room is there."""
        async with self._limits.room("answers", keyed=keyed):
            yield await self._moments.moment(plan, when)

    async def content(self, name: str, moment: Moment, make: Make) -> ResponseContent:
        """What `make` answers, as bytes. The caller holds room."""
        answer = await self.compute(name, moment, make)
        return await self._limits.in_thread("answers", lambda: content_of(answer.model_dump_json().encode()))

    async def compute(self, name: str, moment: Moment, make: Make) -> BaseModel:
        """What `make` answers. The caller holds room."""
        opened = moment.opened
        steps, seconds = _steps(make, moment), 0.0
        while True:
            # One request at a time waits for the plan, so that a fact that was committed does not wait for many.
            async with opened.turn, opened.lock:
                answer, took = await self._limits.in_thread("answers", _next, steps)
            seconds += took
            if answer is not None:
                self._metrics.figure_seconds.labels(name).observe(seconds)
                return answer


def _key(name: str, moment: Moment, question: Hashable) -> Hashable:
    return name, moment.opened.plan_facts.plan, moment.as_of, moment.known_at, question


def _steps(make: Make, moment: Moment) -> Steps:
    """The steps of an answer; `make` is called in the first."""
    made = make(moment)
    if isinstance(made, Generator):
        made = yield from made
    return made


def _next(steps: Steps) -> tuple[BaseModel | None, float]:
    """Take a step: the answer where it was the last one, and the seconds it took."""
    began = time.perf_counter()
    try:
        next(steps)
    except StopIteration as end:
        return end.value, time.perf_counter() - began
    return None, time.perf_counter() - began
