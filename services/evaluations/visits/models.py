"""A visit as it is sent and as it is shown."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from schemas.evaluations import Visit
from schemas.fields import EventId, Moment, SourceText
from schemas.vocabulary import VerificationResult
from services.kit.http.responses import Answer, MomentText, Next

EXAMPLE: dict[str, Any] = {
    "id": "visit-2021-05-18-kampung-tenun",
    "visited_on": "2021-05-18",
    "site": "Kampung Tenun",
    "institution": "Tim pembimbing pusat",
    "programs": [{"program": "ECO-004", "outcome": "confirmed", "note": "Rumah tenun sudah beroperasi."}],
    "checklist": [{"question": "Masyarakat merasakan manfaatnya?", "fulfilled": True}],
    "findings": ["Papan petunjuk belum dua bahasa."],
    "recommendations": [{"text": "Lengkapi papan petunjuk.", "owner": "disporapar", "due_on": "2021-08-31"}],
}
ACCEPTED_EXAMPLE = {
    "source": "/plans/kota-pontianak-2019-2028/evaluators/kominfo",
    "id": EXAMPLE["id"],
    "topic": "evaluations",
    "partition": 3,
    "offset": 17,
}


class VisitSent(Visit):
    """A visit as it is sent: `id`, chosen by the sender, is the idempotency key; `source` only by the administrator."""

    id: EventId
    source: SourceText | None = None
    time: Moment | None = None


class ShownVisit(Answer):
    """What everyone sees of a visit."""

    plan: str
    id: str
    source: Annotated[str, Field(description="The evaluator.", examples=[ACCEPTED_EXAMPLE["source"]])]
    seq: int
    time: MomentText
    received_at: MomentText
    erased: Annotated[bool, Field(description="An administrator had the private part erased.")]
    visited_on: date
    site: str
    institution: str


class VerifiedProgram(Answer):
    """What was verified of one program."""

    program: str
    outcome: VerificationResult


class PublicVisit(ShownVisit):
    """A visit as shown without a key of the plan."""

    programs: list[VerifiedProgram]


class NotedProgram(VerifiedProgram):
    """What was verified of one program, with the note on it."""

    note: str | None


class Answered(Answer):
    """One question of the checklist."""

    question: str
    fulfilled: bool
    note: str | None


class ShownRecommendation(Answer):
    """A recommendation. `text` is null where it was erased."""

    text: str | None
    owner: str
    due_on: date


class ShownEvidence(Answer):
    """A document as evidence. `title` and `url` are null where they were erased."""

    title: str | None
    sha256: str
    media_type: str | None
    url: str | None


class FullVisit(ShownVisit):
    """A visit as shown with a key of the plan."""

    mentor_account: str | None
    programs: list[NotedProgram]
    checklist: list[Answered]
    findings: list[str]
    recommendations: list[ShownRecommendation]
    evidence: list[ShownEvidence]


class Visits(Answer):
    """A page of a plan's visits, the last received first."""

    plan: str
    items: list[FullVisit | PublicVisit]
    next: Next
