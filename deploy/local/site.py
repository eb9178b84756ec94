"""All three apps on one port, as behind the ingress: each path goes to the app that owns it (deploy/paths.py).

    python -m deploy.local.site

`/healthz`, `/readyz`, `/metrics` and `/docs` are of the whole.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.local import status
from deploy.local.process_settings import SiteSettings
from deploy.paths import owner_of
from services.aggregator.api.app import create_app as create_realization
from services.evaluations.app import create_app as create_evaluations
from services.kit.auth.public import PUBLIC
from services.kit.http.docs_page import page
from services.kit.http.head_requests import answer_heads
from services.kit.http.health import add_health, trust_of
from services.kit.http.metrics import add_metrics
from services.kit.http.server import serve
from services.programs.app import create_app as create_programs

OWN = frozenset({"/healthz", "/readyz", "/metrics", "/docs"})


def create_site(settings: SiteSettings) -> FastAPI:
    """The apps behind the table of paths."""
    apps = {
        "programs": create_programs(settings),
        "evaluations": create_evaluations(settings),
        "realization": create_realization(settings),
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as running:
            for app in apps.values():
                await running.enter_async_context(app.router.lifespan_context(app))
            yield

    def ready() -> tuple[bool, Mapping[str, object]]:
        readiness = {name: app.state.ready() for name, app in apps.items()}
        checks: dict[str, object] = {name: checks for name, (_, checks) in readiness.items()}
        supervisor = status.of_parent(settings.state.absolute())
        if supervisor:  # other processes that failed are shown; the site itself stays ready
            checks["failed"] = supervisor.failures
        return all(is_ready for is_ready, _ in readiness.values()), checks

    site = FastAPI(title="Pantau", lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    registry = CollectorRegistry()
    registry.register(_Together([app.state.registry for app in apps.values()]))
    add_health(site, ready, trust_of(settings))
    add_metrics(site, registry)

    @cache
    def written() -> str:
        return page([(app.openapi(), app.openapi_url or "") for app in apps.values()])

    @site.get("/docs", dependencies=[PUBLIC])
    def docs() -> HTMLResponse:
        return HTMLResponse(written())

    site.add_middleware(_ByPath, apps=apps)
    answer_heads(site)
    return site


class _ByPath:
    """Hands a request to the app that owns its path."""

    def __init__(self, app: ASGIApp, apps: Mapping[str, ASGIApp]) -> None:
        self._own = app
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OWN:
            await self._own(scope, receive, send)
        else:
            await self._apps[owner_of(scope["path"])](scope, receive, send)


class _Together(Collector):
    """The metrics of several registries, those of one name in one family; their labels distinguish them."""

    def __init__(self, registries: Iterable[CollectorRegistry]) -> None:
        self._registries = list(registries)

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for registry in self._registries:
            for metric in registry.collect():
                families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type)).samples.extend(
                    metric.samples
                )
        yield from families.values()


if __name__ == "__main__":
    serve("site", SiteSettings, create_site, lambda settings: settings.port)
