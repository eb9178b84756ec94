"""`/healthz`: the process lives. `/readyz`: it can be asked; 503 with the reasons until then."""

from collections.abc import Callable, Mapping

from fastapi import FastAPI
from fastapi.responses import JSONResponse

# There is no setting for TLS or users yet: docs/operations.md, "Trust".
TRUST = "Kafka is unsecured: whoever reaches it can write as any department"

Ready = Callable[[], tuple[bool, Mapping[str, object]]]


def add_health(app: FastAPI, ready: Ready) -> None:
    """Serve both. `ready` says whether, and what stands behind the answer; it is also at `app.state.ready`."""
    app.state.ready = ready

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        is_ready, checks = ready()
        return JSONResponse(
            {"ready": is_ready, "checks": dict(checks), "trust": TRUST}, status_code=200 if is_ready else 503
        )
