"""`/v1/departments`: the departments of a plan, and the keys of organizations."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from schemas.access import Role
from schemas.sources import ORGANIZATION, PLAN
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.problems import answers
from services.kit.http.responses import NOT_MODIFIED, ResponseContent, content_of, tagged
from services.programs.departments import commands, queries
from services.programs.departments.models import DEFAULT_KEY, KEY_EXAMPLE, ListedDepartments, MadeKey, ShownKeys
from services.programs.dependencies import ProgramsDependencies

PlanPath = Annotated[str, Path(pattern=f"^(?:{PLAN})$")]
OrganizationPath = Annotated[str, Path(alias="office", pattern=f"^(?:{ORGANIZATION})$")]


def create_routes(parts: ProgramsDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["departments"])

    @router.get(
        "/v1/departments",
        response_model=ListedDepartments,
        responses={**NOT_MODIFIED, **answers(401, 404, 422, 429)},
    )
    async def departments(
        request: Request,
        caller: Annotated[Caller, needs("plans:read")],
        plan: Annotated[str, Query(pattern=f"^(?:{PLAN})$")],
    ) -> Response:
        """The departments of the plan version in force today, and how many programs each leads."""

        def listed() -> ResponseContent:
            return content_of(queries.departments(parts.projection, plan))

        return tagged(request, await parts.limits.run("reads", caller.keyed, listed))

    @router.get("/v1/departments/{plan}/{office}/keys", responses=answers(401, 403))
    async def keys(
        caller: Annotated[Caller, needs("keys:manage")], plan: PlanPath, organization: OrganizationPath
    ) -> ShownKeys:
        """The keys of an organization: their ids and dates, never their texts."""
        found = parts.keyring.access_of(plan, organization).keys
        return ShownKeys(plan=plan, office=organization, items=[queries.shown(key) for key in found])

    @router.post(
        "/v1/departments/{plan}/{office}/keys",
        status_code=201,
        response_model=MadeKey,
        responses={
            201: {
                "description": "The key is shown only once",
                "content": {"application/json": {"example": KEY_EXAMPLE}},
            },
            **answers(401, 403, 404, 409, 503),
        },
    )
    async def make_key(
        caller: Annotated[Caller, needs("keys:manage")],
        plan: PlanPath,
        organization: OrganizationPath,
        role: Role = DEFAULT_KEY,
    ) -> JSONResponse:
        """Make a key for a department or an evaluator. Its text is shown only in this response and stored nowhere."""
        await run_in_threadpool(queries.require_organization, parts.projection, plan, organization, role)
        text, key = await commands.make_key(parts, caller, plan, organization, role)
        made = MadeKey(key=text, **queries.shown(key).model_dump())
        return JSONResponse(made.model_dump(), 201, {"Cache-Control": "no-store"})

    @router.delete("/v1/departments/{plan}/{office}/keys/{key_id}", status_code=204, responses=answers(401, 403, 404))
    async def withdraw_key(
        caller: Annotated[Caller, needs("keys:manage")], plan: PlanPath, organization: OrganizationPath, key_id: str
    ) -> None:
        """Withdraw a key, which is refused from then on."""
        await commands.withdraw_key(parts, caller, plan, organization, key_id)

    return router
