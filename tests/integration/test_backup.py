"""The log is the database: a copy of a stopped broker's folder is a backup, and all else follows it (docs/operations.md)."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from deploy.local.broker import Broker
from schemas.sources import department
from schemas.topics import partition_of
from tests.parts import broker as brokers
from tests.parts.history import DEPARTMENTS, RecordToSend, SeededHistory, event
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes, Running
from tests.parts.waiting import free_port, until

PARTITIONS = 2


class WorkerAndService:
    """A worker, and a service whose tables outlive the broker they were made from."""

    def __init__(self, kafka_topics: KafkaTopics, processes: Processes, state: Path) -> None:
        self._kafka_topics = kafka_topics
        self._processes = processes
        self._state = state

    @contextmanager
    def running(self, broker: Broker) -> Iterator[str]:
        """Both run, on this broker. Gives what the service has written to its log when it is ready."""
        ports = {"PANTAU_WORKER_METRICS_PORT": free_port(), "PANTAU_EVALUATIONS_PORT": free_port()}
        env = {
            "PANTAU_KAFKA": broker.bootstrap,
            "PANTAU_TOPIC_PREFIX": self._kafka_topics.prefix,
            "PANTAU_PARTITIONS": str(PARTITIONS),
            "PANTAU_STATE": str(self._state),
        } | {name: str(port) for name, port in ports.items()}
        worker = self._processes.start("worker", [sys.executable, "-m", "services.aggregator.worker"], env=env)
        service = self._processes.start("evaluations", [sys.executable, "-m", "services.evaluations"], env=env)
        for port in ports.values():
            url = f"http://127.0.0.1:{port}/readyz"
            until(lambda url=url: httpx.get(url).status_code == 200)  # type: ignore[misc]  # mypy infers no type for the default
        yield service.output
        worker.stop()
        service.stop()


@pytest.mark.timeout(300)  # three brokers, and everything else three times
def test_a_copy_of_the_brokers_folder_brings_everything_back(
    own_broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    kafka_topics, history = KafkaTopics(own_broker.bootstrap, PARTITIONS), SeededHistory(7, partitions=PARTITIONS)
    city, backup = WorkerAndService(kafka_topics, processes, tmp_path / "state"), tmp_path / "backup"

    def send_and_wait(records: int) -> None:
        kafka_topics.send(history.life(records))
        until(lambda: kafka_topics.decided() == len(kafka_topics.input_records()))

    with city.running(own_broker) as output:
        assert "there are none" in output
        kafka_topics.send(history.beginnings())
        send_and_wait(200)
    own_broker.stop()
    shutil.copytree(own_broker.folder, backup)

    own_broker.start()
    with city.running(own_broker) as output:
        assert "building the tables" not in output
        send_and_wait(200)  # which the backup knows nothing of
        later = len(kafka_topics.written("facts"))
    own_broker.stop()

    with brokers.running(backup) as restored:
        kafka_topics.bootstrap = restored.bootstrap
        assert 0 < len(kafka_topics.written("facts")) < later
        with city.running(restored) as output:
            assert "they are of another log" in output
            assert kafka_topics.differences() == []
            send_and_wait(200)
            assert kafka_topics.differences() == []


def report(plan: str, number: int, status: str, report_id: str) -> RecordToSend:
    """A department's report of a program it leads."""
    department_key, at = DEPARTMENTS[number % len(DEPARTMENTS)], datetime(2021, 12, 31, 3, tzinfo=UTC)
    data = {
        "program": f"P-{number:03d}",
        "status": status,
        "physical": 100 if status == "realized" else 10,
        "period": "2021-12",
    }
    report_event = event("program.status.reported", department(plan, department_key), report_id, at, data)
    return RecordToSend(
        "program-status", partition_of(plan, PARTITIONS), plan.encode(), json.dumps(report_event).encode()
    )


