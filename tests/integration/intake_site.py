"""One installation on a real broker, its worker, and the apps that take events: programs and evaluations."""

import hashlib
import json
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from httpx import Client, Response

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from schemas.envelope import MEDIA_TYPE
from schemas.masterplan import MasterplanVersion
from schemas.sources import department, evaluator
from services.evaluations.app import create_app as create_evaluations
from services.kit.http.connections import Http
from services.kit.http.server import config
from services.programs.app import create_app as create_programs
from services.programs.masterplans.workbook import write_workbook
from tests.parts.history import event, plan_version
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes
from tests.parts.waiting import free_port, until

Json = dict[str, Any]

ADMINISTRATOR = "pantau_administrator_of_the_tests"
PARTITIONS = 3
PROGRAMS = 12
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

AT = datetime(2021, 12, 3, 2, 15, tzinfo=UTC)
VISIT: Json = {
    "visited_on": "2021-05-18",
    "site": "Kampung Tenun",
    "institution": "Tim pembimbing pusat",
    "programs": [{"program": "P-000", "outcome": "confirmed", "note": "Sudah beroperasi."}],
    "findings": ["Papan petunjuk belum dua bahasa."],
    "recommendations": [{"text": "Lengkapi.", "owner": "dinkes", "due_on": "2021-08-31"}],
}


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def workbook(plan: str, version: int = 1, **changes: Any) -> bytes:
    """A plan version as a workbook."""
    data = plan_version(PROGRAMS, version) | changes
    return write_workbook(plan, MasterplanVersion.model_validate(data, strict=False))


def report(plan: str, report_id: str, department_key: str = "dinkes", **changes: Any) -> Json:
    """A report of a department on the first program it leads, as it is sent."""
    number = {"dinkes": 0, "dishub": 1, "diskominfo": 2}[department_key]
    data = {"program": f"P-{number:03d}", "status": "in_progress", "physical": "45.5", "period": "2021-11"}
    made = event("program.status.reported", department(plan, department_key), report_id, AT, data)
    return made | {"data": made["data"] | changes}


def retraction(source: str, of: Json, retraction_id: str) -> Json:
    """A retraction of a report, sent by `source`."""
    data = {"source": of["source"], "id": of["id"], "reason": "keliru"}
    return event("program.status.retracted", source, retraction_id, AT, data)


class IntakeSite:
    """The installation. `programs` and `evaluations` are clients of the two apps; `worker_url` is where the worker's
    metrics are."""

    def __init__(
        self,
        kafka_topics: KafkaTopics,
        settings: InstallationSettings,
        programs: Client,
        evaluations: Client,
        processes: Processes,
    ) -> None:
        self.kafka_topics, self.settings, self.programs, self.evaluations = (
            kafka_topics,
            settings,
            programs,
            evaluations,
        )
        self._processes = processes
        self._plans = count(1)
        self.worker_url = ""

    def start_worker(self) -> None:
        """Start the aggregator."""
        port = free_port()
        self.worker_url = f"http://127.0.0.1:{port}"
        env = environment(self.settings) | {"PANTAU_WORKER_METRICS_PORT": str(port)}
        self._processes.start("worker", [sys.executable, "-m", "services.aggregator.worker"], env=env)

    def import_plan(self, workbook: bytes, *, key: str | None = ADMINISTRATOR, **query: Any) -> Response:
        headers = {"Content-Type": XLSX} | (bearer(key) if key else {})
        return self.programs.post("/v1/masterplans/import", content=workbook, headers=headers, params=query)

    def plan(self) -> str:
        """A new plan, registered."""
        plan = f"kota-{next(self._plans)}"
        response = self.import_plan(workbook(plan))
        assert response.status_code == 202, response.text
        assert self.outcome(response.json()["source"], response.json()["id"])["outcome"] == "accepted"
        self.until_visits_know(plan)
        return plan

    def until_visits_know(self, plan: str) -> None:
        """Wait until evaluations, which follows by itself, has the plan too."""
        source, body = evaluator(plan, "nobody"), {"id": "x"}
        until(lambda: "no version in force" not in self.visit(source, body | VISIT | {"visited_on": "2999-01-01"}).text)

    def visit(self, source: str, body: Json, key: str = ADMINISTRATOR) -> Response:
        """Record a visit as the administrator, or by a key of its own."""
        named = {"source": source} if key == ADMINISTRATOR else {}
        return self.evaluations.post("/v1/visits", json=body | named, headers=bearer(key))

    def key(self, plan: str, organization: str, role: str = "department") -> str:
        """A new key of an organization."""
        path = f"/v1/departments/{plan}/{organization}/keys"
        response = self.programs.post(path, headers=bearer(ADMINISTRATOR), params={"role": role})
        assert response.status_code == 201, response.text
        return str(response.json()["key"])

    def send(self, body: Any, key: str | None, media_type: str = MEDIA_TYPE, **headers: str) -> Response:
        """Send one event, or what is none."""
        shown = bearer(key) if key else {}
        given = {"content": body} if isinstance(body, bytes | str) else {"json": body}
        return self.programs.post("/v1/events", headers={"Content-Type": media_type} | shown | headers, **given)

    def outcome(self, source: str, event_id: str, *, key: str | None = None, wait: float = 30) -> Json:
        """What became of an event."""
        response = self.programs.get(
            "/v1/events",
            params={"source": source, "id": event_id, "wait": wait},
            headers=bearer(key) if key else {},
        )
        found: Json = response.json()
        return {"status": response.status_code} | found

    def audited(self) -> list[Json]:
        """Every act in the audit."""
        return [json.loads(record.value) for record in self.kafka_topics.read("audit")]


