"""The app of the realization api: figures, their history and stream, open data, and the web pages."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from services.aggregator.api.changes import routes as changes
from services.aggregator.api.computed_answers import ComputedAnswers
from services.aggregator.api.departments import routes as departments
from services.aggregator.api.dependencies import ApiDependencies
from services.aggregator.api.exit_signals import on_stop
from services.aggregator.api.figures import routes as figures
from services.aggregator.api.history import routes as history
from services.aggregator.api.metrics import ApiMetrics
from services.aggregator.api.moments import Clock, Moments, utc_now
from services.aggregator.api.open_plans import FACTS_IN_MEMORY, OpenPlans
from services.aggregator.api.plans import routes as plans
from services.aggregator.api.plans.queries import Ranking
from services.aggregator.api.programs import routes as programs
from services.aggregator.api.projection import PREFIX, SERVICE, TOPICS, VERSION, Tables
from services.aggregator.api.settings import RealizationSettings
from services.aggregator.api.stream import routes as stream
from services.aggregator.api.stream.models import Change
from services.aggregator.api.stream.streams import Streams
from services.aggregator.api.web_pages import add_pages
from services.kit.auth.keyring import TOPIC as ACCESS
from services.kit.auth.keyring import Keyring
from services.kit.http.apps import add_frame
from services.kit.http.docs_page import add_docs, prepare_docs
from services.kit.http.limits import Limit, WorkLimiter
from services.kit.http.openapi import describe
from services.kit.http.problems import answers as problems
from services.kit.http.responses import COMPRESSED_FROM_BYTES, COMPRESSION
from services.kit.projection.follower import Projection, Record
from services.kit.projection.private_parts import TOPIC as PRIVATE


def limits_of(settings: RealizationSettings) -> dict[str, Limit]:
    """The limits of work at once. More threads would not be faster: they share one interpreter."""
    return {
        "answers": Limit(3, 1, waiting=256, wait_seconds=5.0),
        "rankings": Limit(2, 1, waiting=8, wait_seconds=5.0),  # rankings that load plans
        "waits": Limit(256, 128),  # requests that wait for a `seq`
        "streams": Limit(settings.streams, settings.streams // 5),  # clients
        "channels": Limit(64, 16),  # questions of streams about other dates than today
    }


def create_app(
    settings: RealizationSettings, *, now: Clock = utc_now, facts_in_memory: int = FACTS_IN_MEMORY
) -> FastAPI:
    """The composition root of the realization api."""
    registry = CollectorRegistry()
    metrics = ApiMetrics(registry)
    tables = Tables()
    keyring = Keyring(PREFIX, tables.metadata, settings.admin_key_sha256)
    open_plans = OpenPlans(tables, metrics, facts_in_memory)

    def apply(connection: Connection, records: Sequence[Record]) -> None:
        tables.apply(connection, records)
        keyring.apply(connection, records)

    def load(connection: Connection) -> None:
        open_plans.load(connection)
        keyring.load(connection)

    async def on_commit(records: Sequence[Record]) -> None:
        keyring.remember(records)
        streams.touch(await open_plans.on_commit(records))

    projection = Projection(
        settings,
        registry,
        service=SERVICE,
        version=VERSION,
        topics=TOPICS,
        tables=tables.metadata,
        compacted={"realization": tables.snapshots, PRIVATE: tables.private.table, ACCESS: keyring.table},
        apply=apply,
        load=load,
        on_commit=on_commit,
    )
    open_plans.projection = projection
    limits = WorkLimiter(registry, SERVICE, limits_of(settings))
    moments = Moments(open_plans, projection, limits, now)
    answers = ComputedAnswers(moments, limits, metrics)
    streams = Streams(moments, limits, metrics)
    ranking = Ranking(answers, open_plans, tables, projection, limits, now)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with projection.following(), streams.running():
            await prepare_docs(app)
            with on_stop(streams.close):
                yield

    app = FastAPI(
        title="Pantau: live state",
        summary="How far masterplans have been carried out: figures, their history, and why. Open data, read-only.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own page loads scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # a path with an extra slash is not found: behind TLS a redirect would lead to http
        responses=problems(503),  # of every path that needs the tables
    )
    parts = ApiDependencies(moments, answers, ranking, streams, tables, projection)
    for routes in (plans, figures, history, changes, programs, departments, stream):
        app.include_router(routes.create_routes(parts))
    add_docs(app, "/v1/plans/docs")
    describe(app, Change)
    add_pages(app, settings)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET"],
        allow_headers=["If-None-Match", "Last-Event-ID"],
        expose_headers=["ETag"],
    )
    app.add_middleware(
        GZipMiddleware, minimum_size=COMPRESSED_FROM_BYTES, compresslevel=COMPRESSION
    )  # the web pages; answers come compressed, and streams are left alone
    add_frame(app, settings, registry, SERVICE, projection, projection.ready, keyring, {})
    return app
