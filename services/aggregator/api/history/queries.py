"""Series for a chart: the share at the end of each month or year.

A program's state is computed again only where an event dated after the previous point could have changed it.
"""

from calendar import monthrange
from collections.abc import Generator, Iterator
from datetime import date, timedelta
from typing import Literal

from presentation.words import label
from realization import formulas
from realization.cells import Counts, Grouping, membership
from realization.exact import percent
from realization.formulas import Basis
from realization.plan_facts import NEVER_REPORTED, PlanFacts, ProgramState, Version
from realization.targets import target
from services.aggregator.api.cells import labels, text
from services.aggregator.api.history.models import History, Point, Series
from services.aggregator.api.models import Text
from services.aggregator.api.moments import Moment
from services.kit.http.problems import ErrorDetail, InvalidProblem

OVERALL_KEY = "overall"
Step = Literal["month", "year"]
YEARS_AT_MOST = 50
POINTS_AT_MOST = 50_000  # in all series together
POINTS_OF_A_STEP = 2_000  # so that one step takes some ms
POINT_OF_PROGRAMS = 0.25  # counting a program takes as long as this fraction of a point


def steps(first: date, last: date, step: Step) -> Iterator[date]:
    """The end of each month or year from `first` on, and `last` itself."""
    year, month = first.year, first.month if step == "month" else 12
    while True:
        end = date(year, month, monthrange(year, month)[1])
        if end >= last:
            yield last
            return
        yield end
        following = end + timedelta(days=1)
        year, month = (following.year, following.month) if step == "month" else (following.year, 12)


def history(
    moment: Moment, since: date | None, step: Step, group_by: Grouping, basis: Basis
) -> Generator[None, None, History]:
    """Series from `since` (default: the beginning of the plan) to the moment's `as_of`, computed in steps.

    Raises InvalidProblem for more than YEARS_AT_MOST years, or POINTS_AT_MOST points in all series.
    """
    plan_facts, known_at = moment.opened.plan_facts, moment.known_at
    sweep = _Sweep(plan_facts, known_at, group_by)
    names: dict[str, Text] = {OVERALL_KEY: text(label("group", "overall"))}
    points: dict[str, list[Point]] = {OVERALL_KEY: []}
    first = min(since or _beginning(moment), moment.as_of)
    if moment.as_of.year - first.year > YEARS_AT_MOST:
        raise _too_much(f"from {first} to {moment.as_of} is more than {YEARS_AT_MOST} years")
    dates = list(steps(first, moment.as_of, step))
    made = yielded_at = 0.0
    for number, as_of in enumerate(dates):
        version = plan_facts.version(as_of, known_at)
        cells = sweep.count(version, as_of) if version else {OVERALL_KEY: Counts()}
        if version is not None:
            names |= labels(group_by, version, cells.keys() - {OVERALL_KEY})
        if len(names) * len(dates) > POINTS_AT_MOST:
            raise _too_much(f"{len(names)} series of {len(dates)} points are more than {POINTS_AT_MOST} points")
        for key in names:
            if key not in points:  # a group that first appears now
                points[key] = [_point(day, None, None, key, group_by, basis) for day in dates[:number]]
            points[key].append(_point(as_of, version, cells.get(key), key, group_by, basis))
        made += len(names) + POINT_OF_PROGRAMS * len(version.programs if version else ())
        if made - yielded_at > POINTS_OF_A_STEP:
            yielded_at = made
            yield
    series = [Series(key=key, label=name, points=points[key]) for key, name in names.items()]
    return History(plan=plan_facts.plan, known_at=moment.known, basis=basis, step=step, series=series)


def _too_much(what: str) -> InvalidProblem:
    return InvalidProblem(errors=[ErrorDetail("query.from", what, "a shorter time, or a point for each year")])


def _beginning(moment: Moment) -> date:
    known = [version for version in moment.opened.plan_facts.versions if version.seq <= moment.known_at]
    shown = moment.version or next(iter(known), None)
    return date(shown.plan.start_year, 1, 1) if shown else moment.as_of


def _point(
    as_of: date, version: Version | None, counts: Counts | None, key: str, group_by: Grouping, basis: Basis
) -> Point:
    share = formulas.share(counts or Counts(), basis)
    expected = None
    if version is not None:
        own = key if group_by == "dimension" and key != OVERALL_KEY else None
        expected = percent(target(version.plan, as_of, own).percent)
    return Point(
        as_of=as_of,
        numerator=share.numerator_text,
        denominator=share.denominator_text,
        percent=share.percent,
        verified_percent=formulas.share(counts or Counts(), "verified").percent,
        target_percent=expected,
    )


class _Sweep:
    """Counts of programs, realized and verified, at one date after the other."""

    def __init__(self, plan_facts: PlanFacts, known_at: int, group_by: Grouping) -> None:
        self._plan_facts, self._known_at, self._group_by = plan_facts, known_at, group_by
        self._version: Version | None = None
        self._states: dict[str, ProgramState] = {}
        self._turns: dict[str, list[date]] = {}  # program -> later dates at which it may change, latest first
        self._keys: dict[str, tuple[str, ...]] = {}

    def count(self, version: Version, as_of: date) -> dict[str, Counts]:
        """The counts at a date, which must be later than that of the previous call."""
        if version is not self._version:
            self._turns = {code: self._plan_facts.turning_points(code)[::-1] for code in version.programs}
            self._states = dict.fromkeys(version.programs, NEVER_REPORTED)
        if version is not self._version or self._group_by == "quick_win":
            members = membership(self._group_by, self._plan_facts, as_of, self._known_at)
            self._keys = {code: (OVERALL_KEY, *members(code, program)) for code, program in version.programs.items()}
        self._version = version
        for code, turns in self._turns.items():
            if turns and turns[-1] <= as_of:
                while turns and turns[-1] <= as_of:
                    turns.pop()
                self._states[code] = self._plan_facts.state(code, as_of, self._known_at)
        cells: dict[str, Counts] = {OVERALL_KEY: Counts()}
        for code, keys in self._keys.items():
            state = self._states[code]
            for key in keys:
                counts = cells.get(key) or cells.setdefault(key, Counts())
                counts.programs += 1
                counts.realized += state.realized
                counts.verified += state.verified
        return cells
