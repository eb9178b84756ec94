"""What the routes of evaluations need, assembled once in app.py."""

from typing import NamedTuple

from services.kit.http.limits import WorkLimiter
from services.kit.projection.follower import Projection
from services.kit.publishing import Publisher


class EvaluationsDependencies(NamedTuple):
    """The parts of the service."""

    projection: Projection
    publisher: Publisher
    limits: WorkLimiter
