"""What can be asked, as models: parameters are validated whole, and all their errors are told at once.

A parameter nobody knows is refused: a typing error in `as_of` would else be answered with today's figure.
"""

import re
from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from realization.cells import Grouping
from realization.formulas import Basis
from schemas.reports import PROGRAM
from schemas.sources import PLAN
from schemas.vocabulary import SUB_DIMENSIONS, Dimension, Status
from services.kit.http.responses import not_a_cursor, position_of

CODE = PROGRAM.strip("^$")

Seq = Annotated[int, Field(ge=0, le=2**53)]


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    rf"{_DAY.pattern}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]{{1,6}})?(?:[Zz]|[+-][0-9]{{2}}:[0-9]{{2}})"
)
_SEQ = re.compile("[0-9]+")
_DAY_WITHOUT_HYPHENS = re.compile("(?:19|2[0-9])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")


def _day(said: Any) -> Any:
    """A full-date of RFC 3339: nothing else is one, also where it could be read as one."""
    if isinstance(said, str):
        if not _DAY.fullmatch(said):
            raise ValueError("is no date like 2020-12-31")
        return date.fromisoformat(said)
    return said


def _seq_or_moment(said: Any) -> Any:
    if not isinstance(said, str):
        return said
    if _MOMENT.fullmatch(said):
        return datetime.fromisoformat(said.upper())
    return _seq(said, "a moment (2026-11-23T20:41:07+07:00)")


def _seq_or_day(said: Any) -> Any:
    if not isinstance(said, str):
        return said
    if _DAY.fullmatch(said):
        return date.fromisoformat(said)
    return _seq(said, "a date (2020-12-31)")


def _seq(said: str, other: str) -> str:
    if not _SEQ.fullmatch(said):
        raise ValueError(f"is neither {other} nor a seq (8123)")
    if _DAY_WITHOUT_HYPHENS.fullmatch(said):
        raise ValueError(f"may be a date without hyphens: write {said[:4]}-{said[4:6]}-{said[6:]}")
    return said


Day = Annotated[date, BeforeValidator(_day)]
AsOf = Annotated[
    Day | None,
    Field(
        description="The date in the world asked about; default: today in the plan's time zone.",
        examples=["2020-12-31"],
    ),
]
KnownAt = Annotated[
    Seq | AwareDatetime | None,
    BeforeValidator(_seq_or_moment),
    Field(
        description="A `seq`, or a moment: only facts received up to then. Default: all that is known.",
        examples=["8123"],
    ),
]
MinSeq = Annotated[
    Seq | None,
    Field(description="Wait, for some seconds at most, until this much is known; 503 where it does not come."),
]
QuickWin = Annotated[int | None, Field(ge=2000, le=2100, description="Only the Quick Win programs of this year.")]


class Asked(BaseModel):
    """Base of every question."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(Asked):
    """What is asked of one plan at one date."""

    as_of: AsOf = None
    known_at: KnownAt = None
    min_seq: MinSeq = None


class RealizationQuestion(Question):
    group_by: Grouping = "dimension"
    quick_win: QuickWin = None
    basis: Basis = "claimed"


class HistoryQuestion(Asked):
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


class ChangesQuestion(Question):
    since: Annotated[
        Seq | date | None,
        BeforeValidator(_seq_or_day),
        Field(
            description="A date: as of then. A number: what was known at that `seq`. Default: the end of the year before."
        ),
    ] = None


Cursor = Annotated[str | None, Field(max_length=500, description="`next` of the page before.")]


class ProgramFilters(Question):
    """Which programs are asked about."""

    dimension: Dimension | None = None
    sub_dimension: Annotated[str | None, Field(json_schema_extra={"enum": list(SUB_DIMENSIONS)})] = None
    department: Annotated[str | None, Field(max_length=63, description="The department that leads.")] = None
    status: Annotated[Status | None, Field(description="The status claimed.")] = None
    state: Annotated[
        Literal["on_time", "late", "stale", "never"] | None,
        Field(description="How reporting keeps up; `never`: never reported."),
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


class PlansQuestion(Asked):
    as_of: Annotated[
        Day | None, Field(description="Default: today in each plan's time zone.", examples=["2020-12-31"])
    ] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Cursor = None


class StreamQuestion(Asked):
    as_of: AsOf = None
    group_by: Grouping = "dimension"
    quick_win: QuickWin = None
    basis: Basis = "claimed"


class ListedAt(NamedTuple):
    """Where a page of programs begins: the moment of the first page, and the code it begins after."""

    as_of: date
    known_at: int
    after: str


def listed_at(cursor: str | None) -> ListedAt | None:
    """What the cursor of a page of programs says; None for the first page. Raises InvalidProblem."""
    said = position_of(cursor, rf"(\d{{4}}-\d\d-\d\d) (\d{{1,15}}) ({CODE})")
    if not said:
        return None
    try:
        return ListedAt(date.fromisoformat(said[0]), int(said[1]), said[2])
    except ValueError:
        raise not_a_cursor(cursor) from None


def ranked_at(cursor: str | None) -> tuple[Fraction, str] | None:
    """The key of the plan that a page of the ranking begins after; None for the first page. Raises InvalidProblem."""
    said = position_of(cursor, rf"(-?\d{{1,12}}(?:/[1-9]\d{{0,11}})?) ({PLAN})")
    return (Fraction(said[0]), said[1]) if said else None
