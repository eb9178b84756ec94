"""From a request to the moment it asks about, and from the moment to the bytes of an answer, made once for all askers.

Only here is a clock read: for "today" where no date was asked for.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from services.aggregator.api.books import Books, OpenBook
from services.aggregator.api.figures import TIME_ZONE, Moment
from services.aggregator.api.metrics import ApiMetrics
from services.kit.problems import NotFoundProblem, UnavailableProblem
from services.kit.projection import Projection

WAIT_SECONDS = 5.0
ANSWERS_BYTES = 32 * 1024 * 1024

Clock = Callable[[], datetime]
Make = Callable[[Moment], BaseModel]


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

    def __init__(self, books: Books, projection: Projection, now: Clock) -> None:
        self._books, self._projection, self._now = books, projection, now

    async def open(self, plan: str, min_seq: int = 0) -> OpenBook:
        """A plan's book with all facts up to `min_seq`, for which it waits.

        Raises NotFoundProblem where nobody has spoken of the plan, UnavailableProblem where a fact does not come.
        """

        def there() -> bool:
            return (self._books.seq(plan) or 0) >= min_seq

        if min_seq and not await self._projection.wait_until(there, WAIT_SECONDS):
            known = self._books.seq(plan) or 0
            raise UnavailableProblem(f"seq {min_seq} of {plan} is not known here yet; the last known is {known}.")
        if self._books.seq(plan) is None:
            if not self._projection.caught_up:
                raise UnavailableProblem("The book is still being read; which plans there are is not known yet.")
            raise NotFoundProblem(f"There is no plan {plan}.")
        return await self._books.open(plan)

    async def moment(self, plan: str, when: When) -> Moment:
        """The moment asked about. A `known_at` that is a `seq` is waited for, like `min_seq`."""
        asked_seq = when.known_at if isinstance(when.known_at, int) else 0
        opened = await self.open(plan, max(when.min_seq or 0, asked_seq))
        match when.known_at:
            case None:
                seq = opened.seq
            case int():
                seq = when.known_at
            case _:
                seq = opened.seq_at(when.known_at)
        return Moment(opened, when.as_of or self.today(opened), seq, latest=when.known_at is None)

    def today(self, opened: OpenBook) -> date:
        """The date it is in a plan's time zone."""
        return date_in(time_zone(opened), self._now())


class Answers:
    """Answers as bytes, each made once: the least lately asked for are forgotten when they fill their room.

    One that takes long is made in a thread, one at a time for each plan. Who asks what is known now while that goes on
    waits for the one after, together with all who ask the same: however many ask, at most two are made or waited for.
    """

    def __init__(self, metrics: ApiMetrics) -> None:
        self._metrics = metrics
        self._made: OrderedDict[Hashable, bytes] = OrderedDict()
        self._waiting: dict[Hashable, asyncio.Task[bytes]] = {}
        self._bytes = 0

    def now(self, name: str, moment: Moment, question: Hashable, make: Make) -> bytes:
        """What `make` answers to a question about a moment."""
        key = (name, moment.opened.book.plan, moment.as_of, moment.known_at, question)
        return self._had(key) or self._keep(key, self._timed(name, moment, make))

    async def later(self, name: str, moment: Moment, question: Hashable, make: Make) -> bytes:
        """The same for what takes long. Where the moment is `latest`, the answer may know more."""
        known_at = None if moment.latest else moment.known_at
        line = (name, moment.opened.book.plan, moment.as_of, known_at, question)
        task = self._waiting.get(line)
        if task is None:
            task = self._waiting[line] = asyncio.create_task(self._in_turn(line, name, moment, question, make))
        return await asyncio.shield(task)

    async def _in_turn(self, line: Hashable, name: str, moment: Moment, question: Hashable, make: Make) -> bytes:
        opened = moment.opened
        async with opened.turn, opened.lock:
            del self._waiting[line]
            if moment.latest:
                moment = replace(moment, known_at=opened.seq)
            key = (name, opened.book.plan, moment.as_of, moment.known_at, question)
            return self._had(key) or self._keep(key, await asyncio.to_thread(self._timed, name, moment, make))

    def _timed(self, name: str, moment: Moment, make: Make) -> bytes:
        with self._metrics.figure_seconds.labels(name).time():
            return make(moment).model_dump_json().encode()

    def _had(self, key: Hashable) -> bytes | None:
        if key in self._made:
            self._made.move_to_end(key)
        return self._made.get(key)

    def _keep(self, key: Hashable, answer: bytes) -> bytes:
        self._made[key] = answer
        self._bytes += len(answer)
        while self._bytes > ANSWERS_BYTES:
            self._bytes -= len(self._made.popitem(last=False)[1])
        return answer
