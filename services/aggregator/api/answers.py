"""What the api answers, as models: the OpenAPI document is made of them, and every answer is one of them.

Numbers that must stay exact are decimal strings; `percent` is rounded once, half up, to two places, and reads
neither 0.00 nor 100.00 unless it is none or all.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from realization.cells import Grouping
from realization.formulas import Basis
from realization.targets import Rule
from schemas.vocabulary import Band, Outcome, Punctuality, Standing, Status


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[
    datetime, PlainSerializer(_instant), WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization")
]
Percent = Annotated[
    str | None,
    Field(
        description=(
            "Decimal string, rounded once, half up, to two places; between 0.01 and 99.99 unless it is none or all "
            "(19,999 of 20,000 is 99.99). Null is unknown, never 0."
        ),
        examples=["36.38"],
    ),
]
Exact = Annotated[
    str, Field(description="Exact: a decimal string, or a reduced ratio such as 7654/360.", examples=["155"])
]


class Answer(BaseModel):
    """Base of everything answered."""

    model_config = ConfigDict(frozen=True)


class Text(Answer):
    """What people read, in Indonesian and English."""

    id: str
    en: str


class Reason(Text):
    """Why a figure does not exist."""

    code: Annotated[str, Field(examples=["none_reported"])]


class Figure(Answer):
    """A named formula applied to a cell."""

    formula: Annotated[str, Field(description="Name and version of the formula.", examples=["share.v1"])]
    numerator: Exact
    denominator: Exact
    percent: Percent
    reason: Annotated[Reason | None, Field(description="Why there is no percent; null where there is one.")]


class Target(Answer):
    """What the plan expected by `as_of`."""

    percent: Percent
    rule: Annotated[
        Rule,
        Field(description="By the dimension's own yearly targets, the plan's, or linear over the plan's years."),
    ]


class Achievement(Answer):
    """Share / target to date, and its official band (Permendagri 86/2017)."""

    percent: Percent
    band: Band
    band_label: Text


class Cell(Answer):
    """Everything said of one set of programs."""

    programs: Annotated[int, Field(description="Programs of the plan version in force.")]
    reported: Annotated[int, Field(description="Of these, how many were ever reported.")]
    never_reported: int
    realized: Annotated[int, Field(description="Claimed to be realized.")]
    verified_realized: Annotated[int, Field(description="Claimed to be realized, and confirmed by an evaluator.")]
    statuses: Annotated[dict[Status, int], Field(description="Reported programs by the status claimed.")]
    share: Annotated[Figure, Field(description="Programs realized / programs, on the basis asked.")]
    claimed: Annotated[Figure, Field(description="The share by what is claimed.")]
    verified: Annotated[Figure, Field(description="The share by what is verified.")]
    weighted: Annotated[Figure, Field(description="Weights realized / weights, on the basis asked.")]
    progress: Annotated[Figure, Field(description="Mean physical progress of the programs reported.")]
    progress_all: Annotated[Figure, Field(description="The same over all programs, unknown as 0.")]
    financial: Annotated[Figure, Field(description="Money spent / budget ceiling to date.")]
    financial_ahead: Annotated[bool, Field(description="Money runs ahead of physical progress: a warning.")]
    target: Target | None
    achievement: Annotated[
        Achievement | None, Field(description="Null where there is no share, or nothing is due yet.")
    ]


class Overall(Cell):
    """The cell of all programs asked about."""

    dimension_mean: Annotated[Figure, Field(description="Mean of the dimensions' shares, on the basis asked.")]


class Group(Cell):
    """The cell of one group."""

    key: Annotated[str, Field(examples=["governance"])]
    label: Text


class KnownAt(Answer):
    """How much of the book is in the answer: all facts up to this `seq`."""

    seq: Annotated[int, Field(examples=[8123])]
    received_at: Annotated[Instant | None, Field(description="When that fact was received; null for seq 0.")]


class Known(Answer):
    """What every answer about one plan says of itself."""

    plan: Annotated[str, Field(examples=["kota-pontianak-2019-2028"])]
    known_at: KnownAt


class Dated(Known):
    """An answer that is true of one date."""

    as_of: Annotated[date, Field(description="The date in the world that was asked about.", examples=["2020-12-31"])]


FreshAt = Annotated[Instant | None, Field(description="When the youngest fact in the answer was received.")]


class Realization(Dated):
    """How far a plan has been carried out.

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


