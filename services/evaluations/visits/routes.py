"""`/v1/visits`: record field visits, and read them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from schemas.fields import EVENT_ID, EVENT_ID_CHARACTERS
from schemas.sources import PLAN
from services.evaluations.dependencies import EvaluationsDependencies
from services.evaluations.visits.commands import read_visit, record_visit
from services.evaluations.visits.models import ACCEPTED_EXAMPLE, EXAMPLE, Visits, VisitSent
from services.evaluations.visits.queries import page
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.bodies import Body
from services.kit.http.openapi import schema_of
from services.kit.http.problems import answers
from services.kit.http.responses import (
    NOT_MODIFIED,
    Acknowledged,
    Cursor,
    Limit,
    ResponseContent,
    content_of,
    position_of,
    tagged,
)
from services.kit.projection.databases import reading

LAST = 2**31 - 1

REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": schema_of(VisitSent), "example": EXAMPLE}},
    }
}


def create_routes(parts: EvaluationsDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["visits"])

    @router.post(
        "/v1/visits",
        status_code=202,
        response_model=Acknowledged,
        openapi_extra=REQUEST,
        responses={
            202: {"description": "Acknowledged", "content": {"application/json": {"example": ACCEPTED_EXAMPLE}}},
            **answers(401, 403, 413, 422, 503),
        },
    )
    async def record(caller: Annotated[Caller, needs("visits:write")], body: Body) -> JSONResponse:
        """Record a field visit, and what was verified of each program seen.

        202 when the broker has acknowledged it. The evaluator is that of the key; the administrator names one in
        `source`. `id` is the idempotency key: the same visit may be sent again, with its `time` if it had one.
        """
        event = read_visit(body, caller)
        receipt = await record_visit(parts, event, caller)
        return JSONResponse({"source": event.source, "id": event.id} | receipt._asdict(), 202)

    @router.get("/v1/visits", response_model=Visits, responses={**NOT_MODIFIED, **answers(401, 422, 429)})
    async def visits(
        request: Request,
        caller: Annotated[Caller, needs("visits:read")],
        plan: Annotated[str, Query(pattern=f"^(?:{PLAN})$")],
        visit_id: Annotated[str | None, Query(alias="id", pattern=EVENT_ID, max_length=EVENT_ID_CHARACTERS)] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """Visits of a plan, the last received first; with `id` those that have it. Findings, notes and evidence are
        shown with a key of the plan only."""
        before = next(map(int, position_of(cursor, r"(\d{1,10})")), LAST)

        def listed() -> ResponseContent:
            with reading(parts.projection.engine) as connection:
                return content_of(page(connection, plan, visit_id, min(before, LAST), limit, caller))

        return tagged(request, await parts.limits.run("reads", caller.keyed, listed))

    return router
