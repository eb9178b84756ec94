"""Programs and their reports: questions and responses."""

from datetime import date
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from schemas.vocabulary import SUB_DIMENSIONS, Dimension, Punctuality, Standing, Status, VerificationResult
from services.aggregator.api.models import Answer, Dated, FactRef, Instant, Next, ReceivedRef, Text
from services.aggregator.api.parameters import CODE, Cursor, PlanQuestion, QuickWin
from services.kit.http.responses import not_a_cursor, position_of


class ProgramFilters(PlanQuestion):
    """The filters of programs."""

    dimension: Dimension | None = None
    sub_dimension: Annotated[str | None, Field(json_schema_extra={"enum": list(SUB_DIMENSIONS)})] = None
    department: Annotated[str | None, Field(max_length=63, description="The department that leads.")] = None
    status: Annotated[Status | None, Field(description="The status claimed.")] = None
    state: Annotated[
        Literal["on_time", "late", "stale", "never"] | None,
        Field(description="The punctuality of reports; `never`: never reported."),
    ] = None
    quick_win: QuickWin = None
    q: Annotated[str | None, Field(max_length=200, description="Part of the code or of a name.")] = None

    @model_validator(mode="after")
    def _known_sub_dimension(self) -> Self:
        if self.sub_dimension is not None and self.sub_dimension not in SUB_DIMENSIONS:
            raise ValueError(f"sub_dimension {self.sub_dimension!r} is not one of {', '.join(SUB_DIMENSIONS)}")
        return self


class ProgramsQuestion(ProgramFilters):
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Cursor = None


class ListedAt(NamedTuple):
    """A position in a list of programs: the moment of the first page, and the code after which the page begins."""

    as_of: date
    known_at: int
    after: str


def listed_at(cursor: str | None) -> ListedAt | None:
    """The position in a cursor; None for the first page. Raises InvalidProblem."""
    position = position_of(cursor, rf"(\d{{4}}-\d\d-\d\d) (\d{{1,15}}) ({CODE})")
    if not position:
        return None
    try:
        return ListedAt(date.fromisoformat(position[0]), int(position[1]), position[2])
    except ValueError:
        raise not_a_cursor(cursor) from None


class Program(Answer):
    """A program of the plan and its latest claim."""

    program: Annotated[str, Field(examples=["GOV-001"])]
    name: Text
    dimension: str
    sub_dimension: str
    department: Annotated[str, Field(description="The department that leads it.")]
    supporting: list[str]
    weight: Annotated[str, Field(description="Percent of the plan, decimal string.", examples=["0.25"])]
    start_year: int
    finish_year: int
    quick_win_years: list[int]
    priority_problem: str | None
    leading_sector: str | None
    status: Annotated[Status | None, Field(description="Null: never reported.")]
    physical: Annotated[str | None, Field(description="Percent, decimal string.")]
    spent: Annotated[str | None, Field(description="Rupiah, cumulative; null where the report does not state it.")]
    effective_on: date | None
    verified: bool
    state: Annotated[Punctuality, Field(description="The punctuality of reports on it.")]
    report: Annotated[ReceivedRef | None, Field(description="The standing report.")]


class Programs(Dated):
    """A page of programs, in the order of their codes."""

    total: Annotated[int, Field(description="Programs that pass the filters, on all pages.")]
    items: list[Program]
    next: Next


class Evidence(Answer):
    """A document as evidence. `title` and `url` are null where they were erased."""

    title: str | None
    sha256: str
    media_type: str | None
    url: str | None


class Report(ReceivedRef):
    """One report on a program, with its standing."""

    time: Instant
    effective_on: date
    period: Annotated[str, Field(examples=["2020-12", "2020-Q4"])]
    status: Status
    physical: str
    spent: str | None
    standing: Standing
    late: Annotated[bool, Field(description="It was received after its period's due day.")]


class Verification(FactRef):
    """One verification of a program, with its standing."""

    visited_on: date
    outcome: VerificationResult
    standing: Standing


class ProgramStory(Program, Dated):
    """One program with every report and every verification, newest first."""

    reports: list[Report]
    verifications: list[Verification]


Erased = Annotated[bool, Field(description="An administrator had the private part erased.")]


class FullReport(Report):
    """A report with the fields that need a key."""

    erased: Erased
    note: str | None
    obstacle: str | None
    evidence: list[Evidence]


class FullVerification(Verification):
    """A verification with the fields that need a key. From a visit: the note on this program, and the visit's
    evidence."""

    erased: Erased
    note: str | None
    evidence: list[Evidence]


class FullProgramStory(Program, Dated):
    """The story as shown with a key: the administrator's, or of one of the plan's departments or evaluators."""

    reports: list[FullReport]
    verifications: list[FullVerification]
