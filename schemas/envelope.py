"""What every event has: the attributes of CloudEvents 1.0, and the strictness of what is inside.

The envelope ignores attributes it does not know (CloudEvents allows extensions); `data` refuses them,
because a field with a typing error would else be lost without a word. Readers of the book pass
`extra="ignore"` and so tolerate fields of later versions.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from schemas.cloudevents import JSON_MEDIA_TYPE, is_json
from schemas.sources import PLAN, SOURCE, SourceKind, parse_source

EVENT_ID = r"^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$"
MEDIA_TYPE = "application/cloudevents+json"
BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"


Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


def plain(number: Decimal) -> Decimal:
    """The same number written one way: no exponent, no trailing zeros, no minus before zero (45.50 and 45.5 are one)."""
    return Decimal(f"{number.normalize() + 0:f}")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """An aware datetime as whole microseconds since 1970."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it lies outside the calendar") from None


def _json(written: object) -> object:
    """Any media type of JSON is the same one: letters and parameters are no content."""
    return "application/json" if isinstance(written, str) and is_json(written) else written


def _no_base64(written: object) -> object:
    if written is not None:
        raise ValueError("is not taken: send the data as JSON in `data`")
    return None


def by_key(entries: dict[Key, Value]) -> dict[Key, Value]:
    """The same entries in the order of their keys: how they were written is no content."""
    return dict(sorted(entries.items()))


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
JsonMediaType = Annotated[
    Literal["application/json"],
    BeforeValidator(_json),
    WithJsonSchema({"type": "string", "pattern": JSON_MEDIA_TYPE}, mode="validation"),
]
EventId = Annotated[str, Field(pattern=EVENT_ID)]
SourceText = Annotated[str, Field(pattern=SOURCE, max_length=160)]
PlanId = Annotated[str, Field(pattern=f"^(?:{PLAN})$")]
Text = Annotated[str, Field(min_length=1, max_length=4000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class Data(BaseModel):
    """Base of everything inside `data`: frozen, strict, and nothing unknown."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class EventKind(NamedTuple):
    """Where a type of event belongs."""

    kind: str  # short name, used in the key of a fact
    topic: str  # the one topic it enters by
    sources: tuple[SourceKind, ...]  # who may say it


class Envelope(BaseModel):
    """CloudEvents 1.0 attributes. `time` is required: it orders reports of one day."""

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

    @property
    def plan(self) -> str:
        """The plan this event speaks of: the second step of its source."""
        return parse_source(self.source).plan
