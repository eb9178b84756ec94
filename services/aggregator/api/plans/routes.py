"""`/v1/plans`: all plans, ranked."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.aggregator.api.dependencies import ApiDependencies
from services.aggregator.api.plans.models import Plans, PlansQuestion, ranked_at
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.problems import answers as problems
from services.kit.http.responses import NOT_MODIFIED, tagged


def create_routes(parts: ApiDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["realization"])

    @router.get("/v1/plans", response_model=Plans, responses={**NOT_MODIFIED, **problems(401, 422, 429, 503)})
    async def plans(
        request: Request, caller: Annotated[Caller, needs("figures:read")], question: Annotated[PlansQuestion, Query()]
    ) -> Response:
        """All plans, ranked by the share of programs realized."""
        after = ranked_at(question.cursor)
        return tagged(request, await parts.ranking.page(question.as_of, question.limit, after, keyed=caller.keyed))

    return router
