"""What the apps share: the frame around their routes, and a projection that also keeps keys."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, MetaData, Table

from services.kit.auth.keyring import TOPIC as ACCESS
from services.kit.auth.keyring import Keyring
from services.kit.http.availability import require_tables
from services.kit.http.bodies import limit_bodies
from services.kit.http.docs_page import prepare_docs
from services.kit.http.encodings import inflate_bodies
from services.kit.http.head_requests import answer_heads
from services.kit.http.health import Ready, add_health, trust_of
from services.kit.http.metrics import add_metrics, measure_requests
from services.kit.http.pacing import pace_requests
from services.kit.http.problems import add_problems
from services.kit.projection.databases import table_prefix
from services.kit.projection.follower import Projection, Record
from services.kit.publishing import Publisher
from services.kit.settings import ServiceSettings

Apply = Callable[[Connection, Sequence[Record]], None]


def create_projection(
    settings: ServiceSettings,
    registry: CollectorRegistry,
    *,
    service: str,
    version: int,
    topics: Sequence[str],
    tables: MetaData,
    apply: Apply,
    compacted: Mapping[str, Table] = {},
) -> tuple[Projection, Keyring]:
    """The projection of a service that is written to with keys, and its keyring.

    `compacted`: the table of each compacted topic in `topics`, other than that of keys.
    """
    own = MetaData()
    for table in tables.sorted_tables:
        table.to_metadata(own)
    keyring = Keyring(table_prefix(service, version), own, settings.admin_key_sha256)

    def apply_all(connection: Connection, records: Sequence[Record]) -> None:
        apply(connection, records)
        keyring.apply(connection, records)

    async def remember(records: Sequence[Record]) -> None:
        keyring.remember(records)

    projection = Projection(
        settings,
        registry,
        service=service,
        version=version,
        topics=topics,
        tables=own,
        compacted={**compacted, ACCESS: keyring.table},
        apply=apply_all,
        load=keyring.load,
        on_commit=remember,
    )
    return projection, keyring


def following_and_publishing(
    projection: Projection, publisher: Publisher
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan of such a service: it follows its topics, and at the end publishes pending records."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with projection.following():
            await prepare_docs(app)
            try:
                yield
            finally:
                await publisher.close()

    return lifespan


def add_frame(
    app: FastAPI,
    settings: ServiceSettings,
    registry: CollectorRegistry,
    service: str,
    projection: Projection,
    ready: Ready,
    keyring: Keyring,
    body_limits: Mapping[str, int],
) -> None:
    """Add what every app has: health, metrics, problems, 503 while the tables can't be read, limits of bodies.

    Call it after adding the routes and the app's own middleware. The keyring is at `app.state.keyring`.
    """
    app.state.keyring = keyring
    add_health(app, ready, trust_of(settings))
    add_metrics(app, registry)
    add_problems(app)
    inflate_bodies(app, body_limits)
    require_tables(app, lambda: projection.caught_up)
    limit_bodies(app, body_limits, settings.body_seconds)
    pace_requests(app, keyring)
    measure_requests(app, registry, service)
    answer_heads(app)
