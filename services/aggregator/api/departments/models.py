"""The punctuality of departments: the response."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from schemas.vocabulary import Punctuality
from services.aggregator.api.models import Answer, Dated, Instant, Text


class Department(Answer):
    """The punctuality of one department."""

    department: str
    name: Text
    state: Punctuality
    programs: Annotated[int, Field(description="Programs it leads.")]
    reported: int
    realized: int
    missing: Annotated[int, Field(description="Its open programs without a report for the due period.")]
    last_period: str | None
    last_received_at: Instant | None
    periods_missed: int


class Departments(Dated):
    """Which departments are on time, late, silent, or never reported. `period`: the one judged, null before the first
    is due."""

    period: Annotated[str | None, Field(examples=["2021-11"])]
    due_on: date | None
    counts: dict[Literal["on_time", "late", "silent", "never"], int]
    items: list[Department]
