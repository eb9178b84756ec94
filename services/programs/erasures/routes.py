"""`/v1/events/erasures`: an administrator erases the private part of a fact."""

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.problems import NotFoundProblem, answers
from services.kit.http.responses import Acknowledged
from services.kit.http.strict_json import Json
from services.programs.dependencies import ProgramsDependencies
from services.programs.erasures import commands
from services.programs.erasures.models import ACCEPTED_EXAMPLE, ErasureAsked
from services.programs.erasures.queries import is_known


def create_routes(parts: ProgramsDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["events"])

    @router.post(
        "/v1/events/erasures",
        status_code=202,
        response_model=Acknowledged,
        dependencies=[Json],
        responses={
            202: {"description": "Acknowledged", "content": {"application/json": {"example": ACCEPTED_EXAMPLE}}},
            **answers(401, 403, 404, 422, 503),
        },
    )
    async def erase(caller: Annotated[Caller, needs("private:erase")], asked: ErasureAsked) -> Response:
        """Erase notes, obstacles, findings, titles and addresses of evidence of the facts with a source and id.

        The public part and all figures stay. 202 when Kafka has acknowledged the erasure and its audit. `GET
        /v1/events` gives its outcome by the `source` and `id` of this response. The original event stays on its input
        topic until that topic's retention ends (docs/operations.md).
        """
        caller.require("private:erase", source=asked.source)
        if not await run_in_threadpool(is_known, parts.projection, asked.source, asked.id):
            raise NotFoundProblem(f"No event {asked.id} of {asked.source} was accepted.")
        accepted = await commands.erase(parts, caller, asked)
        return JSONResponse(accepted.model_dump(), 202)

    return router
