"""Series for a chart: question and response."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from realization.cells import Grouping
from realization.formulas import Basis
from services.aggregator.api.models import Answer, Exact, Known, Percent, Text
from services.aggregator.api.parameters import BaseQuestion, Day, KnownAt, MinSeq


class HistoryQuestion(BaseQuestion):
    since: Annotated[
        Day | None, Field(alias="from", description="The first date; default: the beginning of the plan.")
    ] = None
    to: Annotated[Day | None, Field(description="The last date; default: today in the plan's time zone.")] = None
    step: Annotated[
        Literal["month", "year"], Field(description="A point at the end of each month or year, and one at `to`.")
    ] = "month"
    group_by: Grouping = "dimension"
    basis: Basis = "claimed"
    known_at: KnownAt = None
    min_seq: MinSeq = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.to and self.since > self.to:
            raise ValueError(f"from {self.since} is after to {self.to}")
        return self


class Point(Answer):
    """A share at one date, on the requested basis."""

    as_of: date
    numerator: Exact
    denominator: Exact
    percent: Percent
    verified_percent: Percent
    target_percent: Percent


class Series(Answer):
    """The points of one group, oldest first."""

    key: str
    label: Text
    points: list[Point]


class History(Known):
    """Series for a chart; the first is `overall`."""

    basis: Basis
    step: Literal["month", "year"]
    series: list[Series]
