"""The realization of a plan: question and response."""

from typing import Annotated

from pydantic import Field

from realization.cells import Grouping
from realization.formulas import Basis
from services.aggregator.api.models import Dated, FreshAt, Group, Overall, Text
from services.aggregator.api.parameters import PlanQuestion, QuickWin


class RealizationQuestion(PlanQuestion):
    group_by: Grouping = "dimension"
    quick_win: QuickWin = None
    basis: Basis = "claimed"


class Realization(Dated):
    """How far a plan is realized.

    Where no plan version is in force at `as_of`, `plan_version` is null, every figure is null with its reason, and
    there are no groups.
    """

    name: Text
    city: str | None
    illustrative: Annotated[bool, Field(description="The data are a sample, not the city's own.")]
    plan_version: int | None
    start_year: int | None
    end_year: int | None
    time_zone: str
    fresh_at: FreshAt
    basis: Basis
    group_by: Grouping
    quick_win: Annotated[int | None, Field(description="Only the Quick Win programs of this year.")]
    overall: Overall
    groups: list[Group]