def environment(settings: InstallationSettings) -> dict[str, str]:
    """InstallationSettings as a process's environment variables."""
    shared = settings.model_dump(include={"kafka", "topic_prefix", "partitions", "database", "admin_key_sha256"})
    return {f"PANTAU_{name.upper()}": str(value) for name, value in shared.items()}


@contextmanager
def as_process(module: str, settings: InstallationSettings, processes: Processes) -> Generator[Client]:
    """An app as a process of its own, ready, and a client of it."""
    port = free_port()
    variable = f"PANTAU_{module.rpartition('.')[2].upper()}_PORT"
    processes.start(module, [sys.executable, "-m", module], env=environment(settings) | {variable: str(port)})
    with Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        until(lambda: client.get("/readyz").status_code == 200, what=f"{module} is ready")
        yield client


@contextmanager
def served(app: FastAPI, settings: InstallationSettings | None = None, http: Http = "h11") -> Generator[Client]:
    """An app on a port of this machine, ready, and a client of it."""
    port = free_port()
    server = uvicorn.Server(config(app, settings or InstallationSettings(), port, http))
    thread = threading.Thread(target=server.run, name=app.title)
    thread.start()
    try:
        with Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until(lambda: client.get("/readyz").status_code == 200, what=f"{app.title} is ready")
            yield client
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def running(
    bootstrap: str, database: str, processes: Processes, *, in_processes: bool = False
) -> Generator[IntakeSite]:
    """An installation without its worker; its apps in threads of the test's process or, as in production, in their own."""
    kafka_topics = KafkaTopics(bootstrap, PARTITIONS)
    settings = InstallationSettings(
        kafka=bootstrap,
        topic_prefix=kafka_topics.prefix,
        partitions=PARTITIONS,
        database=database,
        admin_key_sha256=hashlib.sha256(ADMINISTRATOR.encode()).hexdigest(),
    )
    if in_processes:
        both = (
            as_process("services.programs", settings, processes),
            as_process("services.evaluations", settings, processes),
        )
    else:
        both = served(create_programs(settings)), served(create_evaluations(settings))
    with both[0] as programs, both[1] as evaluations:
        yield IntakeSite(kafka_topics, settings, programs, evaluations, processes)


@pytest.fixture(scope="module")
def intake(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[IntakeSite]:
    """An installation for all tests of a module: each test takes a plan of its own."""
    folder = tmp_path_factory.mktemp("intake")
    processes = Processes(folder)
    try:
        with running(broker.bootstrap, f"sqlite:///{folder / 'intake.db'}", processes) as lively:
            lively.start_worker()
            yield lively
    finally:
        processes.end()
