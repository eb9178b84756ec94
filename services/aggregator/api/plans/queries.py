"""Ranks all plans by share, without loading all of them.

A plan's live snapshot is used where its counts also hold at the requested date: where no fact of the plan is about a
date after either of the two. Otherwise the plan is loaded. Cells are computed for the requested page only.
"""

import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import date
from fractions import Fraction
from typing import NamedTuple, TypeVar

from services.aggregator.api.computed_answers import ComputedAnswers
from services.aggregator.api.figures.models import Realization
from services.aggregator.api.figures.queries import realization
from services.aggregator.api.moments import Clock, Moment, date_in
from services.aggregator.api.open_plans import OpenPlans
from services.aggregator.api.plans.models import Plans, RankedPlan
from services.aggregator.api.projection import PlanRow, Tables
from services.kit.http.limits import WorkLimiter
from services.kit.http.problems import UnavailableProblem
from services.kit.http.responses import ResponseContent, content_of, cursor_of
from services.kit.http.single_flight import SharedAnswers
from services.kit.projection.follower import Projection

T = TypeVar("T")

SECONDS = 5.0
COUNTS_REMEMBERED = 100_000  # of about 200 bytes each
CELLS_REMEMBERED = 4_000  # of about 5 KB each
NO_SHARE = Fraction(-1)  # sorts below every share
_RANKED_FIELDS = RankedPlan.model_fields.keys() - {"rank"}


class _Ranked(NamedTuple):
    """A plan in the ranking. `key`: the negative share, then the plan; so a greater share comes first."""

    key: tuple[Fraction, str]
    plan: str
    as_of: date


class _CountedPlan(NamedTuple):
    """Programs of a plan, and how many are realized."""

    realized: int
    programs: int


