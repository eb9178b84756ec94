"""`/v1/plans/{plan}/stream`: a plan's figures as they change."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from services.aggregator.api.dependencies import PROBLEMS, ApiDependencies
from services.aggregator.api.figures.models import Realization
from services.aggregator.api.parameters import PlanPath
from services.aggregator.api.stream.channels import ChannelQuestion
from services.aggregator.api.stream.models import Change, StreamQuestion
from services.aggregator.api.stream.responses import EventStream, Stream
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.openapi import schema_of

DATA = {
    "type": "string",
    "contentMediaType": "application/json",
    "contentSchema": {"anyOf": [schema_of(each) for each in (Realization, Change)]},
}
EVENT = {
    "type": "object",
    "properties": {"event": {"enum": ["snapshot", "change"]}, "id": {"type": "string"}, "data": DATA},
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`snapshot` with a whole response, then `change` with what differs.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "itemSchema": EVENT}},
    }
}


def create_routes(parts: ApiDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["realization"])

    @router.get(
        "/v1/plans/{plan}/stream",
        status_code=200,
        response_class=EventStream,
        responses={**EVENTS, **PROBLEMS},
    )
    async def stream(
        caller: Annotated[Caller, needs("figures:read")],
        plan: PlanPath,
        question: Annotated[StreamQuestion, Query()],
        last_event_id: Annotated[str, Header(description="The id of the last event seen.")] = "",
    ) -> Response:
        """Server-sent events: `snapshot`, then `change` whenever facts arrive; the id is the `seq`."""
        asked = ChannelQuestion(plan, question.as_of, question.group_by, question.quick_win, question.basis)
        seen = await parts.streams.last_seen(asked, last_event_id, keyed=caller.keyed)
        return Stream(parts.streams, asked, seen, keyed=caller.keyed)

    return router
