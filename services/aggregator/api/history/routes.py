"""`/v1/plans/{plan}/history`: series for a chart."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.aggregator.api.dependencies import ANSWERS, ApiDependencies
from services.aggregator.api.history.models import History, HistoryQuestion
from services.aggregator.api.history.queries import history
from services.aggregator.api.moments import AskedMoment
from services.aggregator.api.parameters import PlanPath
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.responses import tagged


def create_routes(parts: ApiDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["realization"])

    @router.get("/v1/plans/{plan}/history", response_model=History, responses=ANSWERS)
    async def plan_history(
        request: Request,
        caller: Annotated[Caller, needs("figures:read")],
        plan: PlanPath,
        question: Annotated[HistoryQuestion, Query()],
    ) -> Response:
        """Series for a chart."""
        last = AskedMoment(question.to, question.known_at, question.min_seq)
        asked = (question.since, question.step, question.group_by, question.basis)
        content = await parts.answers.answer(
            plan, last, "history", asked, lambda moment: history(moment, *asked), keyed=caller.keyed
        )
        return tagged(request, content)

    return router
