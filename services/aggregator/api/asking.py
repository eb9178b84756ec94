"""From a request to the moment it asks about, and from the moment to the bytes of an answer, made once for all askers.

Only here is a clock read: for "today" where no date was asked for. Nothing that takes long is done in the event loop:
an answer is computed in a thread, in steps, and between two steps the plan's book takes what was committed meanwhile.
"""

import time
from collections.abc import AsyncGenerator, Callable, Generator, Hashable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from services.aggregator.api.books import Books, OpenBook
from services.aggregator.api.figures import TIME_ZONE, Moment
from services.aggregator.api.metrics import ApiMetrics
from services.kit.http.limits import WorkLimiter
from services.kit.http.problems import NotFoundProblem, UnavailableProblem
from services.kit.http.responses import Content, content_of
from services.kit.http.single_flight import SharedAnswers
from services.kit.projection.follower import Projection

WAIT_SECONDS = 5.0
AHEAD_AT_MOST = 100_000  # facts that may come while a request waits for a `seq`
ANSWERS_BYTES = 32 * 1024 * 1024

Clock = Callable[[], datetime]
Steps = Generator[None, None, BaseModel]
Make = Callable[[Moment], BaseModel | Steps]
"""Computes an answer, in a thread: at once where that takes some ms, else in steps."""


def utc_now() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


def date_in(zone: str | None, moment: datetime) -> date:
    """The date it is in a time zone; None: that of a plan which has said nothing of itself yet."""
    return moment.astimezone(ZoneInfo(zone or TIME_ZONE)).date()


def time_zone(opened: OpenBook) -> str | None:
    """The time zone of a plan: that of its highest version."""
    highest = max(opened.book.versions, key=lambda version: version.number, default=None)
    return highest.plan.time_zone if highest else None


class When(NamedTuple):
    """The part of a question that says which moment is meant."""

    as_of: date | None
    known_at: int | datetime | None
    min_seq: int | None


class Asking:
    """Finds the moment a request asks about."""

    def __init__(self, books: Books, projection: Projection, limits: WorkLimiter, now: Clock) -> None:
        self._books, self._projection, self._limits, self._now = books, projection, limits, now

    async def wait(self, plan: str, when: When, *, keyed: bool) -> None:
        """Wait, bounded, until what is asked about is known: `min_seq`, or a `known_at` that is a `seq`.

        Raises NotFoundProblem for an unknown plan, UnavailableProblem where a fact does not come, TooManyProblem.
        """
        asked = max(when.min_seq or 0, when.known_at if isinstance(when.known_at, int) else 0)

        def known() -> int:
            return self._books.seq(plan) or 0

        if known() < asked <= known() + AHEAD_AT_MOST:
            async with self._limits.room("waits", keyed=keyed):
                await self._projection.wait_until(lambda: known() >= asked, WAIT_SECONDS)
        if known() < asked:
            raise UnavailableProblem(f"seq {asked} of {plan} is not known here yet; the last known is {known()}.")
        if self._books.seq(plan) is None:
            raise NotFoundProblem(f"There is no plan {plan}.")

    async def open(self, plan: str, *, keyed: bool) -> OpenBook:
        """The book of a plan. Raises NotFoundProblem, UnavailableProblem, TooManyProblem."""
        await self.wait(plan, When(None, None, None), keyed=keyed)
        opened = self._books.peek(plan)
        if opened is not None:
            return opened
        async with self._limits.room("answers", keyed=keyed):
            return await self._books.open(plan)

    async def opened(self, plan: str) -> OpenBook:
        """The book of a known plan, for who holds room already."""
        return await self._books.open(plan)

    async def moment(self, plan: str, when: When) -> Moment:
        """The moment asked about, of a plan and `seq` that are known."""
        opened = await self._books.open(plan)
        if isinstance(when.known_at, datetime):  # looked for among the times of all facts
            seq = await self._limits.in_thread("answers", opened.seq_at, when.known_at)
            return Moment(opened, when.as_of or self.today(opened), seq)
        return self._moment(opened, when.as_of, when.known_at)

    def moment_at_once(self, plan: str, when: When) -> Moment | None:
        """The same where that takes no time; else None."""
        opened = self._books.peek(plan)
        if opened is None or isinstance(when.known_at, datetime):
            return None
        return self._moment(opened, when.as_of, when.known_at)

    def _moment(self, opened: OpenBook, as_of: date | None, known_at: int | None) -> Moment:
        seq = opened.seq if known_at is None else known_at
        return Moment(opened, as_of or self.today(opened), seq, latest=known_at is None)

    def today(self, opened: OpenBook) -> date:
        """The date it is in a plan's time zone."""
        return date_in(time_zone(opened), self._now())


class Answers:
    """Answers as bytes, computed once for all who ask the same, as many at a time as there is room for.

    Who asks what is known now while that is computed waits for the one after, together with all who ask the same.
    """

    def __init__(self, asking: Asking, limits: WorkLimiter, metrics: ApiMetrics) -> None:
        self._asking, self._limits, self._metrics = asking, limits, metrics
        self._shared = SharedAnswers(ANSWERS_BYTES)

    async def answer(self, plan: str, when: When, name: str, question: Hashable, make: Make, *, keyed: bool) -> Content:
        """What `make` answers to a question about a moment. Raises what `Asking.wait` raises, and what `make` does."""
        await self._asking.wait(plan, when, keyed=keyed)
        moment = self._asking.moment_at_once(plan, when)
        found = self._shared.kept(_key(name, moment, question)) if moment else None
        if found is not None:
            return found
        line = (keyed, name, plan, when, question)

        async def in_turn() -> Content:
            async with self.at(plan, when, keyed=keyed) as moment:
                self._shared.begin(line)
                key = _key(name, moment, question)
                return self._shared.kept(key) or self._shared.keep(key, await self.content(name, moment, make))

        return await self._shared.once(line, in_turn)

    @asynccontextmanager
    async def at(self, plan: str, when: When, *, keyed: bool) -> AsyncGenerator[Moment]:
        """Room to compute an answer about a moment, which is that when the room is there."""
        async with self._limits.room("answers", keyed=keyed):
            yield await self._asking.moment(plan, when)

    async def content(self, name: str, moment: Moment, make: Make) -> Content:
        """What `make` answers, as bytes. For who holds room."""
        answer = await self.compute(name, moment, make)
        return await self._limits.in_thread("answers", lambda: content_of(answer.model_dump_json().encode()))

    async def compute(self, name: str, moment: Moment, make: Make) -> BaseModel:
        """What `make` answers. For who holds room."""
        opened = moment.opened
        steps, seconds = _steps(make, moment), 0.0
        while True:
            # One who computes waits for the book at a time, so that a fact that was committed does not wait for many.
            async with opened.turn, opened.lock:
                answer, took = await self._limits.in_thread("answers", _next, steps)
            seconds += took
            if answer is not None:
                self._metrics.figure_seconds.labels(name).observe(seconds)
                return answer


def _key(name: str, moment: Moment, question: Hashable) -> Hashable:
    return name, moment.opened.book.plan, moment.as_of, moment.known_at, question


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
