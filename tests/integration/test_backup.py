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
from tests.parts.history import OFFICES, History, Letter, event
from tests.parts.mailbox import Mailbox
from tests.parts.processes import Processes, Running
from tests.parts.waiting import free_port, until

PARTITIONS = 2


class City:
    """A worker, and a service whose tables outlive the broker they were made from."""

    def __init__(self, mailbox: Mailbox, processes: Processes, state: Path) -> None:
        self._mailbox = mailbox
        self._processes = processes
        self._state = state

    @contextmanager
    def running(self, broker: Broker) -> Iterator[str]:
        """Both run, on this broker. Gives what the service has written to its log when it is ready."""
        ports = {"PANTAU_WORKER_METRICS_PORT": free_port(), "PANTAU_EVALUATIONS_PORT": free_port()}
        env = {
            "PANTAU_KAFKA": broker.bootstrap,
            "PANTAU_TOPIC_PREFIX": self._mailbox.prefix,
            "PANTAU_PARTITIONS": str(PARTITIONS),
            "PANTAU_STATE": str(self._state),
        } | {name: str(port) for name, port in ports.items()}
        worker = self._processes.start("worker", [sys.executable, "-m", "services.aggregator.worker"], env=env)
        service = self._processes.start("evaluations", [sys.executable, "-m", "services.evaluations"], env=env)
        for port in ports.values():
            url = f"http://127.0.0.1:{port}/readyz"
            until(lambda url=url: httpx.get(url).status_code == 200)  # type: ignore[misc]  # mypy infers no type for the default
        yield service.said
        worker.stop()
        service.stop()


@pytest.mark.timeout(300)  # three brokers, and everything else three times
def test_a_copy_of_the_brokers_folder_brings_everything_back(
    own_broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    mailbox, history = Mailbox(own_broker.bootstrap, PARTITIONS), History(7, partitions=PARTITIONS)
    city, backup = City(mailbox, processes, tmp_path / "state"), tmp_path / "backup"

    def send_and_wait(letters: int) -> None:
        mailbox.send(history.life(letters))
        until(lambda: mailbox.decided() == len(mailbox.mail()))

    with city.running(own_broker) as said:
        assert "there are none" in said
        mailbox.send(history.beginnings())
        send_and_wait(200)
    own_broker.stop()
    shutil.copytree(own_broker.folder, backup)

    own_broker.start()
    with city.running(own_broker) as said:
        assert "building the tables" not in said
        send_and_wait(200)  # which the backup knows nothing of
        later = len(mailbox.written("facts"))
    own_broker.stop()

    with brokers.running(backup) as restored:
        mailbox.bootstrap = restored.bootstrap
        assert 0 < len(mailbox.written("facts")) < later
        with city.running(restored) as said:
            assert "they are of another log" in said
            assert mailbox.differences() == []
            send_and_wait(200)
            assert mailbox.differences() == []


def report(plan: str, number: int, status: str, report_id: str) -> Letter:
    """A department's report of a program it leads."""
    office, at = OFFICES[number % len(OFFICES)], datetime(2021, 12, 31, 3, tzinfo=UTC)
    data = {
        "program": f"P-{number:03d}",
        "status": status,
        "physical": 100 if status == "realized" else 10,
        "period": "2021-12",
    }
    said = event("program.status.reported", department(plan, office), report_id, at, data)
    return Letter("program-status", partition_of(plan, PARTITIONS), plan.encode(), json.dumps(said).encode())


class Stack:
    """A worker and all apis, whose tables outlive the broker they were made from; each started as a test says."""

    def __init__(self, mailbox: Mailbox, processes: Processes, folder: Path) -> None:
        self.mailbox = mailbox
        self.last: Running | None = None  # the process that was started last
        self._processes = processes
        self._folder = folder

    @contextmanager
    def running(self, name: str, module: str, variable: str, state: str = "state") -> Iterator[httpx.Client]:
        port = free_port()
        env = {
            "PANTAU_KAFKA": self.mailbox.bootstrap,
            "PANTAU_TOPIC_PREFIX": self.mailbox.prefix,
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

    def send(self, letters: list[Letter]) -> None:
        """Send one after the other, each in a transaction of its own, so that the log grows by as much as it can."""
        for letter in letters:
            self.mailbox.send([letter])
            until(lambda: self.mailbox.decided() == len(self.mailbox.mail()), what="all is decided")


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
    mailbox, history = Mailbox(own_broker.bootstrap, PARTITIONS), History(7, partitions=PARTITIONS, plans=1)
    (plan,) = history.plans
    stack, backup = Stack(mailbox, processes, tmp_path), tmp_path / "backup"
    with stack.worker(), stack.site() as site:
        stack.send(history.beginnings())
        until(lambda: site.get(f"/v1/plans/{plan}/realization").status_code == 200)
    own_broker.stop()
    shutil.copytree(own_broker.folder, backup)

    own_broker.start()
    with stack.worker(), stack.site() as site:
        stack.send([report(plan, number, "realized", f"former-{number}") for number in range(8)])
        until(lambda: _overall(site, plan)["realized"] == 8)
    read = mailbox.ends("facts")
    own_broker.stop()

    with brokers.running(backup) as restored:
        mailbox.bootstrap = restored.bootstrap
        with stack.worker():
            others = [report(plan, number, "in_progress", f"other-{number}") for number in range(12)]
            stack.send(others)
        grown = mailbox.ends("facts")
        assert all(grown[number] >= end for number, end in read.items()), "or a position alone would tell"
        with stack.worker(), stack.site() as site:
            shown = figures(site, [plan])
            assert stack.last and "they are of another log" in stack.last.said
            assert _overall(site, plan)["realized"] == 0
        with stack.site("fresh") as site:
            assert figures(site, [plan]) == shown, "nothing of the former log is left"
        with stack.site() as site:
            assert stack.last and "building the tables" not in stack.last.said, "once is enough"
            assert figures(site, [plan]) == shown


def _overall(site: httpx.Client, plan: str) -> dict[str, int]:
    answer = site.get(f"/v1/plans/{plan}/realization", params={"as_of": "2021-12-31"})
    overall: dict[str, int] = answer.json()["overall"]
    return overall
