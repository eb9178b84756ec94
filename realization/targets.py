"""Target to date: what the plan expected by a date.

It follows the cumulative yearly targets of the dimension or else of the plan, where given, else it is linear over the
plan's years; the result says which. A yearly target is to be reached at the end of its year. Within a year the target
rises evenly day by day, and reaches the yearly target on the last day: two elapsed years of ten are 20 %.
"""

import itertools
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from schemas.plan_versions import PlanVersion
from schemas.vocabulary import Dimension

Rule = Literal["dimension", "plan", "linear"]


class ExactTarget(NamedTuple):
    """A target in percent, exact, and the rule by which it was computed."""

    percent: Fraction
    rule: Rule


def elapsed(as_of: date) -> Fraction:
    """The fraction of a day's calendar year that has passed at the end of that day: 1 on 31 December."""
    year_end = date(as_of.year, 12, 31).timetuple().tm_yday
    return Fraction(as_of.timetuple().tm_yday, year_end)


def target(plan: PlanVersion, as_of: date, dimension: str | None = None) -> ExactTarget:
    """The target to date of the plan, or of one of its dimensions."""
    own = plan.dimension_targets.get(Dimension(dimension)) if dimension else None
    if own:
        return ExactTarget(_along(own, plan, as_of), "dimension")
    if plan.targets:
        return ExactTarget(_along(plan.targets, plan, as_of), "plan")
    years = plan.end_year - plan.start_year + 1
    passed = min(max(as_of.year - plan.start_year + elapsed(as_of), Fraction(0)), Fraction(years))
    return ExactTarget(passed * 100 / years, "linear")


def _along(yearly: dict[str, Decimal], plan: PlanVersion, as_of: date) -> Fraction:
    """Interpolated between the year ends: 0 before the plan begins, constant after the last yearly target."""
    points = [(plan.start_year - 1, Fraction(0)), *((int(year), Fraction(yearly[year])) for year in sorted(yearly))]
    at = as_of.year - 1 + elapsed(as_of)
    if at <= points[0][0]:
        return Fraction(0)
    for (year, before), (next_year, after) in itertools.pairwise(points):
        if at <= next_year:
            return before + (after - before) * (at - year) / (next_year - year)
    return points[-1][1]
