"""Events as they are sent, and the responses about them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.cloudevents import HTTP_PREFIX
from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.registry import KINDS
from schemas.vocabulary import Standing
from services.kit.http.openapi import schema_of
from services.kit.http.responses import Acknowledged, Answer, MomentText
from services.programs.events.cloudevents import BATCH_EVENTS

EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "2021-11-GOV-001",
    "source": "/plans/kota-pontianak-2019-2028/departments/diskominfo",
    "type": "id.pantau.program.status.reported.v1",
    "time": "2021-12-03T02:15:00Z",
    "data": {
        "program": "GOV-001",
        "status": "in_progress",
        "physical": "45.5",
        "spent": 1250000000,
        "period": "2021-11",
    },
}
ACCEPTED_EXAMPLE = {
    "status": 202,
    "source": EXAMPLE["source"],
    "id": EXAMPLE["id"],
    "topic": "program-status",
    "partition": 3,
    "offset": 8123,
}
OUTCOME_EXAMPLES = {
    "pending": {"value": {"outcome": "pending"}},
    "accepted": {
        "value": {
            "outcome": "accepted",
            "standing": "current",
            "seq": 12,
            "received_at": "2021-12-03T02:15:01.123Z",
            "also_rejected": [],
        }
    },
    "rejected": {"value": {"outcome": "rejected", "reasons": [{"code": "conflict", "received_at": "..."}]}},
}
_SENT = [kind for kind in KINDS if "departments" in kind.senders]
MODELS = [kind.model for kind in _SENT]
EVENT_SCHEMA = {"oneOf": [schema_of(model) for model in MODELS], "discriminator": {"propertyName": "type"}}
BATCH_SCHEMA = {"type": "array", "items": EVENT_SCHEMA, "maxItems": BATCH_EVENTS}
DATA_SCHEMA = {"anyOf": [schema_of(kind.data) for kind in _SENT]}
REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "name": f"{HTTP_PREFIX}{name}",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "In binary mode, with the event's data as `application/json`.",
        }
        for name in ("specversion", "id", "source", "type", "time")
    ],
    "requestBody": {
        "required": True,
        "content": {
            MEDIA_TYPE: {"schema": EVENT_SCHEMA, "example": EXAMPLE},
            BATCH_MEDIA_TYPE: {"schema": BATCH_SCHEMA, "example": [EXAMPLE]},
            "application/json": {"schema": DATA_SCHEMA, "example": EXAMPLE["data"]},
        },
    },
}


class Sent(Acknowledged):
    """An event that Kafka has acknowledged."""

    status: Literal[202]


class SentInBatch(Answer):
    """The result of one event of a batch: `status` is that of a request with this event alone."""

    index: int
    status: Literal[202, 403, 422, 503]
    source: str
    id: str
    topic: Annotated[str, Field(description="With the next two, where Kafka stores it.")] = ""
    partition: int = 0
    offset: int = 0
    errors: Annotated[tuple[dict[str, Any], ...], Field(description="All its errors.")] = ()


class Batch(Answer):
    """The results of a batch, in the order of its events."""

    accepted: Annotated[int, Field(description="How many events Kafka has acknowledged.")]
    results: list[SentInBatch]


class Rejection(Answer):
    """One reason why an event was rejected. `detail` is shown with a key of the plan only."""

    code: Annotated[str, Field(examples=["conflict"])]
    detail: str = ""
    received_at: MomentText


class Pending(Answer):
    """An event that may not be processed yet."""

    outcome: Literal["pending"]


class Accepted(Answer):
    """An accepted event, with its standing."""

    outcome: Literal["accepted"]
    standing: Standing
    seq: int
    received_at: MomentText
    also_rejected: Annotated[
        list[Rejection], Field(description="Events with the same id and other content, which were rejected.")
    ]
    ignored: Annotated[
        tuple[str, ...], Field(description="Attributes that its sender set and that were not attested.")
    ] = ()


class Rejected(Answer):
    """A rejected event, and why."""

    outcome: Literal["rejected"]
    reasons: list[Rejection]
