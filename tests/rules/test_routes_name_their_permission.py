"""Every route of every app names its permission in its signature, or says that it looks at no key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from deploy.local.process_settings import SiteSettings
from deploy.local.site import create_site
from services.aggregator.api.app import create_app as create_realization
from services.evaluations.app import create_app as create_evaluations
from services.kit.auth.dependencies import permission_of
from services.kit.auth.policy import TABLE, markdown
from services.programs.app import create_app as create_programs

INTERFACES = Path(__file__).parents[2] / "docs" / "interfaces.md"
APPS: dict[str, Callable[[SiteSettings], FastAPI]] = {
    "programs": create_programs,
    "evaluations": create_evaluations,
    "realization": create_realization,
    "joint site": create_site,
}
NO_ENDPOINTS = {
    "/openapi.json": "the framework's own document",
    "/v1/masterplans/openapi.json": "the framework's own document",
    "/v1/visits/openapi.json": "the framework's own document",
    "/app": "files of the web page",
}
"""Routes that have no signature; all are public."""


@pytest.mark.parametrize("name", APPS)
def test_every_route_names_its_permission(name: str, tmp_path: Path) -> None:
    app = APPS[name](SiteSettings(state=tmp_path))
    named = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            named.append(permission_of(route))  # raises where it says none
        else:
            assert getattr(route, "path", None) in NO_ENDPOINTS
    assert named


def test_every_permission_is_named_or_asked_for(tmp_path: Path) -> None:
    routes = [
        context.original_route
        for make in APPS.values()
        for context in iter_route_contexts(make(SiteSettings(state=tmp_path)).routes)
    ]
    named = {permission_of(route) for route in routes if isinstance(route, APIRoute)}
    within_routes = {"notes:read", "rejects:read", "reports:retract"}
    assert named - {None} | within_routes == TABLE.keys()


def test_a_route_without_a_permission_is_found() -> None:
    router = APIRouter()

    @router.get("/forgotten")
    async def forgotten() -> None:
        """Names none."""

    (route,) = router.routes
    assert isinstance(route, APIRoute)
    with pytest.raises(LookupError, match="/forgotten must name one permission"):
        permission_of(route)


def test_the_interfaces_show_the_table() -> None:
    assert "\n".join(markdown()) in INTERFACES.read_text()
