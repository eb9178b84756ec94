"""What changed in a plan: what is asked and what is answered."""

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
            description="A date: as of then. A number: what was known at that `seq`. Default: the end of the year before."
        ),
    ] = None


class Side(Answer):
    """Where a program stood. `status` null: never reported."""

    status: Status | None
    physical: Annotated[str | None, Field(description="Percent, decimal string.", examples=["45.5"])]
    verified: bool


ChangeKind = Literal["realized", "withdrawn", "verified", "unverified", "status", "progress", "added", "removed"]


class ChangedProgram(Answer):
    """One change of one program. One that became realized and was verified has two."""

    program: str
    name: Text
    dimension: str
    department: str
    change: Annotated[
        ChangeKind,
        Field(description="`withdrawn`: was realized and is not. `status` and `progress` only where it was neither."),
    ]
    before: Annotated[Side | None, Field(description="Null: was not in the plan.")]
    after: Annotated[Side | None, Field(description="Null: is no longer in the plan.")]
    report: Annotated[
        FactRef | None,
        Field(description="The report, or for `verified` and `unverified` the verification, that stands now."),
    ]


class Changes(Dated):
    """What changed between `since` and `as_of`."""

    since: Annotated[date | int, Field(description="A date, or the `seq` that was known then.")]
    before: Figure
    after: Figure
    counts: Annotated[dict[ChangeKind, int], Field(description="How many changes of each kind.")]
    items: list[ChangedProgram]
