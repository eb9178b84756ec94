"""The log is the database: a copy of a stopped broker's folder is a backup, and all else follows it (docs/operations.md)."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.broker import Broker
from tests.parts import broker as brokers
from tests.parts.history import History
from tests.parts.mailbox import Mailbox
from tests.parts.processes import Processes
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
            until(lambda url=url: httpx.get(url).status_code == 200, 60)  # type: ignore[misc]
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
        until(lambda: mailbox.decided() == len(mailbox.mail()), 60)

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
            assert "the log ends before what was read of it" in said
            assert mailbox.differences() == []
            send_and_wait(200)
            assert mailbox.differences() == []
