"""The envelope of every event: the attributes of CloudEvents 1.0, and the strict base of `data`.

The envelope ignores unknown attributes (CloudEvents allows extensions). `data` refuses unknown fields, because a
misspelt field would otherwise be lost silently. Readers of the facts log pass `extra="ignore"` and so tolerate fields
of later versions.
"""

from datetime import UTC, date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from schemas.cloudevents import JSON_MEDIA_TYPE, is_json
from schemas.fields import EventId, Moment, SourceText
from schemas.secret import MARK
from schemas.sources import parse_source

MEDIA_TYPE = "application/cloudevents+json"
BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"


def _json(written: object) -> object:
    """Normalize any JSON media type to one: case and parameters are not part of the content."""
    return "application/json" if isinstance(written, str) and is_json(written) else written


def _no_base64(written: object) -> object:
    if written is not None:
        raise ValueError("is not accepted: send the data as JSON in `data`")
    return None


JsonMediaType = Annotated[
    Literal["application/json"],
    BeforeValidator(_json),
    WithJsonSchema({"type": "string", "pattern": JSON_MEDIA_TYPE}, mode="validation"),
]


class Data(BaseModel):
    """Base of everything inside `data`: frozen, strict, without unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Envelope(BaseModel):
    """CloudEvents 1.0 attributes. `time` is required: it orders reports of one day. It is kept in UTC."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    specversion: Literal["1.0"]
    id: EventId
    source: SourceText
    time: Moment
    datacontenttype: JsonMediaType = "application/json"
    data_base64: Annotated[None, BeforeValidator(_no_base64)] = Field(
        default=None, exclude=True, description="Not accepted: send the data as JSON in `data`."
    )
    attestedrole: Literal["administrator"] | None = Field(
        default=None,
        description="Set by intake, never accepted from a sender: the event was sent with the administrator's key.",
    )
    attestation: Annotated[str, Field(pattern=MARK)] | None = Field(
        default=None, description="The mark by which intake attests `attestedrole`. Not kept in the fact."
    )

    @model_validator(mode="after")
    def _in_utc(self) -> Self:
        self.settle(self.time.date())
        object.__setattr__(self, "time", self.time.astimezone(UTC))
        return self

    def settle(self, own_day: date) -> None:
        """Give fields of `data` their defaults that depend on the event's own day: the date of `time`, as written."""

    @property
    def plan(self) -> str:
        """The plan that this event is about: the second step of its source."""
        return parse_source(self.source).plan
