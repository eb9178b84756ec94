"""What departments say: reports on the status of a program, and retractions of them."""

import re
from calendar import monthrange
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from schemas.envelope import Data, Envelope, EventId, EventKind, Name, SourceText, Text, plain
from schemas.vocabulary import Status

PROGRAM = r"^[A-Z0-9](?:[A-Z0-9.-]{0,30}[A-Z0-9])?$"
FIRST_DAY, LAST_DAY = date(1000, 1, 1), date(2999, 12, 31)  # what a period can name
PERIOD = r"^[12][0-9]{3}-(?:0[1-9]|1[0-2]|Q[1-4])$"

ProgramCode = Annotated[str, Field(pattern=PROGRAM)]
Period = Annotated[str, Field(pattern=PERIOD, description="A month (2020-12) or a quarter (2020-Q4).")]
Physical = Annotated[
    Decimal,
    Field(ge=0, le=100, max_digits=5, decimal_places=2, description="Realisasi fisik: percent, 0 to 100."),
    AfterValidator(plain),
]
EffectiveOn = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
Rupiah = Annotated[int, Field(ge=0, le=10**16, description="Whole rupiah.")]

_QUARTER = re.compile(r"(\d{4})-Q([1-4])")


def period_end(period: str) -> date:
    """The last day of a month (`2020-12`) or quarter (`2020-Q4`)."""
    quarter = _QUARTER.fullmatch(period)
    year, month = (int(quarter[1]), int(quarter[2]) * 3) if quarter else (int(period[:4]), int(period[5:]))
    return date(year, month, monthrange(year, month)[1])


class Evidence(Data):
    """A document that shows it. The file lives in a store that can erase; the log keeps its digest."""

    title: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    media_type: Annotated[str, Field(max_length=100)] | None = None
    url: Annotated[str, Field(pattern=r"^https?://", max_length=2000)] | None = None


class StatusReport(Data):
    """The status of one program on one date.

    `effective_on` is the date the status was true, by default the last day of `period`; `period` is by
    default the month of `effective_on`; one of the two is needed. `spent` is all that was spent on the program
    from its beginning to that date, in rupiah. A program is `realized` only at a physical progress of 100.
    """

    program: ProgramCode
    status: Status
    physical: Physical
    spent: Rupiah | None = None
    period: Period | None = None
    effective_on: EffectiveOn | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=50)] = ()
    obstacle: Text | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.status is Status.REALIZED and self.physical != 100:
            raise ValueError(f"status realized needs physical 100, here it is {self.physical}")
        if self.effective_on is None:
            if self.period is None:
                raise ValueError("needs a period (2020-12 or 2020-Q4) or effective_on (2020-12-31)")
            object.__setattr__(self, "effective_on", period_end(self.period))
        elif self.period is None:
            object.__setattr__(self, "period", f"{self.effective_on:%Y-%m}")
        return self

    @property
    def effective(self) -> date:
        """`effective_on`, which is always there once validated."""
        assert self.effective_on is not None
        return self.effective_on

    @property
    def reported_period(self) -> str:
        """`period`, which is always there once validated."""
        assert self.period is not None
        return self.period


class Retraction(Data):
    """Takes back one report, at every as-of, in whichever order the two arrive. Is itself never retracted."""

    source: SourceText
    id: EventId
    reason: Text


class StatusReported(Envelope):
    KIND: ClassVar = EventKind("report", "program-status", ("departments",))
    type: Literal["id.pantau.program.status.reported.v1"]
    data: StatusReport


class StatusRetracted(Envelope):
    KIND: ClassVar = EventKind("retraction", "program-status", ("departments", "council"))
    type: Literal["id.pantau.program.status.retracted.v1"]
    data: Retraction

    @model_validator(mode="after")
    def _same_plan(self) -> Self:
        if not self.data.source.startswith(f"/plans/{self.plan}/"):
            raise ValueError(f"retracts a report of another plan: {self.data.source}")
        return self
