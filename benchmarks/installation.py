"""An installation to be measured: topics with a prefix of their own on a real broker, and services as processes."""

import hashlib
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from kafka import KafkaProducer

from schemas.access import Key, OfficeAccess
from schemas.topics import partition_of
from services.kit.auth.credentials import new_key
from services.kit.kafka import client_options
from services.kit.settings import Settings
from tests.parts.mailbox import Mailbox
from tests.parts.processes import Processes
from tests.parts.waiting import free_port, until

ADMINISTRATOR = "pantau_administrator_of_the_benchmarks"
READY_WITHIN_SECONDS = 60
MADE_AT = datetime(2019, 1, 1, tzinfo=UTC)
PORTS = {
    "deploy.local.site": "PANTAU_PORT",
    "services.programs": "PANTAU_PROGRAMS_PORT",
    "services.aggregator.api": "PANTAU_AGGREGATOR_PORT",
    "services.aggregator.worker": "PANTAU_WORKER_METRICS_PORT",
}


class Served(NamedTuple):
    """A process that serves, and where."""

    pid: int
    port: int


class Installation:
    """Topics on a broker, and a folder for state and logs."""

    def __init__(self, bootstrap: str, folder: Path, processes: Processes, partitions: int) -> None:
        self._processes = processes
        self.mailbox = Mailbox(bootstrap, partitions)
        self.mailbox.declare()
        self.settings = Settings(
            kafka=bootstrap,
            topic_prefix=self.mailbox.prefix,
            partitions=partitions,
            state=folder / "state",
            admin_key_sha256=hashlib.sha256(ADMINISTRATOR.encode()).hexdigest(),
        )

    @property
    def environment(self) -> dict[str, str]:
        """The settings as a process is told them."""
        told = self.settings.model_dump(include={"kafka", "topic_prefix", "partitions", "state", "admin_key_sha256"})
        return {f"PANTAU_{name.upper()}": str(value) for name, value in told.items()}

    def serve(self, module: str) -> Served:
        """Start a service, and return when it is ready."""
        port = free_port()
        env = self.environment | {PORTS[module]: str(port)}
        process = self._processes.start(module, [sys.executable, "-m", module], env=env)
        until(lambda: _ready(port), READY_WITHIN_SECONDS, what=f"{module} is ready")
        return Served(process.pid, port)

    def partition_of(self, plan: str) -> int:
        return partition_of(plan, self.settings.partitions)

    def keys(self, offices: Sequence[tuple[str, str]]) -> list[str]:
        """A new key for each department (plan, office), published as programs would."""
        producer = KafkaProducer(**client_options(self.settings))
        texts = []
        for plan, office in offices:
            text, key_id, sha256 = new_key()
            access = OfficeAccess(
                plan=plan,
                office=office,
                keys=(Key(key_id=key_id, role="department", sha256=sha256, made_at=MADE_AT),),
            )
            producer.send(
                f"{self.settings.topic_prefix}access",
                access.model_dump_json().encode(),
                f"{plan}/{office}".encode(),
                partition=self.partition_of(plan),
            )
            texts.append(text)
        producer.flush()
        producer.close()
        return texts


def _ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(json.load(answer)["ready"])
    except URLError:
        return False
