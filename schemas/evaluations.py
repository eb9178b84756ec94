"""Events of evaluators and the council: visits, verifications, and choices of Quick Wins."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.envelope import Data, Envelope
from schemas.fields import Day, Name, Text, Year
from schemas.masterplan import OrganizationKey
from schemas.private import PRIVATE, REQUIRED, WHEN_SENT, required_in_schema
from schemas.reports import Evidence, ProgramCode
from schemas.vocabulary import VerificationResult


class Seen(Data):
    """What a visit verified of one program."""

    program: ProgramCode
    outcome: VerificationResult
    note: Annotated[Text | None, PRIVATE] = None


class ChecklistItem(Data):
    question: Name
    fulfilled: bool
    note: Annotated[Text | None, PRIVATE] = None


class Recommendation(Data):
    """What the visitors recommend, to whom, and by when."""

    model_config = ConfigDict(json_schema_extra=required_in_schema("text"))

    text: Annotated[Text, WHEN_SENT, PRIVATE] = REQUIRED
    owner: OrganizationKey
    due_on: Day


class Visit(Data):
    """A field evaluation (tinjauan lapangan). People are named by institution and account, never by name."""

    visited_on: Day
    site: Name
    institution: Name
    mentor_account: Annotated[Annotated[Name, Field(max_length=64)] | None, PRIVATE] = None
    programs: Annotated[tuple[Seen, ...], Field(min_length=1, max_length=500)]
    checklist: tuple[ChecklistItem, ...] = ()
    findings: Annotated[tuple[Text, ...], PRIVATE] = ()
    recommendations: tuple[Recommendation, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        codes = [seen.program for seen in self.programs]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"programs seen twice in one visit: {', '.join(twice)}")
        return self


class Verification(Data):
    """A verification without a visit: from documents, by the ministry's team."""

    verified_on: Day
    program: ProgramCode
    outcome: VerificationResult
    note: Annotated[Text | None, PRIVATE] = None
    evidence: tuple[Evidence, ...] = ()


class QuickWins(Data):
    """The Quick Win programs (program percepatan) of one year: one or two per dimension."""

    year: Year
    chosen_on: Day
    programs: Annotated[tuple[ProgramCode, ...], Field(min_length=1, max_length=12)]
    note: Annotated[Text | None, PRIVATE] = None


class VisitRecorded(Envelope):
    type: Literal["id.pantau.visit.recorded.v1"]
    data: Visit


class VerificationRecorded(Envelope):
    type: Literal["id.pantau.verification.recorded.v1"]
    data: Verification


class QuickWinsChosen(Envelope):
    type: Literal["id.pantau.quickwins.chosen.v1"]
    data: QuickWins
