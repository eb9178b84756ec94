"""What the routes of programs work with; put together once, in app.py."""

from asyncio import Lock
from typing import NamedTuple

from schemas.secret import Secret
from services.kit.answers import SharedAnswers
from services.kit.keys import Keyring
from services.kit.limits import WorkLimiter
from services.kit.projection import Projection
from services.kit.publishing import Publisher
from services.kit.settings import Settings
from services.programs.inputs import Inputs
from services.programs.metrics import IntakeMetrics


class Parts(NamedTuple):
    """The parts of the service."""

    settings: Settings
    projection: Projection
    keyring: Keyring
    publisher: Publisher
    inputs: Inputs
    metrics: IntakeMetrics
    limits: WorkLimiter
    answers: SharedAnswers
    changing_keys: Lock
    secret: Secret
