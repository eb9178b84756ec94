"""503 with `Retry-After`: until the tables have caught up once, and while the database can't be asked.

Until then nobody can say that a plan does not exist, or that a key is not known.
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

DATA = "/v1/"  # the paths below it are about what is in the tables, all but the documentation's
DOCUMENTATION = ("/docs", "/openapi.json")


def require_tables(app: FastAPI, caught_up: Callable[[], bool]) -> None:
    """Answer 503 where the tables, or the keys, can't be asked. `caught_up`: whether they have caught up once."""
    # The innermost middleware: what stands around answers, such as CORS, stands around this one too.
    app.user_middleware.append(Middleware(_CaughtUp, caught_up=caught_up))

    # Not only SQLAlchemy's: rows are also copied, and blobs read, past it.
    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(psycopg.Error)
    async def away(request: Request, error: Exception) -> JSONResponse:
        if is_outage(error) or is_damage(error) or is_missing_table(error):
            return answer(request, UnavailableProblem("The database can't be asked now."))
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
            problem = UnavailableProblem("The log is still being read; nothing can be said yet.")
            await answer(Request(scope), problem)(scope, receive, send)
