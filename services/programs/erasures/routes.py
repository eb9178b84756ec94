"""`/v1/events/erasures`: an administrator erases the private part of a fact."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from schemas.facts import written
from schemas.fields import EventId, SourceText, Text
from schemas.reports import Erasure, PrivatePartErased
from schemas.sources import council, parse_source
from services.kit.auth.keys import Administrator
from services.kit.event_checks import event_letter
from services.kit.http.problems import NotFoundProblem, answers
from services.kit.http.strict_json import Json
from services.kit.projection.databases import reading
from services.kit.publishing import audit_letter
from services.programs.departments.commands import audited
from services.programs.dependencies import Parts
from services.programs.events.commands import attest
from services.programs.projection import FACTS


class ErasureAsked(BaseModel):
    """Which fact's private part is to be erased, and why. `erasure_id` is the idempotency key, made where it is absent."""

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


ANSWER: dict[str, Any] = {
    "source": "/plans/kota-pontianak-2019-2028/council",
    "id": "erasure-5f0c2f5e-8f0e-4c43-9a3a-2f1f9c1c6a50",
    "topic": "program-status",
    "partition": 4,
    "offset": 8124,
}


def create_routes(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["events"])

    @router.post(
        "/v1/events/erasures",
        status_code=202,
        dependencies=[Json],
        responses={
            202: {"description": "Acknowledged", "content": {"application/json": {"example": ANSWER}}},
            **answers(401, 403, 404, 422, 503),
        },
    )
    async def erase(access: Administrator, asked: ErasureAsked) -> Response:
        """Erase notes, obstacles, findings, titles and addresses of evidence of the facts with a source and id.

        The public part and all figures stay. 202 when the broker has acknowledged the erasure and its audit; what became
        of it is asked like that of any event, with the source and id answered here. The original event stays on its input
        topic until that topic's retention passes (docs/operations.md).
        """
        plan = parse_source(asked.source).plan
        if not await run_in_threadpool(_is_known, parts, plan, asked.source, asked.id):
            raise NotFoundProblem(f"No event {asked.id} of {asked.source} was accepted.")
        event = attest(
            PrivatePartErased(
                specversion="1.0",
                id=asked.erasure_id or f"erasure-{uuid4()}",
                source=council(plan),
                time=datetime.now(UTC),
                type="id.pantau.private.erased.v1",
                data=Erasure(source=asked.source, id=asked.id, reason=asked.reason),
            ),
            access,
            parts.secret,
        )
        office = parse_source(asked.source).office
        act = audited(access, "private.erase", plan, office, f"{asked.source} {asked.id}: {asked.reason}")
        receipt, _ = await parts.publisher.publish(event_letter(event, written(event)), audit_letter(act))
        return JSONResponse({"source": event.source, "id": event.id} | receipt._asdict(), 202)

    return router


def _is_known(parts: Parts, plan: str, source: str, event_id: str) -> bool:
    found = select(FACTS.c.seq).where(FACTS.c.plan == plan, FACTS.c.source == source, FACTS.c.id == event_id).limit(1)
    with reading(parts.projection.engine) as connection:
        return connection.execute(found).scalar() is not None
