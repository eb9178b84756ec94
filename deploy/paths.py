"""Which service owns which path: the local site, the ingress and compose follow this table, and a test compares them."""

PATHS: dict[str, str] = {
    "/v1/masterplans": "programs",
    "/v1/departments": "programs",
    "/v1/events": "programs",
    "/v1/evidence": "programs",
    "/v1/quick-wins": "evaluations",
    "/v1/visits": "evaluations",
    "/v1/evaluations": "evaluations",
    "/v1/meetings": "evaluations",
    "/": "realization",
}
"""A path and everything below it -> the service. The first that fits counts; `/` fits everything else."""


def owner_of(path: str) -> str:
    """The service that answers a path."""
    return next(service for prefix, service in PATHS.items() if prefix in {"/", path} or path.startswith(f"{prefix}/"))
