"""The app of programs: masterplan registry, departments and keys, intake."""

from asyncio import Lock
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from schemas.topics import EVENT_LIMIT, KIB, MIB, PLAN_VERSION_LIMIT
from services.kit.http.apps import add_frame, create_projection, following_and_publishing
from services.kit.http.docs_page import add_docs
from services.kit.http.limits import Limit, WorkLimiter
from services.kit.http.openapi import describe
from services.kit.http.problems import answers
from services.kit.http.single_flight import SharedAnswers
from services.kit.publishing import Publisher
from services.kit.settings import require_secret
from services.programs.departments import routes as departments
from services.programs.dependencies import ProgramsDependencies
from services.programs.erasures import routes as erasures
from services.programs.events import routes as events
from services.programs.events.models import MODELS
from services.programs.input_ends import Inputs
from services.programs.masterplans import routes as masterplans
from services.programs.metrics import IntakeMetrics
from services.programs.projection import SERVICE, TOPICS, VERSION, apply, tables
from services.programs.settings import ProgramsSettings

BATCH_LIMIT = 8 * MIB
ANSWERS_BYTES = 32 * MIB  # cache of workbooks and plan versions
LIMITS = {
    "reads": Limit(4, 2, waiting=128, wait_seconds=5.0),  # reads of tables, and responses made from them
    "exports": Limit(2, 1, waiting=8, wait_seconds=10.0),  # exports of a masterplan, and whole plan versions
    "waits": Limit(256, 128),  # requests that wait for an outcome
}
BODY_LIMITS = {
    "/v1/events": max(EVENT_LIMIT, BATCH_LIMIT),
    "/v1/masterplans/import": PLAN_VERSION_LIMIT + 64 * KIB,  # the file, and the form around it
}


def create_app(settings: ProgramsSettings) -> FastAPI:
    """The composition root of programs."""
    registry = CollectorRegistry()
    projection, keyring = create_projection(
        settings, registry, service=SERVICE, version=VERSION, topics=TOPICS, tables=tables, apply=apply
    )
    publisher = Publisher(settings)
    inputs = Inputs(settings)
    parts = ProgramsDependencies(
        settings,
        projection,
        keyring,
        publisher,
        inputs,
        IntakeMetrics(registry),
        WorkLimiter(registry, SERVICE, LIMITS),
        SharedAnswers(ANSWERS_BYTES),
        Lock(),
        require_secret(settings),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with inputs.watching(), following_and_publishing(projection, publisher)(app):
            yield

    def ready() -> tuple[bool, Mapping[str, object]]:
        # A transaction that stays open on an input is reported, but reports are still accepted: Kafka stores them after
        # it.
        is_ready, checks = projection.ready()
        return is_ready, {**checks, "inputs": {"open_transactions": inputs.check()}}

    app = FastAPI(
        title="Pantau: programs",
        summary="Masterplans, departments and their keys, and the intake of reports.",
        version="1",
        lifespan=lifespan,
        openapi_url="/v1/masterplans/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a path with an extra slash is not found: behind TLS a redirect would lead to http
        responses=answers(503),  # of every path that needs the tables
    )
    add_docs(app, "/v1/masterplans/docs")  # before the routes, one of which would match it
    for routes in (events, erasures, masterplans, departments):
        app.include_router(routes.create_routes(parts))
    describe(app, *MODELS)
    add_frame(app, settings, registry, SERVICE, projection, ready, keyring, BODY_LIMITS)
    return app
