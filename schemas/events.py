"""Every event that may be sent, as one union told apart by `type`."""

from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter

from schemas.evaluations import (
    QuickWinsChosen,
    VerificationRecorded,
    VisitRecorded,
)
from schemas.masterplan import MasterplanVersionPublished
from schemas.reports import PrivatePartErased, StatusReported, StatusRetracted

Event = Annotated[
    StatusReported
    | StatusRetracted
    | MasterplanVersionPublished
    | VisitRecorded
    | VerificationRecorded
    | QuickWinsChosen
    | PrivatePartErased,
    Field(discriminator="type"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

EVENT_CLASSES: tuple[type[Event], ...] = (
    StatusReported,
    StatusRetracted,
    MasterplanVersionPublished,
    VisitRecorded,
    VerificationRecorded,
    QuickWinsChosen,
    PrivatePartErased,
)


def event_type(cls: type[Event]) -> str:
    """The `type` attribute that names and versions a class of event."""
    (name,) = cls.model_fields["type"].annotation.__args__  # type: ignore[union-attr]  # every event's `type` is a Literal
    return str(name)


def data_of(cls: type[Event]) -> type[BaseModel]:
    """The model of the data of a class of event."""
    found = cls.model_fields["data"].annotation
    assert isinstance(found, type)
    return found


KNOWN_TYPES: frozenset[str] = frozenset(map(event_type, EVENT_CLASSES))
