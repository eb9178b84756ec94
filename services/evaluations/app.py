"""The app of evaluations: field visits and what they verified."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from schemas.topics import EVENT_LIMIT
from services.evaluations import routes
from services.evaluations.projection import SERVICE, create_projection
from services.kit.bodies import limit_bodies
from services.kit.docs import add_docs
from services.kit.health import add_health
from services.kit.metrics import add_metrics, measure_requests
from services.kit.problems import add_problems
from services.kit.publishing import Publisher
from services.kit.settings import Settings

BODY_LIMITS = {"/v1/visits": EVENT_LIMIT}


def create_app(settings: Settings) -> FastAPI:
    """The composition root of evaluations."""
    registry = CollectorRegistry()
    projection, keyring = create_projection(settings, registry)
    publisher = Publisher(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with projection.following():
            try:
                yield
            finally:
                await publisher.close()

    app = FastAPI(
        title="Pantau: evaluations",
        summary="Field visits, and what was verified.",
        version="1",
        lifespan=lifespan,
        openapi_url="/v1/visits/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.keyring = keyring
    add_docs(app, "/v1/visits/docs")
    app.include_router(routes.create_routes(projection, publisher))
    add_health(app, projection.ready)
    add_metrics(app, registry)
    add_problems(app)
    limit_bodies(app, BODY_LIMITS)
    measure_requests(app, registry, SERVICE)
    return app
