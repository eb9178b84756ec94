"""A stream of changes: the question, and the events that are sent."""

from typing import Annotated

from pydantic import Field

from realization.cells import Grouping
from realization.formulas import Basis
from services.aggregator.api.models import Answer, FreshAt, Group, KnownAt, Overall
from services.aggregator.api.parameters import AsOf, BaseQuestion, QuickWin


class StreamQuestion(BaseQuestion):
    as_of: AsOf = None
    group_by: Grouping = "dimension"
    quick_win: QuickWin = None
    basis: Basis = "claimed"


class Change(Answer):
    """The changes since the previous event: `overall`, and the groups that differ."""

    known_at: KnownAt
    fresh_at: FreshAt
    overall: Overall
    groups: list[Group]
    programs: Annotated[list[str], Field(description="Programs that facts named meanwhile, at most 20.")]
