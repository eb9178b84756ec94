"""The settings of the realization api and the pages."""

from datetime import date
from typing import Annotated

from pydantic import Field

from schemas.fields import PlanId
from services.kit.settings import Port, ServiceSettings


class RealizationSettings(ServiceSettings):
    """The environment variables that the realization api reads."""

    aggregator_port: Port = 8003
    streams: Annotated[int, Field(ge=4, le=1_000_000)] = 5_000
    opening_plan: PlanId | None = None
    opening_as_of: date | None = None
