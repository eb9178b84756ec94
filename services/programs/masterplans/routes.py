"""`/v1/masterplans`: the register of plans, with import and export as a planning office's workbook."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic_core import to_json

from schemas.sources import PLAN
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.problems import NotFoundProblem, answers
from services.kit.http.responses import (
    NOT_MODIFIED,
    Cursor,
    Limit,
    ResponseContent,
    content_of,
    cursor_of,
    moment,
    position_of,
    tagged,
)
from services.kit.projection.databases import reading
from services.programs.dependencies import ProgramsDependencies
from services.programs.masterplans.commands import import_masterplan
from services.programs.masterplans.models import (
    BINARY,
    CSV,
    IMPORT_EXAMPLE,
    REQUEST,
    XLSX,
    ImportedVersion,
    ListedPlans,
    ShownPlan,
    ShownVersion,
)
from services.programs.masterplans.queries import Found, at_seq, find, in_force, page, versions
from services.programs.masterplans.uploads import Uploaded
from services.programs.masterplans.workbook import template, write_csv, write_workbook

LAST_VERSION = 2**31 - 1

PlanPath = Annotated[str, Path(pattern=f"^(?:{PLAN})$")]


def create_routes(parts: ProgramsDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["masterplans"])

    @router.get("/v1/masterplans", response_model=ListedPlans, responses={**NOT_MODIFIED, **answers(401, 422, 429)})
    async def masterplans(
        request: Request, caller: Annotated[Caller, needs("plans:read")], limit: Limit = 100, cursor: Cursor = None
    ) -> Response:
        """The latest version of every plan, by its id."""
        after = "".join(position_of(cursor, f"({PLAN})"))

        def listed() -> ResponseContent:
            with reading(parts.projection.engine) as connection:
                items = page(connection, after, limit + 1)
            following = cursor_of(items[limit - 1]["plan"]) if len(items) > limit else None
            return content_of({"items": items[:limit], "next": following})

        return tagged(request, await parts.limits.run("reads", caller.keyed, listed))

    @router.post(
        "/v1/masterplans/import",
        status_code=202,
        response_model=ImportedVersion,
        openapi_extra=REQUEST,
        responses={
            200: {"description": "A dry run, or this very version is registered already", "model": ImportedVersion},
            202: {"description": "Published", "content": {"application/json": {"example": IMPORT_EXAMPLE}}},
            **answers(401, 403, 409, 413, 415, 422, 503),
        },
    )
    async def import_plan(
        caller: Annotated[Caller, needs("plans:write")], upload: Uploaded, dry_run: bool = False
    ) -> JSONResponse:
        """Import a plan version: a workbook, or CSV of the programs sheet with the plan's own fields in the query.

        422 lists every error of every row. The version must replace the current one (409 names it). `GET /v1/events`
        gives its outcome by the `source` and `id` of this response.
        """
        imported = await import_masterplan(parts, upload, caller, dry_run=dry_run)
        return JSONResponse(imported.model_dump(), 202 if imported.published else 200)

    @router.get(
        "/v1/masterplans/template",
        response_class=Response,
        responses={200: {"content": {XLSX: BINARY}}, **NOT_MODIFIED, **answers(401, 429)},
    )
    async def empty_workbook(request: Request, caller: Annotated[Caller, needs("plans:read")]) -> Response:
        """An empty workbook with every column explained."""
        found = await _exported(parts, ("template",), template, keyed=caller.keyed)
        return _file(request, found, XLSX, "pantau-masterplan.xlsx")

    @router.get(
        "/v1/masterplans/{plan}", response_model=ShownPlan, responses={**NOT_MODIFIED, **answers(401, 404, 422, 429)}
    )
    async def masterplan(request: Request, caller: Annotated[Caller, needs("plans:read")], plan: PlanPath) -> Response:
        """A plan: its versions, the latest first, and which one is in force today."""

        def content() -> ResponseContent:
            with reading(parts.projection.engine) as connection:
                found = versions(connection, plan)
            if not found:
                raise NotFoundProblem(f"There is no plan {plan}.")
            current = in_force(parts.projection, plan)
            number = current.version.version if current else None
            return content_of({"plan": plan, "current": found[0]["version"], "in_force": number, "versions": found})

        return tagged(request, await parts.limits.run("reads", caller.keyed, content))

    @router.get(
        "/v1/masterplans/{plan}/versions/{number}",
        response_model=ShownVersion,
        responses={**NOT_MODIFIED, **answers(401, 404, 422, 429)},
    )
    async def version(
        request: Request,
        caller: Annotated[Caller, needs("plans:read")],
        plan: PlanPath,
        number: Annotated[int, Path(ge=1, le=LAST_VERSION)],
    ) -> Response:
        """A plan version, whole."""
        _, seq = await _find(parts, caller, plan, number)

        def content() -> bytes:
            found = at_seq(parts.projection, plan, seq)
            about = {"plan": plan, "seq": found.fact.seq, "received_at": moment(found.fact.received_ms)}
            return to_json(about | found.version.model_dump(mode="json"))

        return tagged(request, await _exported(parts, ("version", plan, seq), content, keyed=caller.keyed))

    @router.get(
        "/v1/masterplans/{plan}/export",
        response_class=Response,
        responses={200: {"content": {XLSX: BINARY, CSV: BINARY}}, **NOT_MODIFIED, **answers(401, 404, 422, 429)},
    )
    async def export(
        request: Request,
        caller: Annotated[Caller, needs("plans:read")],
        plan: PlanPath,
        file_format: Annotated[Literal["xlsx", "csv"], Query(alias="format")] = "xlsx",
        number: Annotated[
            int | None, Query(alias="version", ge=1, le=LAST_VERSION, description="Default: the latest.")
        ] = None,
    ) -> Response:
        """The version as a workbook, which can be imported again. CSV has the programs only."""
        found = await _find(parts, caller, plan, number)

        def written() -> bytes:
            version = at_seq(parts.projection, plan, found.seq).version
            return write_csv(version) if file_format == "csv" else write_workbook(plan, version)

        data = await _exported(parts, (file_format, plan, found.seq), written, keyed=caller.keyed)
        return _file(request, data, CSV if file_format == "csv" else XLSX, f"{plan}-v{found.number}.{file_format}")

    return router


async def _find(parts: ProgramsDependencies, caller: Caller, plan: str, number: int | None) -> Found:
    """The number and `seq` of a version. Raises NotFoundProblem where there is none."""

    def ask() -> Found | None:
        with reading(parts.projection.engine) as connection:
            return find(connection, plan, number)

    found = await parts.limits.run("reads", caller.keyed, ask)
    if found is None:
        raise NotFoundProblem(f"Plan {plan} has no version {'at all' if number is None else number}.")
    return found


async def _exported(
    parts: ProgramsDependencies, key: tuple[str | int, ...], make: Callable[[], bytes], *, keyed: bool
) -> ResponseContent:
    """The file that `make` writes of a version, which never changes: written once, and cached within a limit of
    memory."""

    def content() -> ResponseContent:
        return content_of(make(), compress=key[0] == "version")

    async def in_turn() -> ResponseContent:
        return parts.answers.keep(key, await parts.limits.run("exports", keyed, content))

    return parts.answers.kept(key) or await parts.answers.once((keyed, *key), in_turn)


def _file(request: Request, content: ResponseContent, media_type: str, name: str) -> Response:
    response = tagged(request, content, media_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