class Change(Answer):
    """What changed since the event before: `overall`, and those groups that are not the same."""

    known_at: KnownAt
    fresh_at: FreshAt
    overall: Overall
    groups: list[Group]
    programs: Annotated[list[str], Field(description="Programs that facts spoke of meanwhile, at most 20.")]


class RankedPlan(Answer):
    """One plan in the ranking. Each is labelled with what is known of it."""

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


Next = Annotated[str | None, Field(description="The cursor of the next page; null on the last one.")]


class Plans(Answer):
    """A page of the ranking of all plans by share."""

    items: list[RankedPlan]
    next: Next


class Point(Answer):
    """A share at one date, on the basis asked."""

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


class Side(Answer):
    """Where a program stood. `status` null: never reported."""

    status: Status | None
    physical: Annotated[str | None, Field(description="Percent, decimal string.", examples=["45.5"])]
    verified: bool


class FactRef(Answer):
    """A fact in the book: the event's identity, and its number."""

    source: Annotated[str, Field(examples=["/plans/kota-pontianak-2019-2028/departments/diskominfo"])]
    id: str
    seq: int


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


class ReceivedRef(FactRef):
    """A fact, and when it was received."""

    received_at: Instant


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
    spent: Annotated[str | None, Field(description="Rupiah since the beginning; null where no report says.")]
    effective_on: date | None
    verified: bool
    state: Annotated[Punctuality, Field(description="How its department keeps up with reports on it.")]
    report: Annotated[ReceivedRef | None, Field(description="The report that stands.")]


class Programs(Dated):
    """A page of programs, in the order of their codes."""

    total: Annotated[int, Field(description="Programs that the filters let through, on all pages.")]
    items: list[Program]
    next: Next


class Evidence(Answer):
    """A document that shows it. `title` and `url` are null where they were erased."""

    title: str | None
    sha256: str
    media_type: str | None
    url: str | None


class Report(ReceivedRef):
    """One report on a program, with what it means now."""

    time: Instant
    effective_on: date
    period: Annotated[str, Field(examples=["2020-12", "2020-Q4"])]
    status: Status
    physical: str
    spent: str | None
    standing: Standing
    late: Annotated[bool, Field(description="Came after its period's due day.")]


class Verification(FactRef):
    """One verification of a program, with what it means now."""

    visited_on: date
    outcome: Outcome
    standing: Standing


class ProgramStory(Program, Dated):
    """One program with every report and every verification, newest first."""

    reports: list[Report]
    verifications: list[Verification]


Erased = Annotated[bool, Field(description="An administrator had the private part erased.")]


class FullReport(Report):
    """A report with what only a key shows."""

    erased: Erased
    note: str | None
    obstacle: str | None
    evidence: list[Evidence]


class FullVerification(Verification):
    """A verification with what only a key shows. Of a visit: the note on this program, and the visit's evidence."""

    erased: Erased
    note: str | None
    evidence: list[Evidence]


class FullProgramStory(Program, Dated):
    """The story as a key shows it: the administrator's, or one of the plan's departments or evaluators."""

    reports: list[FullReport]
    verifications: list[FullVerification]


class Department(Answer):
    """How one department keeps up with reporting."""

    department: str
    name: Text
    state: Punctuality
    programs: Annotated[int, Field(description="Programs it leads.")]
    reported: int
    realized: int
    missing: Annotated[int, Field(description="Its open programs without a report for the period that was due.")]
    last_period: str | None
    last_received_at: Instant | None
    periods_missed: int


class Departments(Dated):
    """Who is on time, late, silent, or never reported. `period`: the one judged, null before the first is due."""

    period: Annotated[str | None, Field(examples=["2021-11"])]
    due_on: date | None
    counts: dict[Literal["on_time", "late", "silent", "never"], int]
    items: list[Department]


class Opening(Answer):
    """What the page opens at when its address names nothing."""

    plan: str | None
    as_of: date | None
