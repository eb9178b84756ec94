"""The ranking of all plans: question and response."""

from datetime import date
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from schemas.sources import PLAN
from services.aggregator.api.models import Answer, FreshAt, KnownAt, Next, Overall, Text
from services.aggregator.api.parameters import BaseQuestion, Cursor, Day
from services.kit.http.responses import position_of


class PlansQuestion(BaseQuestion):
    as_of: Annotated[
        Day | None, Field(description="Default: today in each plan's time zone.", examples=["2020-12-31"])
    ] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Cursor = None


def ranked_at(cursor: str | None) -> tuple[Fraction, str] | None:
    """The sort key in a cursor, after which the page begins; None for the first page. Raises InvalidProblem."""
    position = position_of(cursor, rf"(-?\d{{1,12}}(?:/[1-9]\d{{0,11}})?) ({PLAN})")
    return (Fraction(position[0]), position[1]) if position else None


class RankedPlan(Answer):
    """One plan in the ranking, with the facts known of it."""

    rank: Annotated[int, Field(description="Plans with the same share have the same rank.")]
    plan: str
    name: Text
    city: str | None
    illustrative: bool
    plan_version: int | None
    as_of: date
    known_at: KnownAt
    fresh_at: FreshAt
    overall: Overall


class Plans(Answer):
    """A page of the ranking of all plans by share."""

    items: list[RankedPlan]
    next: Next
