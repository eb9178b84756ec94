"""Parameters that several questions have in common. They are validated whole, and all errors are answered at once.

An unknown parameter is refused: a typing error in `as_of` would else be answered with today's figure.
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
    """A full-date of RFC 3339: nothing else is one, also where it could be read as one."""
    if isinstance(value, str):
        if not _DAY.fullmatch(value):
            raise ValueError("is no date like 2020-12-31")
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


class BaseQuestion(BaseModel):
    """Base of every question."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlanQuestion(BaseQuestion):
    """What is asked of one plan at one date."""

    as_of: AsOf = None
    known_at: KnownAt = None
    min_seq: MinSeq = None


Cursor = Annotated[str | None, Field(max_length=500, description="`next` of the page before.")]
PlanPath = Annotated[str, Path(pattern=f"^(?:{PLAN})$", examples=["kota-pontianak-2019-2028"])]
ProgramPath = Annotated[str, Path(pattern=PROGRAM, examples=["GOV-001"])]
