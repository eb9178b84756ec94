"""`/v1/plans/{plan}/departments`: the punctuality of departments."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.aggregator.api.departments.models import Departments
from services.aggregator.api.departments.queries import departments
from services.aggregator.api.dependencies import ANSWERS, ApiDependencies, asked_moment
from services.aggregator.api.parameters import PlanPath, PlanQuestion
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.responses import tagged


def create_routes(parts: ApiDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["realization"])

    @router.get("/v1/plans/{plan}/departments", response_model=Departments, responses=ANSWERS)
    async def plan_departments(
        request: Request,
        caller: Annotated[Caller, needs("figures:read")],
        plan: PlanPath,
        question: Annotated[PlanQuestion, Query()],
    ) -> Response:
        """Which departments are on time, late, silent, or never reported."""
        content = await parts.answers.answer(
            plan, asked_moment(question), "departments", None, departments, keyed=caller.keyed
        )
        return tagged(request, content)

    return router
