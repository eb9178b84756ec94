"""What every event has: the attributes of CloudEvents 1.0, and the strictness of what is inside.

The envelope ignores attributes it does not know (CloudEvents allows extensions); `data` refuses them,
because a field with a typing error would else be lost without a word. Readers of the facts log pass
`extra="ignore"` and so tolerate fields of later versions.
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
    """Any media type of JSON is the same one: letters and parameters are no content."""
    return "application/json" if isinstance(written, str) and is_json(written) else written


def _no_base64(written: object) -> object:
    if written is not None:
        raise ValueError("is not taken: send the data as JSON in `data`")
    return None


JsonMediaType = Annotated[
    Literal["application/json"],
    BeforeValidator(_json),
    WithJsonSchema({"type": "string", "pattern": JSON_MEDIA_TYPE}, mode="validation"),
]


class Data(BaseModel):
    """Base of everything inside `data`: frozen, strict, and nothing unknown."""

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
        default=None, exclude=True, description="Not taken: the data stand in `data`, as JSON."
    )
    attestedrole: Literal["administrator"] | None = Field(
        default=None,
        description="Set by intake, never taken from a sender: the sender held the administrator's key.",
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
        """The plan this event speaks of: the second step of its source."""
        return parse_source(self.source).plan
