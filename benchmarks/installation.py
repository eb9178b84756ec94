"""An installation to measure: topics with a prefix of their own on a real broker, and services as processes."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from kafka import KafkaProducer

from deploy.local.process_settings import InstallationSettings
from schemas.access import Key, OfficeAccess
from schemas.envelope import MEDIA_TYPE
from schemas.topics import partition_of
from services.kit.auth.credentials import new_key
from services.kit.kafka import client_options
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import ROOT, Processes
from tests.parts.waiting import free_port, until

ADMINISTRATOR = "pantau_administrator_of_the_benchmarks"
PARTITIONS = 12
WITHIN_SECONDS = 60
MADE_AT = datetime(2019, 1, 1, tzinfo=UTC)
PORTS = {
    "deploy.local.site": "PANTAU_PORT",
    "services.programs": "PANTAU_PROGRAMS_PORT",
    "services.aggregator.api": "PANTAU_AGGREGATOR_PORT",
    "services.aggregator.worker": "PANTAU_WORKER_METRICS_PORT",
}
SETTINGS = {"kafka", "topic_prefix", "partitions", "state", "database", "admin_key_sha256"}


class Served(NamedTuple):
    """A running service, and its address."""

    pid: int
    port: int


def serve(
    processes: Processes, settings: InstallationSettings, module: str, within_seconds: float = WITHIN_SECONDS
) -> Served:
    """Start a service, and return when it is ready."""
    port = free_port()
    env = {
        f"PANTAU_{name.upper()}": str(value)
        for name, value in settings.model_dump(include=SETTINGS).items()
        if value is not None
    }
    process = processes.start(module, [sys.executable, "-m", module], env=env | {PORTS[module]: str(port)})
    until(lambda: _ready(port) or not process.alive, within_seconds, what=f"{module} is ready")
    assert process.alive, process.output
    return Served(process.pid, port)


def _ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(json.load(answer)["ready"])
    except URLError:
        return False


class BenchmarkInstallation:
    """Topics on a broker, and a folder for state and logs."""

    def __init__(self, bootstrap: str, folder: Path, processes: Processes) -> None:
        self._processes = processes
        self.kafka_topics = KafkaTopics(bootstrap, PARTITIONS)
        self.kafka_topics.declare()
        self._settings = InstallationSettings(
            kafka=bootstrap,
            topic_prefix=self.kafka_topics.prefix,
            partitions=PARTITIONS,
            state=folder / "state",
            admin_key_sha256=hashlib.sha256(ADMINISTRATOR.encode()).hexdigest(),
        )

    def serve(self, module: str) -> Served:
        """Start a service, and return when it is ready."""
        return serve(self._processes, self._settings, module)

    def keys(self, departments: Sequence[tuple[str, str]]) -> list[str]:
        """A new key for each department (plan, department), published as programs would."""
        producer = KafkaProducer(**client_options(self._settings))
        texts = []
        for plan, department in departments:
            text, key_id, sha256 = new_key()
            key = Key(key_id=key_id, role="department", sha256=sha256, made_at=MADE_AT)
            producer.send(
                f"{self._settings.topic_prefix}access",
                OfficeAccess(plan=plan, office=department, keys=(key,)).model_dump_json().encode(),
                f"{plan}/{department}".encode(),
                partition=partition_of(plan, PARTITIONS),
            )
            texts.append(text)
        producer.flush()
        producer.close()
        return texts


def post(key: str, content: Any, media_type: str = MEDIA_TYPE) -> bytes:
    """A request that posts an event, or a batch, as bytes."""
    body = json.dumps(content).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def callers(module: str, *arguments: str | int, ready: str) -> Generator["subprocess.Popen[str]"]:
    """Many callers in a process of their own, which has written the line `ready`."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == ready + "\n"
            yield process
        finally:
            process.kill()
