"""From a request to the moment it asks about, and from the moment to the bytes of an answer, made once for all askers.

Only here is a clock read: for "today" where no date was asked for.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
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
        return Moment(opened, when.as_of or self.today(opened), seq)

    def today(self, opened: OpenBook) -> date:
        """The date it is in a plan's time zone."""
        return date_in(time_zone(opened), self._now())


class Answers:
    """Answers as bytes, each made once: the least lately asked for are forgotten when they fill their room."""

    def __init__(self, metrics: ApiMetrics) -> None:
        self._metrics = metrics
        self._made: OrderedDict[Hashable, bytes] = OrderedDict()
        self._being_made: dict[Hashable, asyncio.Task[bytes]] = {}
        self._bytes = 0

    async def answer(
        self, name: str, moment: Moment, question: Hashable, make: Callable[[], BaseModel], *, takes_long: bool
    ) -> bytes:
        """What `make` answers to a question about a moment. One that takes long is made in a thread."""
        key = (name, moment.opened.book.plan, moment.as_of, moment.known_at, question)
        made = self._made.get(key)
        if made is not None:
            self._made.move_to_end(key)
            return made
        task = self._being_made.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, name, moment, make, takes_long), name=f"answer {name}")
            self._being_made[key] = task
        return await asyncio.shield(task)

    async def _make(
        self, key: Hashable, name: str, moment: Moment, make: Callable[[], BaseModel], takes_long: bool
    ) -> bytes:
        def made() -> bytes:
            with self._metrics.figure_seconds.labels(name).time():
                return make().model_dump_json().encode()

        try:
            answer = await moment.opened.ask(made) if takes_long else made()
        finally:
            del self._being_made[key]
        self._made[key] = answer
        self._bytes += len(answer)
        while self._bytes > ANSWERS_BYTES:
            self._bytes -= len(self._made.popitem(last=False)[1])
        return answer
