"""The settings of the worker."""

import platform
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.kit.settings import LAST_PORT, KafkaSettings, Port, ProcessSettings, SecretSettings, variable


class WorkerSettings(KafkaSettings, ProcessSettings, SecretSettings):
    """The environment variables that the worker reads."""

    worker_metrics_port: Port = 8004
    worker_instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = platform.node() or "worker"
    worker_processes: Annotated[int, Field(ge=1, le=64)] = 1

    def ports(self) -> dict[str, int]:
        """The ports by variable, those of each process included."""
        name = variable("worker_metrics_port")
        more = {f"{name}+{number}": self.worker_metrics_port + number for number in range(1, self.worker_processes)}
        return super().ports() | more

    @model_validator(mode="after")
    def _last_port_is_one(self) -> Self:
        last = self.worker_metrics_port + self.worker_processes - 1
        if last > LAST_PORT:
            raise ValueError(f"the last of the {self.worker_processes} worker processes would have port {last}")
        return self
