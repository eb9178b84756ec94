"""`/v1/masterplans`: the register of plans; import and export as the workbook a planning office keeps."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from schemas.sources import PLAN
from services.kit.databases import reading
from services.kit.keys import Administrator
from services.kit.pages import Cursor, Limit, cursor_of, moment, position_of, tagged
from services.kit.problems import InvalidProblem, MediaTypeProblem, NotFoundProblem, Wrong, answers
from services.programs.imports import Imported, Upload, import_masterplan
from services.programs.parts import Parts
from services.programs.registry import in_force, page, registered, versions
from services.programs.workbook import template, write_csv, write_workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
MULTIPART = "multipart/form-data"
BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE: dict[str, Any] = {"schema": {"type": "object", "properties": {"file": BINARY["schema"]}}}
REQUEST = {"requestBody": {"required": True, "content": {XLSX: BINARY, CSV: BINARY, MULTIPART: FILE}}}
IMPORT_EXAMPLE = {
    "plan": "kota-pontianak-2019-2028",
    "version": 1,
    "dry_run": False,
    "already_registered": False,
    "programs": 426,
    "departments": 25,
    "source": "/plans/kota-pontianak-2019-2028/council",
    "id": "version-1-7c1d0f53a5c0f9d2",
    "warnings": [],
    "published": {"topic": "masterplans", "partition": 3, "offset": 0},
}

LAST_VERSION = 2**31 - 1

PlanPath = Annotated[str, Path(pattern=f"^(?:{PLAN})$")]


async def _upload(request: Request) -> Upload:
    """The file of a request: its body, or the field `file` of a form."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    fields = {name: value for name, value in request.query_params.items() if name != "dry_run"}
    if media_type in {XLSX, CSV}:
        return Upload(media_type == CSV, await request.body(), fields)
    if media_type != MULTIPART:
        raise MediaTypeProblem(f"{media_type or 'A body without a media type'} is not taken here, but {XLSX}, {CSV}.")
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidProblem(errors=[Wrong("file", "is missing", "a workbook or CSV file in the field `file`")])
        is_csv = (file.filename or "").lower().endswith(".csv") or file.content_type == CSV
        return Upload(is_csv, await file.read(), fields)


def create_routes(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["masterplans"])

    @router.get("/v1/masterplans")
    def masterplans(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """The latest version of every plan, by its id."""
        with reading(parts.projection.engine) as connection:
            items = page(connection, position_of(cursor), limit + 1)
        following = cursor_of(items[limit - 1]["plan"]) if len(items) > limit else None
        return tagged(request, {"items": items[:limit], "next": following})

    @router.post(
        "/v1/masterplans/import",
        status_code=202,
        openapi_extra=REQUEST,
        responses={
            200: {"description": "A dry run, or this very version is registered already"},
            202: {"description": "Published", "content": {"application/json": {"example": IMPORT_EXAMPLE}}},
            **answers(401, 403, 409, 413, 415, 422, 503),
        },
    )
    async def import_plan(
        access: Administrator, upload: Annotated[Upload, Depends(_upload)], dry_run: bool = False
    ) -> JSONResponse:
        """Import a plan version: a workbook, or CSV of the programs sheet with the plan's own fields in the query.

        422 tells every error of every row. The version must replace the current one (409 names it). What became of
        it: `GET /v1/events` with the `source` and `id` answered here.
        """
        imported = await import_masterplan(parts, upload, access, dry_run=dry_run)
        return JSONResponse(_told(imported, dry_run), 202 if imported.published else 200)

    @router.get("/v1/masterplans/template", responses={200: {"content": {XLSX: BINARY}}})
    def empty_workbook() -> Response:
        """An empty workbook with every column explained."""
        return _file(template(), XLSX, "pantau-masterplan.xlsx")

    @router.get("/v1/masterplans/{plan}", responses=answers(404))
    def masterplan(request: Request, plan: PlanPath) -> Response:
        """A plan: its versions, the latest first, and which one is in force today."""
        with reading(parts.projection.engine) as connection:
            found = versions(connection, plan)
        if not found:
            raise NotFoundProblem(f"There is no plan {plan}.")
        current = in_force(parts.projection, plan)
        number = current.version.version if current else None
        return tagged(request, {"plan": plan, "current": found[0]["version"], "in_force": number, "versions": found})

    @router.get("/v1/masterplans/{plan}/versions/{number}", responses=answers(404))
    def version(request: Request, plan: PlanPath, number: Annotated[int, Path(ge=1, le=LAST_VERSION)]) -> Response:
        """A plan version, whole."""
        found = registered(parts.projection, plan, number)
        if found is None:
            raise NotFoundProblem(f"Plan {plan} has no version {number}.")
        told = {"plan": plan, "seq": found.fact.seq, "received_at": moment(found.fact.received_ms)}
        return tagged(request, told | found.version.model_dump(mode="json"))

    @router.get("/v1/masterplans/{plan}/export", responses={200: {"content": {XLSX: BINARY}}, **answers(404)})
    def export(
        plan: PlanPath,
        file_format: Annotated[Literal["xlsx", "csv"], Query(alias="format")] = "xlsx",
        number: Annotated[
            int | None, Query(alias="version", ge=1, le=LAST_VERSION, description="Default: the latest.")
        ] = None,
    ) -> Response:
        """The workbook again: what is exported imports. CSV holds the programs only."""
        found = registered(parts.projection, plan, number)
        if found is None:
            raise NotFoundProblem(f"Plan {plan} has no version {number or 'at all'}.")
        name = f"{plan}-v{found.version.version}.{file_format}"
        if file_format == "csv":
            return _file(write_csv(found.version), CSV, name)
        return _file(write_workbook(plan, found.version), XLSX, name)

    return router


def _told(imported: Imported, dry_run: bool) -> dict[str, Any]:
    version = imported.event.data
    return {
        "plan": imported.plan,
        "version": version.version,
        "dry_run": dry_run,
        "already_registered": imported.already,
        "programs": len(version.programs),
        "departments": len(version.departments),
        "source": imported.event.source,
        "id": imported.event.id,
        "warnings": imported.warnings,
        "published": imported.published,
    }


def _file(data: bytes, media_type: str, name: str) -> Response:
    return Response(data, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
