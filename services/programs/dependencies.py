"""What the routes of programs need, assembled once in app.py."""

from asyncio import Lock
from typing import NamedTuple

from schemas.secret import Secret
from services.kit.auth.keyring import Keyring
from services.kit.http.limits import WorkLimiter
from services.kit.http.single_flight import SharedAnswers
from services.kit.projection.follower import Projection
from services.kit.publishing import Publisher
from services.programs.input_ends import Inputs
from services.programs.metrics import IntakeMetrics
from services.programs.settings import ProgramsSettings


class ProgramsDependencies(NamedTuple):
    """The parts of the service."""

    settings: ProgramsSettings
    projection: Projection
    keyring: Keyring
    publisher: Publisher
    inputs: Inputs
    metrics: IntakeMetrics
    limits: WorkLimiter
    answers: SharedAnswers
    changing_keys: Lock
    secret: Secret