class _KnownShares(OrderedDict[tuple[str, date], tuple[int, T]]):
    """A cache by plan and date, each entry valid for one `seq`; the least recently used are evicted."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def of(self, plan: str, as_of: date, seq: int | None) -> T | None:
        """The entry, if it is of that `seq`."""
        known_at, found = self.get((plan, as_of), (None, None))
        if found is None or known_at != seq:
            return None
        self.move_to_end((plan, as_of))
        return found

    def note(self, moment: Moment, found: T) -> T:
        """Store an entry."""
        self[moment.opened.plan_facts.plan, moment.as_of] = moment.known_at, found
        if len(self) > self._most:
            self.popitem(last=False)
        return found


class Ranking:
    """Ranks all plans."""

    def __init__(
        self,
        answers: ComputedAnswers,
        open_plans: OpenPlans,
        tables: Tables,
        projection: Projection,
        limits: WorkLimiter,
        now: Clock,
    ) -> None:
        self._answers, self._open_plans, self._tables = answers, open_plans, tables
        self._projection, self._limits, self._now = projection, limits, now
        self._shared = SharedAnswers(0)  # caches nothing
        self._counts: _KnownShares[_CountedPlan] = _KnownShares(COUNTS_REMEMBERED)
        self._cells: _KnownShares[Realization] = _KnownShares(CELLS_REMEMBERED)

    async def page(
        self, as_of: date | None, limit: int, after: tuple[Fraction, str] | None, *, keyed: bool
    ) -> ResponseContent:
        """A page. `as_of` None: today in each plan's time zone.

        Raises UnavailableProblem while too many plans are still to be counted, TooManyProblem. What was counted is
        cached, so that a retry gets further.
        """
        line: Hashable = (keyed, as_of, limit, after)

        async def in_turn() -> ResponseContent:
            async with AsyncExitStack() as room:
                await room.enter_async_context(self._limits.room("answers", keyed=keyed))
                self._shared.begin(line)
                rows = await self._projection.read(self._tables.plans)
                days = {row.plan: as_of or date_in(row.time_zone, self._now()) for row in rows}
                counted = self._counted(rows, days)
                if len(counted) < len(rows):
                    await room.aclose()  # other requests need not wait for the rest
                    counted |= await self._count([row.plan for row in rows if row.plan not in counted], days, keyed)
                    await room.enter_async_context(self._limits.room("answers", keyed=keyed))
                return await self._page(counted, days, limit, after)

        return await self._shared.once(line, in_turn)

    def _counted(self, rows: Sequence[PlanRow], days: Mapping[str, date]) -> dict[str, _CountedPlan]:
        """The counts known without loading plans."""
        found = {}
        for row in rows:
            counts = _by_snapshot(row, days[row.plan]) or self._counts.of(
                row.plan, days[row.plan], self._open_plans.seq(row.plan)
            )
            if counts is not None:
                found[row.plan] = counts
        return found

    async def _count(self, plans: Sequence[str], days: Mapping[str, date], keyed: bool) -> dict[str, _CountedPlan]:
        """Load and count plans. The number of rankings that do so at once is limited."""
        counted: dict[str, _CountedPlan] = {}
        async with self._limits.room("rankings", keyed=keyed):
            ends = time.monotonic() + SECONDS
            for plan in plans:
                if time.monotonic() > ends:
                    raise UnavailableProblem(
                        f"{len(plans) - len(counted)} plans are still being counted; try again later."
                    )
                moment = await self._moment(plan, days[plan])
                async with moment.opened.turn, moment.opened.lock:
                    found = await self._limits.in_thread("rankings", _count, moment)
                counted[plan] = self._counts.note(moment, found)
        return counted

    async def _page(
        self,
        counted: Mapping[str, _CountedPlan],
        days: Mapping[str, date],
        limit: int,
        after: tuple[Fraction, str] | None,
    ) -> ResponseContent:
        standings = await self._limits.in_thread("answers", _ranked, counted, days)
        page = [standing for standing in standings if after is None or standing.key > after][:limit]
        cells = [await self._realization(standing.plan, standing.as_of) for standing in page]
        return await self._limits.in_thread("answers", _written, standings, page, cells)

    async def _realization(self, plan: str, as_of: date) -> Realization:
        found = self._cells.of(plan, as_of, self._open_plans.seq(plan))
        if found is None:
            moment = await self._moment(plan, as_of)
            answer = await self._answers.compute("ranked", moment, realization)
            assert isinstance(answer, Realization)
            found = self._cells.note(moment, answer)
        return found

    async def _moment(self, plan: str, as_of: date) -> Moment:
        opened = await self._open_plans.open(plan)
        return Moment(opened, as_of, opened.seq)


def _by_snapshot(row: PlanRow, day: date) -> _CountedPlan | None:
    """The counts in a snapshot, where they hold on a day; else None."""
    if row.live is None or min(day, row.live.as_of) < row.settled_on:
        return None
    return _CountedPlan(row.live.realized, row.live.programs)


def _count(moment: Moment) -> _CountedPlan:
    version = moment.version
    if version is None:
        return _CountedPlan(0, 0)
    states = moment.opened.plan_facts.states(version, moment.as_of, moment.known_at)
    return _CountedPlan(sum(state.realized for state in states.values()), len(version.programs))


def _ranked(counted: Mapping[str, _CountedPlan], days: Mapping[str, date]) -> list[_Ranked]:
    """All plans in their order."""
    return sorted(
        _Ranked((-(Fraction(*counts) if counts.programs else NO_SHARE), plan), plan, days[plan])
        for plan, counts in counted.items()
    )


def _written(standings: Sequence[_Ranked], page: Sequence[_Ranked], cells: Sequence[Realization]) -> ResponseContent:
    """A page as bytes."""
    shares = [standing.key[0] for standing in standings]
    items = [
        RankedPlan(
            rank=bisect_left(shares, standing.key[0]) + 1, **{name: getattr(found, name) for name in _RANKED_FIELDS}
        )
        for standing, found in zip(page, cells, strict=True)
    ]
    more = bool(page) and page[-1] is not standings[-1]
    plans = Plans(items=items, next=cursor_of(*page[-1].key) if more else None)
    return content_of(plans.model_dump_json().encode())
