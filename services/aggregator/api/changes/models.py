"""Changes of a plan: question and response."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from schemas.vocabulary import Status
from services.aggregator.api.models import Answer, Dated, FactRef, Figure, Text
from services.aggregator.api.parameters import PlanQuestion, Seq, _seq_or_day


class ChangesQuestion(PlanQuestion):
    since: Annotated[
        Seq | date | None,
        BeforeValidator(_seq_or_day),
        Field(
            description="A date: the state as of that date. A number: the state known at that `seq`. Default: the end of the previous year."
        ),
    ] = None


class Side(Answer):
    """The state of a program at one of the two moments. `status` is null where it was never reported."""

    status: Status | None
    physical: Annotated[str | None, Field(description="Percent, decimal string.", examples=["45.5"])]
    verified: bool


ChangeKind = Literal["realized", "withdrawn", "verified", "unverified", "status", "progress", "added", "removed"]


class ChangedProgram(Answer):
    """One change of one program. A program that became realized and was verified has two."""

    program: str
    name: Text
    dimension: str
    department: str
    change: Annotated[
        ChangeKind,
        Field(description="`withdrawn`: was realized and is not. `status` and `progress` only where it was neither."),
    ]
    before: Annotated[Side | None, Field(description="Null: it was not in the plan.")]
    after: Annotated[Side | None, Field(description="Null: it is no longer in the plan.")]
    report: Annotated[
        FactRef | None,
        Field(description="The standing report, or for `verified` and `unverified` the standing verification."),
    ]


class Changes(Dated):
    """What changed between `since` and `as_of`."""

    since: Annotated[date | int, Field(description="The date, or the `seq`, of the earlier moment.")]
    before: Figure
    after: Figure
    counts: Annotated[dict[ChangeKind, int], Field(description="How many changes of each kind.")]
    items: list[ChangedProgram]
