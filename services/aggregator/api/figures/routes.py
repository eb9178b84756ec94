"""`/v1/plans/{plan}/realization`: the figures of a plan."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.aggregator.api.dependencies import ANSWERS, ApiDependencies, asked_moment
from services.aggregator.api.figures.models import Realization, RealizationQuestion
from services.aggregator.api.figures.queries import realization
from services.aggregator.api.parameters import PlanPath
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.responses import tagged


def create_routes(parts: ApiDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["realization"])

    @router.get("/v1/plans/{plan}/realization", response_model=Realization, responses=ANSWERS)
    async def plan_realization(
        request: Request,
        caller: Annotated[Caller, needs("figures:read")],
        plan: PlanPath,
        question: Annotated[RealizationQuestion, Query()],
    ) -> Response:
        """How far a plan is realized as of a date, by the facts known at a `seq`."""
        asked = (question.group_by, question.basis, question.quick_win)
        content = await parts.answers.answer(
            plan,
            asked_moment(question),
            "realization",
            asked,
            lambda moment: realization(moment, *asked),
            keyed=caller.keyed,
        )
        return tagged(request, content)

    return router
