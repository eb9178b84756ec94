"""Events of departments: reports on the status of programs and retractions of them; and erasures of private parts."""

import re
from calendar import monthrange
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.envelope import Data, Envelope
from schemas.fields import (
    Day,
    EventId,
    MediaType,
    Name,
    Percent,
    Rupiah,
    Sha256,
    SourceText,
    Text,
    WebAddress,
    decimal_schema,
)
from schemas.private import PRIVATE, REQUIRED, WHEN_SENT, required_in_schema
from schemas.vocabulary import Status

PROGRAM = r"^[A-Z0-9](?:[A-Z0-9.-]{0,30}[A-Z0-9])?$"
PERIOD = r"^[12][0-9]{3}-(?:0[1-9]|1[0-2]|Q[1-4])$"

ProgramCode = Annotated[str, Field(pattern=PROGRAM)]
Period = Annotated[str, Field(pattern=PERIOD, description="A month (2020-12) or a quarter (2020-Q4).")]
Physical = Annotated[Percent, decimal_schema(100, 2, 2, "Realisasi fisik: percent, 0 to 100.")]

_QUARTER = re.compile(r"(\d{4})-Q([1-4])")


def period_end(period: str) -> date:
    """The last day of a month (`2020-12`) or quarter (`2020-Q4`)."""
    quarter = _QUARTER.fullmatch(period)
    year, month = (int(quarter[1]), int(quarter[2]) * 3) if quarter else (int(period[:4]), int(period[5:]))
    return date(year, month, monthrange(year, month)[1])


class Evidence(Data):
    """A document that proves the report. The file is in a store that can erase; the log has its digest."""

    model_config = ConfigDict(json_schema_extra=required_in_schema("title"))

    title: Annotated[Name, WHEN_SENT, PRIVATE] = REQUIRED
    sha256: Sha256
    media_type: MediaType | None = None
    url: Annotated[WebAddress | None, PRIVATE] = None


class StatusReport(Data):
    """The status of one program on one date.

    `effective_on` is the date the status was true, by default the last day of `period` or the event's own day (the date
    of its `time` as written), whichever is earlier; `period` is by default the month of `effective_on`; one of the two
    is needed. `spent` is all that was spent on the program from its beginning to that date, in rupiah. A program is
    `realized` only at a physical progress of 100.
    """

    program: ProgramCode
    status: Status
    physical: Physical
    spent: Rupiah | None = None
    period: Period | None = None
    effective_on: Day | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=50)] = ()
    obstacle: Annotated[Text | None, PRIVATE] = None
    note: Annotated[Text | None, PRIVATE] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.status is Status.REALIZED and self.physical != 100:
            raise ValueError(f"status realized needs physical 100, here it is {self.physical}")
        if self.effective_on is None:
            if self.period is None:
                raise ValueError("needs a period (2020-12 or 2020-Q4) or effective_on (2020-12-31)")
        elif self.period is None:
            object.__setattr__(self, "period", f"{self.effective_on:%Y-%m}")
        return self

    @property
    def effective(self) -> date:
        """`effective_on`, which is always set after validation."""
        assert self.effective_on is not None
        return self.effective_on

    @property
    def reported_period(self) -> str:
        """`period`, which is always set after validation."""
        assert self.period is not None
        return self.period


class Retraction(Data):
    """Withdraws one report at every `as_of`, in whichever order the two arrive. A retraction is never retracted
    itself."""

    model_config = ConfigDict(json_schema_extra=required_in_schema("reason"))

    source: SourceText
    id: EventId
    reason: Annotated[Text, WHEN_SENT, PRIVATE] = REQUIRED


class Erasure(Data):
    """Erases the private part of the facts with this source and id: notes, obstacles, findings, titles and addresses of
    evidence. Only an administrator may send it, which intake attests. The public part and all figures stay."""

    model_config = ConfigDict(json_schema_extra=required_in_schema("reason"))

    source: SourceText
    id: EventId
    reason: Annotated[Text, WHEN_SENT, PRIVATE] = REQUIRED


def _require_same_plan(event: Envelope, source: str, what: str) -> None:
    if not source.startswith(f"/plans/{event.plan}/"):
        raise ValueError(f"{what} of another plan: {source}")


class StatusReported(Envelope):
    type: Literal["id.pantau.program.status.reported.v1"]
    data: StatusReport

    def settle(self, own_day: date) -> None:
        if self.data.effective_on is None:
            object.__setattr__(self.data, "effective_on", min(period_end(self.data.reported_period), own_day))


class StatusRetracted(Envelope):
    type: Literal["id.pantau.program.status.retracted.v1"]
    data: Retraction

    @model_validator(mode="after")
    def _same_plan(self) -> Self:
        _require_same_plan(self, self.data.source, "retracts a report")
        return self


class PrivatePartErased(Envelope):
    type: Literal["id.pantau.private.erased.v1"]
    data: Erasure

    @model_validator(mode="after")
    def _same_plan(self) -> Self:
        _require_same_plan(self, self.data.source, "erases the private part")
        return self
