"""`/v1/events`: the intake of events as CloudEvents, and their outcomes."""

import asyncio
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from schemas.fields import EVENT_ID, EVENT_ID_CHARACTERS
from schemas.sources import SOURCE
from schemas.topics import KIB
from services.kit.auth.dependencies import checked_first, needs
from services.kit.auth.principal import Caller
from services.kit.http.problems import (
    ErrorDetail,
    ForbiddenProblem,
    InvalidProblem,
    NotFoundProblem,
    Problem,
    UnavailableProblem,
    answers,
)
from services.kit.publishing import NOT_ACKNOWLEDGED
from services.programs.dependencies import ProgramsDependencies
from services.programs.events.cloudevents import Arrived, is_batch, read_batch, read_one, require_utf_8
from services.programs.events.commands import ACCEPTED, FORBIDDEN, UNAVAILABLE, Result, receive
from services.programs.events.models import (
    ACCEPTED_EXAMPLE,
    OUTCOME_EXAMPLES,
    REQUEST,
    Accepted,
    Batch,
    Pending,
    Rejected,
    Sent,
)
from services.programs.events.queries import outcome

LARGE_BYTES = 256 * KIB  # a body from this size on takes more than some ms to decode
MANY = 1_000  # this many results take more than some ms to encode
WAIT_SECONDS = 30
RETRY_AFTER_SECONDS = 2


def create_routes(parts: ProgramsDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["events"])

    @router.post(
        "/v1/events",
        status_code=202,
        response_model=Sent | Batch,
        openapi_extra=REQUEST,
        responses={
            202: {"description": "Acknowledged", "content": {"application/json": {"example": ACCEPTED_EXAMPLE}}},
            207: {"description": "Some events of a batch were acknowledged; `results` has each", "model": Batch},
            **answers(401, 403, 413, 415, 422, 503),
        },
    )
    @checked_first("reports:write")
    async def send_events(request: Request, caller: Caller) -> Response:
        """Send one event (structured, or binary with `ce-` headers) or a batch.

        202 when Kafka has acknowledged it. The event's source and id are the idempotency key: the same event may be
        sent again at any time, and should be after a 503.
        """
        body = await request.body()
        content_type = request.headers.get("content-type", "")
        secret, publisher, metrics = parts.secret, parts.publisher, parts.metrics
        if is_batch(content_type):
            require_utf_8(content_type)
            arrivals = read_batch(body) if len(body) < LARGE_BYTES else await asyncio.to_thread(_read_at_once, body)
            results = await receive(arrivals, caller, secret, publisher, metrics)
            return await asyncio.to_thread(_batch_answer, results) if len(results) > MANY else _batch_answer(results)
        reading = partial(read_one, request.headers, body)
        arrived = reading() if len(body) < LARGE_BYTES else await asyncio.to_thread(reading)
        (result,) = await receive([arrived], caller, secret, publisher, metrics)
        if result["status"] != ACCEPTED:
            raise _problem(result)
        return _json(result, ACCEPTED)

    @router.get(
        "/v1/events",
        response_model=Pending | Accepted | Rejected,
        responses={
            200: {"description": "Its outcome", "content": {"application/json": {"examples": OUTCOME_EXAMPLES}}},
            **answers(401, 404, 422, 429),
        },
    )
    async def outcome_of_event(
        caller: Annotated[Caller, needs("outcomes:read")],
        source: Annotated[str, Query(pattern=SOURCE, max_length=160)],
        event_id: Annotated[str, Query(alias="id", pattern=EVENT_ID, max_length=EVENT_ID_CHARACTERS)],
        wait: Annotated[float, Query(ge=0, le=WAIT_SECONDS, description="Seconds to wait for an outcome.")] = 0,
    ) -> JSONResponse:
        """The outcome of an event: pending, accepted with its standing, or rejected with reasons.

        404 when all events received so far are processed and it is not among them. The text of reasons is shown with a
        key of the plan only.
        """
        async with parts.limits.room("waits" if wait else "reads", keyed=caller.keyed):
            found = await outcome(parts.projection, parts.inputs, source, event_id, wait)
        if found is None:
            raise NotFoundProblem(f"No event {event_id} of {source} was received.")
        if not caller.may("rejects:read", source=source):
            for reason in (*found.get("reasons", ()), *found.get("also_rejected", ())):
                del reason["detail"]
        return JSONResponse(found, headers={"Cache-Control": "no-store"})

    return router


def _read_at_once(body: bytes) -> list[Arrived]:
    """The events of a large batch, decoded in a thread."""
    return list(read_batch(body))


def _problem(result: Result) -> Problem:
    """The problem of a single event's result."""
    if result["status"] == UNAVAILABLE:
        return UnavailableProblem(NOT_ACKNOWLEDGED, retry_after_seconds=RETRY_AFTER_SECONDS)
    errors = [ErrorDetail(**error) for error in result["errors"]]
    return (ForbiddenProblem if result["status"] == FORBIDDEN else InvalidProblem)(errors=errors)


def _json(content: Any, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _batch_answer(results: list[Result]) -> Response:
    """202 when all are acknowledged, 207 when some are. When none is: 503 if that is due to the broker, else 422."""
    statuses = {result["status"] for result in results}
    body: dict[str, Any] = {
        "accepted": sum(result["status"] == ACCEPTED for result in results),
        "results": [{"index": index} | result for index, result in enumerate(results)],
    }
    if statuses <= {ACCEPTED}:  # also for a batch without events, which CloudEvents allows
        return _json(body, ACCEPTED)
    if ACCEPTED in statuses:
        return _json(body, 207)
    if UNAVAILABLE in statuses:
        problem: Problem = UnavailableProblem(NOT_ACKNOWLEDGED, retry_after_seconds=RETRY_AFTER_SECONDS)
    elif statuses == {FORBIDDEN}:
        problem = ForbiddenProblem("None of the events was accepted; `results` says why.")
    else:
        problem = InvalidProblem("None of the events was accepted; `results` says why.")
    problem.members = body
    raise problem
