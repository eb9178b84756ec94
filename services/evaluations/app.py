"""The app of evaluations: field visits and what they verified."""

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from schemas.topics import EVENT_LIMIT
from services.evaluations.dependencies import EvaluationsDependencies
from services.evaluations.projection import PRIVATE_PARTS, SERVICE, TOPICS, VERSION, apply, tables
from services.evaluations.settings import EvaluationsSettings
from services.evaluations.visits import routes as visits
from services.evaluations.visits.models import VisitSent
from services.kit.http.apps import add_frame, create_projection, following_and_publishing
from services.kit.http.docs_page import add_docs
from services.kit.http.limits import Limit, WorkLimiter
from services.kit.http.openapi import describe
from services.kit.http.problems import answers
from services.kit.projection.private_parts import TOPIC as PRIVATE
from services.kit.publishing import Publisher

BODY_LIMITS = {"/v1/visits": EVENT_LIMIT}
LIMITS = {"reads": Limit(4, 2, waiting=128, wait_seconds=5.0)}  # of tables


def create_app(settings: EvaluationsSettings) -> FastAPI:
    """The composition root of evaluations."""
    registry = CollectorRegistry()
    projection, keyring = create_projection(
        settings,
        registry,
        service=SERVICE,
        version=VERSION,
        topics=TOPICS,
        tables=tables,
        apply=apply,
        compacted={PRIVATE: PRIVATE_PARTS.table},
    )
    publisher = Publisher(settings)
    parts = EvaluationsDependencies(projection, publisher, WorkLimiter(registry, SERVICE, LIMITS))

    app = FastAPI(
        title="Pantau: evaluations",
        summary="Field visits, and what was verified.",
        version="1",
        lifespan=following_and_publishing(projection, publisher),
        openapi_url="/v1/visits/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a path with an extra slash is not found: behind TLS a redirect would lead to http
        responses=answers(503),  # of every path that needs the tables
    )
    add_docs(app, "/v1/visits/docs")
    for routes in (visits,):
        app.include_router(routes.create_routes(parts))
    describe(app, VisitSent)
    add_frame(app, settings, registry, SERVICE, projection, projection.ready, keyring, BODY_LIMITS)
    return app
