"""The web pages: `web/index.html` at `/`, its modules and styles below `/app/`. Nothing is loaded from another host."""

from datetime import date
from os import PathLike, stat_result
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.aggregator.api.models import Answer
from services.aggregator.api.settings import RealizationSettings
from services.kit.auth.public import PUBLIC

_HERE = Path(__file__).parent
WEB = next(
    folder for folder in (_HERE / "web", _HERE.parents[2] / "web") if folder.is_dir()
)  # installed; in a checkout
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Opening(Answer):
    """The plan that the page shows when its address names none."""

    plan: str | None
    as_of: date | None


class _Pages(StaticFiles):
    """Files with their `ETag` and the headers of every page."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response


def add_pages(app: FastAPI, settings: RealizationSettings) -> None:
    """Serve the pages, and the plan that they open with."""

    @app.get("/opening.json", include_in_schema=False, dependencies=[PUBLIC])
    async def opening() -> Opening:
        return Opening(plan=settings.opening_plan, as_of=settings.opening_as_of)

    pages = _Pages(directory=WEB)

    @app.get("/", include_in_schema=False, dependencies=[PUBLIC])
    async def index(request: Request) -> Response:
        return await pages.get_response("index.html", request.scope)

    app.mount("/app", _Pages(directory=WEB / "app"))
