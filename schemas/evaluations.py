"""What evaluators and the council say: visits, verifications, evaluations, Quick Wins, meetings, frozen figures."""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from schemas.envelope import Data, Envelope, EventKind
from schemas.fields import ADecimal, AnInteger, Day, EventId, Name, Sha256, Text, Year, decimal_schema, plain
from schemas.masterplan import OfficeKey
from schemas.private import PRIVATE, REQUIRED, WHEN_SENT, required_in_schema
from schemas.reports import Evidence, ProgramCode
from schemas.vocabulary import Outcome

Score = Annotated[
    Decimal,
    Field(ge=0, le=100, max_digits=7, decimal_places=4),  # before the conversion: so Pydantic checks them natively
    ADecimal,
    AfterValidator(plain),
    decimal_schema(100, 2, 4),
]


class Seen(Data):
    """What a visit verified of one program."""

    program: ProgramCode
    outcome: Outcome
    note: Annotated[Text | None, PRIVATE] = None


class ChecklistItem(Data):
    question: Name
    fulfilled: bool
    note: Annotated[Text | None, PRIVATE] = None


class Recommendation(Data):
    """What the visitors ask for, of whom, until when."""

    model_config = ConfigDict(json_schema_extra=required_in_schema("text"))

    text: Annotated[Text, WHEN_SENT, PRIVATE] = REQUIRED
    owner: OfficeKey
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
    outcome: Outcome
    note: Annotated[Text | None, PRIVATE] = None
    evidence: tuple[Evidence, ...] = ()


class ResultDimension(Data):
    """One of the five result dimensions of the yearly evaluation, with its weight and score."""

    name: Literal["baseline", "output", "outcome", "impact", "quick_win"]
    weight: Score
    score: Score


class Evaluation(Data):
    """The ministry's yearly evaluation, stage 1 (about June) or 2 (November or December)."""

    year: Year
    stage: Annotated[int, Field(ge=1, le=2), AnInteger]
    evaluated_on: Day
    maximum: Score = Decimal(4)
    results: tuple[ResultDimension, ...]
    recommendations: tuple[Recommendation, ...] = ()

    @model_validator(mode="after")
    def _weights(self) -> Self:
        total = sum((result.weight for result in self.results), Decimal())
        if total != 100:
            raise ValueError(f"the weights of the results sum to {total}, not to 100")
        return self


class QuickWins(Data):
    """The Quick Win programs (program percepatan) of one year: one or two per dimension."""

    year: Year
    chosen_on: Day
    programs: Annotated[tuple[ProgramCode, ...], Field(min_length=1, max_length=12)]
    note: Annotated[Text | None, PRIVATE] = None


class Meeting(Data):
    held_on: Day
    agenda: Annotated[tuple[Text, ...], Field(min_length=1)]
    minutes_sha256: Sha256 | None = None


class Decision(Data):
    meeting_id: EventId
    text: Text
    programs: tuple[ProgramCode, ...] = ()


class FollowUp(Data):
    decision_id: EventId
    owner: OfficeKey
    due_on: Day
    state: Literal["open", "done", "dropped"]
    note: Annotated[Text | None, PRIVATE] = None


class FrozenFigure(Data):
    """A figure sealed for a meeting: anyone with the book recomputes `sha256` (realization/frozen.py)."""

    meeting_id: EventId | None = None
    seq: Annotated[int, Field(ge=0, le=2**31 - 1), AnInteger]
    as_of: Day
    formulas: tuple[Name, ...]
    sha256: Sha256


class VisitRecorded(Envelope):
    KIND: ClassVar = EventKind("visit", "evaluations", ("evaluators",))
    type: Literal["id.pantau.visit.recorded.v1"]
    data: Visit


class VerificationRecorded(Envelope):
    KIND: ClassVar = EventKind("verification", "evaluations", ("evaluators",))
    type: Literal["id.pantau.verification.recorded.v1"]
    data: Verification


class EvaluationRecorded(Envelope):
    KIND: ClassVar = EventKind("evaluation", "evaluations", ("evaluators", "council"), fold=False)
    type: Literal["id.pantau.evaluation.recorded.v1"]
    data: Evaluation


class QuickWinsChosen(Envelope):
    KIND: ClassVar = EventKind("quick-wins", "evaluations", ("council",))
    type: Literal["id.pantau.quickwins.chosen.v1"]
    data: QuickWins


class MeetingHeld(Envelope):
    KIND: ClassVar = EventKind("meeting", "evaluations", ("council",), fold=False)
    type: Literal["id.pantau.meeting.held.v1"]
    data: Meeting


class DecisionMade(Envelope):
    KIND: ClassVar = EventKind("decision", "evaluations", ("council",), fold=False)
    type: Literal["id.pantau.decision.made.v1"]
    data: Decision


class FollowUpRecorded(Envelope):
    KIND: ClassVar = EventKind("follow-up", "evaluations", ("council", "departments"), fold=False)
    type: Literal["id.pantau.followup.recorded.v1"]
    data: FollowUp


class FigureFrozen(Envelope):
    KIND: ClassVar = EventKind("frozen-figure", "evaluations", ("council",), fold=False)
    type: Literal["id.pantau.figure.frozen.v1"]
    data: FrozenFigure