class WholeStack:
    """A worker and all apis, whose tables outlive the broker they were made from; each started as a test says."""

    def __init__(self, kafka_topics: KafkaTopics, processes: Processes, folder: Path) -> None:
        self.kafka_topics = kafka_topics
        self.last: Running | None = None  # the process that was started last
        self._processes = processes
        self._folder = folder

    @contextmanager
    def running(self, name: str, module: str, variable: str, state: str = "state") -> Iterator[httpx.Client]:
        port = free_port()
        env = {
            "PANTAU_KAFKA": self.kafka_topics.bootstrap,
            "PANTAU_TOPIC_PREFIX": self.kafka_topics.prefix,
            "PANTAU_PARTITIONS": str(PARTITIONS),
            "PANTAU_STATE": str(self._folder / state),
            variable: str(port),
        }
        process = self._processes.start(name, [sys.executable, "-m", module], env=env)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            until(lambda: client.get("/readyz").status_code == 200, what=f"{name} is ready")
            self.last = process
            yield client
        process.stop()

    def worker(self) -> AbstractContextManager[httpx.Client]:
        return self.running("worker", "services.aggregator.worker", "PANTAU_WORKER_METRICS_PORT")

    def site(self, state: str = "state") -> AbstractContextManager[httpx.Client]:
        return self.running("site", "deploy.local.site", "PANTAU_PORT", state)

    def send(self, records: list[RecordToSend]) -> None:
        """Send one after the other, each in a transaction of its own, so that the log grows by as much as it can."""
        for record in records:
            self.kafka_topics.send([record])
            until(lambda: self.kafka_topics.decided() == len(self.kafka_topics.input_records()), what="all is decided")


def figures(site: httpx.Client, plans: list[str]) -> list[object]:
    """What is answered of plans: figures, their history, and what became of the reports."""
    asked = [f"/v1/plans/{plan}/realization?as_of=2021-12-31" for plan in plans]
    asked += [f"/v1/plans/{plan}/programs?as_of=2021-12-31" for plan in plans]
    asked += [f"/v1/masterplans/{plan}" for plan in plans]
    return [site.get(path).raise_for_status().json() for path in asked]


@pytest.mark.timeout(400)
def test_a_restored_log_that_has_outgrown_what_was_read_of_the_former_one_is_seen(
    own_broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    """Only positions compared, figures of the former log would be shown: every offset that was read is in the log."""
    kafka_topics, history = (
        KafkaTopics(own_broker.bootstrap, PARTITIONS),
        SeededHistory(7, partitions=PARTITIONS, plans=1),
    )
    (plan,) = history.plans
    stack, backup = WholeStack(kafka_topics, processes, tmp_path), tmp_path / "backup"
    with stack.worker(), stack.site() as site:
        stack.send(history.beginnings())
        until(lambda: site.get(f"/v1/plans/{plan}/realization").status_code == 200)
    own_broker.stop()
    shutil.copytree(own_broker.folder, backup)

    own_broker.start()
    with stack.worker(), stack.site() as site:
        stack.send([report(plan, number, "realized", f"former-{number}") for number in range(8)])
        until(lambda: _overall(site, plan)["realized"] == 8)
    read = kafka_topics.ends("facts")
    own_broker.stop()

    with brokers.running(backup) as restored:
        kafka_topics.bootstrap = restored.bootstrap
        with stack.worker():
            others = [report(plan, number, "in_progress", f"other-{number}") for number in range(12)]
            stack.send(others)
        grown = kafka_topics.ends("facts")
        assert all(grown[number] >= end for number, end in read.items()), "or a position alone would tell"
        with stack.worker(), stack.site() as site:
            shown = figures(site, [plan])
            assert stack.last and "they are of another log" in stack.last.output
            assert _overall(site, plan)["realized"] == 0
        with stack.site("fresh") as site:
            assert figures(site, [plan]) == shown, "nothing of the former log is left"
        with stack.site() as site:
            assert stack.last and "building the tables" not in stack.last.output, "once is enough"
            assert figures(site, [plan]) == shown


def _overall(site: httpx.Client, plan: str) -> dict[str, int]:
    answer = site.get(f"/v1/plans/{plan}/realization", params={"as_of": "2021-12-31"})
    overall: dict[str, int] = answer.json()["overall"]
    return overall
