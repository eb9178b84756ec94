"""Every address and folder of the local stack, in one place. Each is an environment variable (docs/interfaces.md)."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from deploy.local.jars import ROOT


class Port(NamedTuple):
    """A port, and the variable that changes it."""

    variable: str
    number: int


class Settings(NamedTuple):
    """Where this stack listens, and the folder its state lives in."""

    host: str
    kafka: Port
    kafka_controller: Port
    site: Port
    worker: Port
    state: Path

    @property
    def ports(self) -> tuple[Port, ...]:
        return (self.kafka, self.kafka_controller, self.site, self.worker)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.kafka.number}"

    @property
    def site_url(self) -> str:
        return f"http://{self._reachable_host}:{self.site.number}"

    @property
    def worker_url(self) -> str:
        return f"http://{self._reachable_host}:{self.worker.number}"

    @property
    def _reachable_host(self) -> str:
        """Where to find what listens on `host`, which may mean "everywhere"."""
        if self.host in {"0.0.0.0", "::"}:  # noqa: S104 - we compare, we don't bind
            return "127.0.0.1"
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def keys(self) -> Path:
        return self.state / "keys"


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of an environment. What can't be a port ends the process with one line."""

    def port(variable: str, otherwise: int) -> Port:
        told = environment.get(variable) or str(otherwise)
        if not told.isascii() or not told.isdigit() or not 0 < int(told) < 65536:
            sys.exit(f"{variable}={told} is not a port: a number from 1 to 65535")
        return Port(variable, int(told))

    return Settings(
        host=environment.get("PANTAU_HOST") or "127.0.0.1",
        kafka=port("PANTAU_KAFKA_PORT", 9092),
        kafka_controller=port("PANTAU_KAFKA_CONTROLLER_PORT", 9093),
        site=port("PANTAU_PORT", 8000),
        worker=port("PANTAU_WORKER_METRICS_PORT", 8004),
        state=ROOT / (environment.get("PANTAU_STATE") or ".pantau"),
    )
