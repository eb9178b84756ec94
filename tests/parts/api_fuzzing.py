"""An installation whose apps are asked by Schemathesis: real broker, worker and database, and a plan with reports."""

import hashlib
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from httpx import Client

from deploy.local.process_settings import InstallationSettings
from deploy.local.site import create_site
from tests.integration.intake_site import ADMINISTRATOR, PARTITIONS, IntakeSite, served
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes

DOCUMENTS = ("/v1/masterplans/openapi.json", "/v1/visits/openapi.json", "/openapi.json")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


class Caller(StrEnum):
    """By whose key the apps are asked."""

    NOBODY = "nobody"
    DEPARTMENT = "department"
    ADMINISTRATOR = "administrator"


class FuzzedSite(NamedTuple):
    """A client of the whole site, and the keys of its callers."""

    client: Client
    keys: dict[Caller, str | None]


@contextmanager
def installation(bootstrap: str, folder: Path, database: str | None = None) -> Generator[FuzzedSite]:
    """The site in a thread of this process, and its worker. `database`: a URL; SQLite when there is none."""
    kafka_topics = KafkaTopics(bootstrap, PARTITIONS)
    settings = InstallationSettings(
        kafka=bootstrap,
        topic_prefix=kafka_topics.prefix,
        partitions=PARTITIONS,
        database=database or f"sqlite:///{folder / 'site.db'}",
        admin_key_sha256=hashlib.sha256(ADMINISTRATOR.encode()).hexdigest(),
    )
    processes = Processes(folder)
    try:
        with served(create_site(settings)) as client:
            intake = IntakeSite(kafka_topics, settings, client, client, processes)
            intake.start_worker()
            plan = intake.plan()
            keys = {
                Caller.NOBODY: None,
                Caller.DEPARTMENT: intake.key(plan, "dinkes"),
                Caller.ADMINISTRATOR: ADMINISTRATOR,
            }
            yield FuzzedSite(client, keys)
    finally:
        processes.end()


def findings(installed: FuzzedSite, document: str, caller: Caller, folder: Path, *, seconds: int, seed: int) -> str:
    """The findings of Schemathesis in so many seconds, as it prints them; empty when none."""
    url = str(installed.client.base_url).rstrip("/") + document
    key = installed.keys[caller]
    header = ["--header", f"Authorization: Bearer {key}"] if key else []
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION),
        "run", url, *header, "--max-time", str(seconds), "--seed", str(seed), "--no-color", "--continue-on-failure",
    ]  # fmt: skip
    finished = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=20 * seconds + 120, check=False
    )
    return "" if finished.returncode == 0 else finished.stdout + finished.stderr
