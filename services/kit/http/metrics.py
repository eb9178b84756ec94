"""The Prometheus metrics of an HTTP process. The registry is an argument, so that every app and test has its own."""

import time

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.auth.public import PUBLIC

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNROUTED = "none"


def add_metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    """Serve `/metrics`. The registry is also at `app.state.registry`."""
    app.state.registry = registry

    @app.get("/metrics", include_in_schema=False, dependencies=[PUBLIC])
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def measure_requests(app: FastAPI, registry: CollectorRegistry, service: str) -> None:
    """Count requests of a service and measure their time. Labels are bounded: the route's template, never the path."""
    app.add_middleware(_Measured, registry=registry, service=service)


class _Measured:
    """The middleware behind `measure_requests`."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, service: str) -> None:
        self._app = app
        self._service = service
        self._requests = Counter(
            "pantau_http_requests_total",
            "Requests answered.",
            ("service", "method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "pantau_http_request_seconds",
            "Time from a request to the end of its response; of a stream until its client disconnects.",
            ("service", "method", "route"),
            buckets=SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "pantau_http_requests_in_flight", "Requests being answered.", ("service",), registry=registry
        ).labels(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def listen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._in_flight.inc()
        try:
            await self._app(scope, receive, listen)
        finally:
            self._in_flight.dec()
            route = getattr(scope.get("route"), "path", UNROUTED)
            method = scope["method"] if route != UNROUTED else UNROUTED
            self._requests.labels(self._service, method, route, str(status)).inc()
            self._seconds.labels(self._service, method, route).observe(time.perf_counter() - began)
