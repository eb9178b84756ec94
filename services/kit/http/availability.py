"""503 with `Retry-After` until the tables have caught up once, and while the database can't be reached.

Before that a 404 for a plan or a 401 for a key could be wrong.
"""

from collections.abc import Callable

import psycopg
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from services.kit.http.problems import UnavailableProblem, answer
from services.kit.projection.databases import is_damage, is_missing_table, is_outage

DATA = "/v1/"  # the paths below it need the tables, except the documentation's
DOCUMENTATION = ("/docs", "/openapi.json")


def require_tables(app: FastAPI, caught_up: Callable[[], bool]) -> None:
    """Respond 503 while the tables or keys can't be read. `caught_up`: whether they have caught up once."""
    # The innermost middleware, so that others, such as CORS, also apply to its responses.
    app.user_middleware.append(Middleware(_CaughtUp, caught_up=caught_up))

    # Not only SQLAlchemy's errors: copying rows and reading blobs bypass it.
    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(psycopg.Error)
    async def away(request: Request, error: Exception) -> JSONResponse:
        if is_outage(error) or is_damage(error) or is_missing_table(error):
            return answer(request, UnavailableProblem("The database can't be reached now; try again later."))
        raise error


class _CaughtUp:
    """The middleware behind `require_tables`."""

    def __init__(self, app: ASGIApp, caught_up: Callable[[], bool]) -> None:
        self._app = app
        self._caught_up = caught_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if self._caught_up() or not path.startswith(DATA) or path.endswith(DOCUMENTATION):
            await self._app(scope, receive, send)
        else:
            problem = UnavailableProblem("The service is still loading its data; try again later.")
            await answer(Request(scope), problem)(scope, receive, send)
