"""Every event that may enter the mail, as one union told apart by `type`."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from schemas.evaluations import (
    DecisionMade,
    EvaluationRecorded,
    FigureFrozen,
    FollowUpRecorded,
    MeetingHeld,
    QuickWinsChosen,
    VerificationRecorded,
    VisitRecorded,
)
from schemas.masterplan import MasterplanVersionPublished
from schemas.reports import StatusReported, StatusRetracted

Event = Annotated[
    StatusReported
    | StatusRetracted
    | MasterplanVersionPublished
    | VisitRecorded
    | VerificationRecorded
    | EvaluationRecorded
    | QuickWinsChosen
    | MeetingHeld
    | DecisionMade
    | FollowUpRecorded
    | FigureFrozen,
    Field(discriminator="type"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

EVENT_CLASSES: tuple[type[Event], ...] = (
    StatusReported,
    StatusRetracted,
    MasterplanVersionPublished,
    VisitRecorded,
    VerificationRecorded,
    EvaluationRecorded,
    QuickWinsChosen,
    MeetingHeld,
    DecisionMade,
    FollowUpRecorded,
    FigureFrozen,
)


def event_type(cls: type[Event]) -> str:
    """The `type` attribute that names and versions a class of event."""
    (name,) = cls.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
    return str(name)
