"""Problems (RFC 9457): the responses of all refused or failed requests, with all errors at once.

Problem
├── InvalidProblem          422  the request is invalid; `errors` lists where
├── UnauthorizedProblem     401  a key is needed
├── ForbiddenProblem        403  the key is for something else
├── NotFoundProblem         404
├── TimeoutProblem          408  a body that did not come in time; the connection is closed
├── ConflictProblem         409
├── TooLargeProblem         413
├── MediaTypeProblem        415
├── TooManyProblem          429  too much of this work at once: `Retry-After`
└── UnavailableProblem      503  try again later: `Retry-After`
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
VALUE_CHARACTERS = 200
ERRORS_SHOWN = 1_000


class ErrorDetail(NamedTuple):
    """One error: its place, what is wrong, what was expected, and the value found."""

    where: str
    what: str
    expected: str = ""
    value: Any = None


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """A request that is refused or failed. Its `type` is made from the class's `kind`."""

    status = 500
    kind = "about:blank"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[ErrorDetail] = (),
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.members = members  # extension members, as RFC 9457 calls them


class InvalidProblem(Problem):
    status, kind = 422, "invalid"


class UnauthorizedProblem(Problem):
    status, kind = 401, "unauthorized"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="pantau"'})


class ForbiddenProblem(Problem):
    status, kind = 403, "forbidden"


class NotFoundProblem(Problem):
    status, kind = 404, "not-found"


class TimeoutProblem(Problem):
    status, kind = 408, "timeout"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Connection": "close"})


class ConflictProblem(Problem):
    status, kind = 409, "conflict"


class TooLargeProblem(Problem):
    status, kind = 413, "too-large"


class MediaTypeProblem(Problem):
    status, kind = 415, "media-type"


class TooManyProblem(Problem):
    """The capacity for this work is used up; the same request may be sent again."""

    status, kind = 429, "too-many"

    def __init__(self, detail: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class UnavailableProblem(Problem):
    """The outcome is unknown or nothing was done; the same request may be sent again."""

    status, kind = 503, "unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class ProblemDetails(BaseModel):
    """The JSON of a problem, for the OpenAPI document."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] = []

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "type": "urn:pantau:problem:invalid",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "1 error",
                    "instance": "/v1/events",
                    "errors": [
                        {
                            "where": "data.physical",
                            "what": "Input should be less than or equal to 100",
                            "expected": "less_than_equal 100",
                            "value": 101,
                        }
                    ],
                }
            ]
        }
    }


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may return, for its `responses`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {
        status: {"model": ProblemDetails, "description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def shown(value: Any) -> Any:
    """A value as shown in a response: JSON, shortened. What JSON can't express becomes text."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        value = None if isinstance(value, dict | list) else str(value)
        text = json.dumps(value, ensure_ascii=False)
    text = text.encode("utf-8", "replace").decode()  # lone surrogates can't be sent
    if len(text) <= VALUE_CHARACTERS:
        return json.loads(text)
    return text[:VALUE_CHARACTERS] + "…"


def wrong_of(error: ValidationError, *, skip: int = 0) -> list[ErrorDetail]:
    """All errors of a validation. The first `skip` steps of each place are left out (the tag of a union)."""
    found = []
    problems = error.errors(include_url=False)
    # A list with invalid items is also reported as "too short", because only valid items count.
    echoes = {problem["loc"][:depth] for problem in problems for depth in range(len(problem["loc"]))}
    for problem in problems:
        if problem["type"] == "too_short" and problem["loc"] in echoes:
            continue
        what = problem["msg"].removeprefix("Value error, ")
        context = {name: value for name, value in (problem.get("ctx") or {}).items() if name != "error"}
        expected = ", ".join(str(value) for value in context.values())
        where = ".".join(str(step) for step in problem["loc"][skip:])
        value = None if problem["type"] == "missing" else shown(problem["input"])
        found.append(ErrorDetail(where, what, f"{problem['type']} {expected}".strip(), value))
    return found


def listed(errors: Iterable[ErrorDetail]) -> list[dict[str, Any]]:
    """Errors as the JSON of a response."""
    return [error._asdict() for error in errors]


def answer(request: Request, problem: Problem) -> JSONResponse:
    """The response of a problem."""
    errors = list(problem.errors)
    count = f"{len(errors)} error{'s' if len(errors) != 1 else ''}" if errors else ""
    body: dict[str, Any] = {
        "type": problem.kind if problem.kind == "about:blank" else f"urn:pantau:problem:{problem.kind}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail or count,
        "instance": request.url.path,
    }
    if errors:
        body["errors"] = listed(errors[:ERRORS_SHOWN])
        body["errors_total"] = len(errors)
    return JSONResponse(body | problem.members, problem.status, problem.headers, MEDIA_TYPE)


def _methods(app: FastAPI, path: str) -> set[str]:
    """All methods of a path. The framework only names those of the first matching route."""
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    fitting = [route for route in routes if isinstance(route, Route) and route.path_regex.match(path)]
    methods = {
        method for route in fitting if route.path_format == fitting[0].path_format for method in route.methods or ()
    }
    return methods | ({"HEAD"} if "GET" in methods else set())


def add_problems(app: FastAPI) -> None:
    """Return every error as a problem: our own, the framework's, and unexpected exceptions."""

    @app.exception_handler(Problem)
    async def ours(request: Request, problem: Problem) -> JSONResponse:
        return answer(request, problem)

    @app.exception_handler(RequestValidationError)
    async def parameters(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            ErrorDetail(
                ".".join(str(step) for step in problem["loc"]),
                problem["msg"].removeprefix("Value error, "),
                problem["type"],
                None if problem["type"] == "missing" else shown(problem.get("input")),
            )
            for problem in error.errors()
        ]
        return answer(request, InvalidProblem(errors=errors))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's, of a body that it can't even decode
            return answer(
                request, InvalidProblem(errors=[ErrorDetail("body", "is not JSON in UTF-8", "JSON in UTF-8")])
            )
        problem = Problem(error.detail, headers=error.headers)
        problem.status = error.status_code
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            problem.headers["Allow"] = ", ".join(sorted(_methods(app, request.url.path)))
        return answer(request, problem)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error", exc_info=error, extra={"path": request.url.path})
        return answer(request, Problem("An unexpected error occurred; the service's log has the details."))
