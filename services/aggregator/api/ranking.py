"""All plans ranked by share, without opening all books for it.

The share of a plan is that of its live snapshot where that is true of the date asked about, too: where nothing that
is known of the plan speaks of a later date than either. Else its book is opened. Cells are made for one page only.
"""

import json
import time
from bisect import bisect_left
from collections import OrderedDict
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from services.aggregator.api.answers import Plans, RankedPlan, Realization
from services.aggregator.api.asking import Clock, date_in
from services.aggregator.api.books import Books
from services.aggregator.api.figures import Moment, realization
from services.aggregator.api.projection import PlanRow, Tables
from services.kit.pages import cursor_of
from services.kit.problems import UnavailableProblem
from services.kit.projection import Projection

SECONDS = 10.0
REMEMBERED = 4_000  # answers, of about 5 KB each
NO_SHARE = Fraction(-1)  # less than any

_TOLD = RankedPlan.model_fields.keys() - {"rank"}


class _Standing(NamedTuple):
    """A plan's place. `key`: less the share, the plan; so a greater share comes first."""

    key: tuple[Fraction, str]
    plan: str
    as_of: date


class Ranking:
    """Ranks all plans."""

    def __init__(self, books: Books, tables: Tables, projection: Projection, now: Clock) -> None:
        self._books, self._tables, self._projection, self._now = books, tables, projection, now
        self._known: OrderedDict[tuple[str, date], Realization] = OrderedDict()

    async def page(self, as_of: date | None, limit: int, after: tuple[Fraction, str] | None) -> Plans:
        """A page. `as_of` None: today in each plan's time zone. Raises UnavailableProblem while too many books are
        still to be opened; what was counted is kept, so that asking again comes further."""
        standings = await self._standings(as_of)
        shares = [standing.key[0] for standing in standings]
        page = [standing for standing in standings if after is None or standing.key > after][:limit]
        items = []
        for standing in page:
            found = await self._realization(standing.plan, standing.as_of)
            rank = bisect_left(shares, standing.key[0]) + 1
            items.append(RankedPlan(rank=rank, **{name: getattr(found, name) for name in _TOLD}))
        more = bool(page) and page[-1] is not standings[-1]
        last = page[-1].key if more else None
        return Plans(items=items, next=cursor_of(json.dumps([str(last[0]), last[1]])) if last else None)

    async def _standings(self, as_of: date | None) -> list[_Standing]:
        ends = time.monotonic() + SECONDS
        rows, now = await self._projection.read(self._tables.plans), self._now()
        standings: list[_Standing] = []
        for row in rows:
            day = as_of or date_in(row.time_zone, now)
            counted = _by_snapshot(row, day)
            if counted is None:
                if time.monotonic() > ends:
                    raise UnavailableProblem(f"{len(standings)} of {len(rows)} plans are counted; ask again.")
                overall = (await self._realization(row.plan, day)).overall
                counted = overall.realized, overall.programs
            share = Fraction(*counted) if counted[1] else NO_SHARE
            standings.append(_Standing((-share, row.plan), row.plan, day))
        return sorted(standings)

    async def _realization(self, plan: str, as_of: date) -> Realization:
        found = self._known.get((plan, as_of))
        if found is None or found.known_at.seq != self._books.seq(plan):
            opened = await self._books.open(plan)
            found = self._known[plan, as_of] = realization(Moment(opened, as_of, opened.seq))
        self._known.move_to_end((plan, as_of))
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


def _by_snapshot(row: PlanRow, day: date) -> tuple[int, int] | None:
    """Programs realized, and programs, where the snapshot is true of a day; else None."""
    if row.live is None or min(day, row.live.as_of) < row.settled_on:
        return None
    return row.live.realized, row.live.programs
