"""Query parameters that several routes share. They are validated together, and all errors are returned at once.

An unknown parameter is refused: otherwise a misspelt `as_of` would return today's figure.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from schemas.reports import PROGRAM
from schemas.sources import PLAN

CODE = PROGRAM.strip("^$")

Seq = Annotated[int, Field(ge=0, le=2**53)]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    rf"{_DAY.pattern}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]{{1,6}})?(?:[Zz]|[+-][0-9]{{2}}:[0-9]{{2}})"
)
_SEQ = re.compile("[0-9]+")
_DAY_WITHOUT_HYPHENS = re.compile("(?:19|2[0-9])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")


def _day(value: Any) -> Any:
    """A full-date of RFC 3339, and no other form of a date."""
    if isinstance(value, str):
        if not _DAY.fullmatch(value):
            raise ValueError("is not a date like 2020-12-31")
        return date.fromisoformat(value)
    return value


def _seq_or_moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if _MOMENT.fullmatch(value):
        return datetime.fromisoformat(value.upper())
    return _seq(value, "a moment (2026-11-23T20:41:07+07:00)")


def _seq_or_day(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if _DAY.fullmatch(value):
        return date.fromisoformat(value)
    return _seq(value, "a date (2020-12-31)")


def _seq(value: str, other: str) -> str:
    if not _SEQ.fullmatch(value):
        raise ValueError(f"is neither {other} nor a seq (8123)")
    if _DAY_WITHOUT_HYPHENS.fullmatch(value):
        raise ValueError(f"may be a date without hyphens: write {value[:4]}-{value[4:6]}-{value[6:]}")
    return value


Day = Annotated[date, BeforeValidator(_day)]
AsOf = Annotated[
    Day | None,
    Field(
        description="The date that the response is about. Default: today in the plan's time zone.",
        examples=["2020-12-31"],
    ),
]
KnownAt = Annotated[
    Seq | AwareDatetime | None,
    BeforeValidator(_seq_or_moment),
    Field(
        description="A `seq` or a time: only facts up to it are used. Default: all known facts.",
        examples=["8123"],
    ),
]
MinSeq = Annotated[
    Seq | None,
    Field(description="Wait, for some seconds at most, until this `seq` is known; 503 where it is not by then."),
]
QuickWin = Annotated[int | None, Field(ge=2000, le=2100, description="Only the Quick Win programs of this year.")]


class BaseQuestion(BaseModel):
    """Base of the query parameters of a route."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlanQuestion(BaseQuestion):
    """The query parameters of a route about one plan at one date."""

    as_of: AsOf = None
    known_at: KnownAt = None
    min_seq: MinSeq = None


Cursor = Annotated[str | None, Field(max_length=500, description="`next` of the previous page.")]
PlanPath = Annotated[str, Path(pattern=f"^(?:{PLAN})$", examples=["kota-pontianak-2019-2028"])]
ProgramPath = Annotated[str, Path(pattern=PROGRAM, examples=["GOV-001"])]
