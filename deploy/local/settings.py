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


class StackSettings(NamedTuple):
    """Where this stack listens, and the folder its state lives in."""

    host: str
    kafka: Port
    kafka_controller: Port
    site: Port
    worker: Port
    state: Path
    topic_prefix: str
    partitions_per_topic: int

    @property
    def partitions(self) -> dict[str, int]:
        """The number of partitions by topic prefix: each prefix is a generation of topics of its own."""
        return {self.topic_prefix: self.partitions_per_topic}

    @property
    def recorded(self) -> dict[str, str]:
        """The variables by which other processes find a stack with these settings."""
        return {
            "PANTAU_HOST": self.host,
            "PANTAU_TOPIC_PREFIX": self.topic_prefix,
            "PANTAU_PARTITIONS": str(self.partitions_per_topic),
            **{port.variable: str(port.number) for port in self.ports},
        }

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


def read(environment: Mapping[str, str] = os.environ) -> StackSettings:
    """The settings of an environment. An invalid one ends the process with one line."""

    def number(variable: str, what: str, otherwise: int, largest: int) -> int:
        text = environment.get(variable) or str(otherwise)
        if not text.isascii() or not text.isdigit() or not 0 < int(text) <= largest:
            sys.exit(f"{variable}={text} is not {what}: a number from 1 to {largest}")
        return int(text)

    def port(variable: str, otherwise: int) -> Port:
        return Port(variable, number(variable, "a port", otherwise, 65535))

    return StackSettings(
        host=environment.get("PANTAU_HOST") or "127.0.0.1",
        kafka=port("PANTAU_KAFKA_PORT", 9092),
        kafka_controller=port("PANTAU_KAFKA_CONTROLLER_PORT", 9093),
        site=port("PANTAU_PORT", 8000),
        worker=port("PANTAU_WORKER_METRICS_PORT", 8004),
        state=ROOT / (environment.get("PANTAU_STATE") or ".pantau"),
        topic_prefix=environment.get("PANTAU_TOPIC_PREFIX") or "",
        partitions_per_topic=number("PANTAU_PARTITIONS", "a number of partitions", 12, 1000),
    )
