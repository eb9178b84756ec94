"""`/healthz`: the process runs. `/readyz`: it is ready for requests, or 503 with the reasons."""

from collections.abc import Callable, Mapping

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from services.kit.auth.public import PUBLIC
from services.kit.settings import KafkaSettings

# docs/operations.md, "Trust".
TRUST = "Kafka is unsecured: any client that reaches it can write as any department"

Ready = Callable[[], tuple[bool, Mapping[str, object]]]


def trust_of(settings: KafkaSettings) -> str:
    """A sentence about how Kafka is secured, as far as this process's own connection shows."""
    if settings.kafka_security_protocol == "PLAINTEXT":
        return TRUST
    known = settings.kafka_sasl_username if settings.kafka_sasl else "what its certificate says"
    if settings.kafka_ssl_cert_file is None and not settings.kafka_sasl:
        return (
            "Kafka is reached over TLS without authentication: any client that reaches it can write as any department"
        )
    over = "over TLS" if settings.kafka_tls else "without TLS"
    return f"Kafka authenticates this process as {known}, {over}; its access lists say who may write what"


def add_health(app: FastAPI, ready: Ready, trust: str = TRUST) -> None:
    """Serve both. `ready` returns whether the process is ready, and the details; it is also at `app.state.ready`."""
    app.state.ready = ready

    @app.get("/healthz", include_in_schema=False, dependencies=[PUBLIC])
    async def healthz() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/readyz", include_in_schema=False, dependencies=[PUBLIC])
    async def readyz() -> JSONResponse:
        is_ready, checks = ready()
        return JSONResponse(
            {"ready": is_ready, "checks": dict(checks), "trust": trust}, status_code=200 if is_ready else 503
        )
