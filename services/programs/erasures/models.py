"""The request of an erasure."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import EventId, SourceText, Text

ACCEPTED_EXAMPLE: dict[str, Any] = {
    "source": "/plans/kota-pontianak-2019-2028/council",
    "id": "erasure-5f0c2f5e-8f0e-4c43-9a3a-2f1f9c1c6a50",
    "topic": "program-status",
    "partition": 4,
    "offset": 8124,
}


class ErasureAsked(BaseModel):
    """Which fact's private part to erase, and why. `erasure_id` is the idempotency key, generated where it is
    absent."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "source": "/plans/kota-pontianak-2019-2028/departments/diskominfo",
                    "id": "2021-11-GOV-001",
                    "reason": "Permintaan penghapusan menurut UU 27/2022 pasal 8",
                }
            ]
        },
    )

    source: SourceText
    id: EventId
    reason: Text
    erasure_id: Annotated[EventId, Field(description="The id of the erasure's own event.")] | None = None
