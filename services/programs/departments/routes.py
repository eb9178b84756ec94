"""`/v1/departments`: the departments of a plan, and the keys by which offices write."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from schemas.access import Key, Role
from schemas.sources import OFFICE, PLAN
from services.kit.auth.keys import Administrator, Anybody, new_key
from services.kit.http.problems import ConflictProblem, NotFoundProblem, answers
from services.kit.http.responses import NOT_MODIFIED, Content, content_of, tagged
from services.programs.departments.commands import KEYS, audited, change_keys
from services.programs.dependencies import Parts
from services.programs.masterplans.queries import in_force, registered

PlanPath = Annotated[str, Path(pattern=f"^(?:{PLAN})$")]
OfficePath = Annotated[str, Path(pattern=f"^(?:{OFFICE})$")]

KEY_EXAMPLE = {
    "key": "pantau_6mQ0Tq4cB0nY0x0m3l0m1l1o2s0n0g0e",
    "key_id": "0f3a9c2b7d11",
    "role": "department",
    "made_at": "2021-01-04T01:00:00Z",
}


def create_routes(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["departments"])

    @router.get("/v1/departments", responses={**NOT_MODIFIED, **answers(401, 404, 422, 429)})
    async def departments(
        request: Request, access: Anybody, plan: Annotated[str, Query(pattern=f"^(?:{PLAN})$")]
    ) -> Response:
        """The departments of the plan version in force today, and how many programs each leads."""

        def told() -> Content:
            found = in_force(parts.projection, plan)
            if found is None:
                raise NotFoundProblem(f"Plan {plan} has no version in force today.")
            led = Counter(program.department for program in found.version.programs)
            items = [
                {"department": each.key, "name": each.name.model_dump(), "programs": led[each.key]}
                for each in found.version.departments
            ]
            return content_of({"plan": plan, "plan_version": found.version.version, "items": items})

        return tagged(request, await parts.limits.run("reads", access.keyed, told))

    @router.get("/v1/departments/{plan}/{office}/keys", responses=answers(401, 403))
    async def keys(access: Administrator, plan: PlanPath, office: OfficePath) -> dict[str, Any]:
        """The keys of an office: their ids and dates, never their texts."""
        return {"plan": plan, "office": office, "items": [_shown(key) for key in _keys(parts, plan, office)]}

    @router.post(
        "/v1/departments/{plan}/{office}/keys",
        status_code=201,
        responses={
            201: {"description": "Told this once", "content": {"application/json": {"example": KEY_EXAMPLE}}},
            **answers(401, 403, 404, 409, 503),
        },
    )
    async def make_key(
        access: Administrator, plan: PlanPath, office: OfficePath, role: Role = "department"
    ) -> JSONResponse:
        """Make a key, by which a department or an evaluator writes. Its text is told here and kept nowhere."""
        await run_in_threadpool(_require_office, parts, plan, office, role)
        if len(_keys(parts, plan, office)) >= KEYS:
            raise ConflictProblem(f"An office has at most {KEYS} keys; withdraw one first.")
        text, key_id, sha256 = new_key()
        key = Key(key_id=key_id, role=role, sha256=sha256, made_at=datetime.now(UTC))
        act = audited(access, "keys.make", plan, office, f"{role} {key_id}")
        await change_keys(parts, plan, office, lambda keys: (*keys, key), act)
        return JSONResponse({"key": text} | _shown(key), 201, {"Cache-Control": "no-store"})

    @router.delete("/v1/departments/{plan}/{office}/keys/{key_id}", status_code=204, responses=answers(401, 403, 404))
    async def withdraw_key(access: Administrator, plan: PlanPath, office: OfficePath, key_id: str) -> None:
        """Withdraw a key: from now on nobody can write by it."""
        if all(key.key_id != key_id for key in _keys(parts, plan, office)):
            raise NotFoundProblem(f"{plan}/{office} has no key {key_id}.")
        act = audited(access, "keys.withdraw", plan, office, key_id)
        await change_keys(parts, plan, office, lambda keys: tuple(key for key in keys if key.key_id != key_id), act)

    return router


def _keys(parts: Parts, plan: str, office: str) -> tuple[Key, ...]:
    return parts.keyring.office(plan, office).keys


def _shown(key: Key) -> dict[str, str]:
    return {"key_id": key.key_id, "role": key.role, "made_at": key.made_at.isoformat()}


def _require_office(parts: Parts, plan: str, office: str, role: Role) -> None:
    """The plan must be known, and a department one of its: a key for a misspelt office would never do anything."""
    found = registered(parts.projection, plan)
    if found is None:
        raise NotFoundProblem(f"There is no plan {plan}.")
    known = [department.key for department in found.version.departments]
    if role == "department" and office not in known:
        raise NotFoundProblem(f"{plan} has no department {office}, but: {', '.join(known)}.")
