"""`/v1/plans/{plan}/changes`: what changed between two moments."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.aggregator.api.changes.models import Changes, ChangesQuestion
from services.aggregator.api.changes.queries import changes
from services.aggregator.api.dependencies import ANSWERS, ApiDependencies, asked_moment
from services.aggregator.api.moments import Moment
from services.aggregator.api.parameters import PlanPath
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.responses import tagged


def create_routes(parts: ApiDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["realization"])

    @router.get("/v1/plans/{plan}/changes", response_model=Changes, responses=ANSWERS)
    async def plan_changes(
        request: Request,
        caller: Annotated[Caller, needs("figures:read")],
        plan: PlanPath,
        question: Annotated[ChangesQuestion, Query()],
    ) -> Response:
        """What became realized, was withdrawn, was verified... since a date, or since a `seq`."""

        def since(moment: Moment) -> date | int:
            return question.since if question.since is not None else date(max(moment.as_of.year - 1, 1), 12, 31)

        content = await parts.answers.answer(
            plan,
            asked_moment(question),
            "changes",
            question.since,
            lambda moment: changes(since(moment), moment),
            keyed=caller.keyed,
        )
        return tagged(request, content)

    return router
