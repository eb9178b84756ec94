"""A worker of several processes: they share the partitions, and start and end together."""

import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from services.aggregator.worker.process_group import shares
from services.kit.fail_stop import LEFT_ON_ERROR
from tests.parts.history import SeededHistory
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes, Running
from tests.parts.waiting import free_port, until

PARTITIONS = 4


class Pair:
    """A worker of two processes, with records to decide."""

    def __init__(self, broker: Broker, processes: Processes, port: int | None = None) -> None:
        self.kafka_topics, self.port = KafkaTopics(broker.bootstrap, PARTITIONS), port or free_port(in_a_row=2)
        history = SeededHistory(5, partitions=PARTITIONS)
        self.kafka_topics.declare()
        self.sent = self.kafka_topics.send(history.beginnings()) + self.kafka_topics.send(history.life(400))
        env = {
            "PANTAU_KAFKA": self.kafka_topics.bootstrap,
            "PANTAU_TOPIC_PREFIX": self.kafka_topics.prefix,
            "PANTAU_PARTITIONS": str(PARTITIONS),
            "PANTAU_WORKER_INSTANCE": "pair",
            "PANTAU_WORKER_METRICS_PORT": str(self.port),
            "PANTAU_WORKER_PROCESSES": "2",
        }
        self.worker: Running = processes.start("pair", [sys.executable, "-m", "services.aggregator.worker"], env=env)

    def until_shared(self) -> None:
        """Wait until both are ready, each with partitions of its own."""
        until(lambda: self.owned(0) + self.owned(1) == PARTITIONS and self.owned(0) and self.owned(1))

    def owned(self, number: int) -> int:
        answer = httpx.get(f"http://127.0.0.1:{self.port + number}/readyz").json()
        return int(answer["checks"]["restored"])

    @property
    def processes(self) -> list[int]:
        """The ids of the two."""
        return [pid for pid in _children(self.worker.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def until_gone(self, pids: list[int]) -> None:
        until(lambda: not any(_lives(pid) for pid in pids), what="all processes gone")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def pair(broker: Broker, processes: Processes) -> Pair:
    return Pair(broker, processes)


def test_they_share_the_partitions_and_decide_everything_once(pair: Pair) -> None:
    pair.until_shared()
    until(lambda: sum(pair.kafka_topics.read_up_to().values()) >= pair.sent)
    assert pair.kafka_topics.differences() == []


def test_when_one_is_killed_all_exit_so_that_the_worker_is_started_again(pair: Pair) -> None:
    pair.until_shared()
    first, second = pair.processes
    os.kill(second, signal.SIGKILL)
    assert pair.worker.wait() == 128 + signal.SIGKILL
    pair.until_gone([first, second])
    assert "fail stop: process pair.1 ended with exit code -9" in pair.worker.output


def test_a_port_that_something_else_has_ends_all_of_them(broker: Broker, processes: Processes) -> None:
    port = free_port(in_a_row=2)
    with socket.create_server(("127.0.0.1", port + 1)):
        pair = Pair(broker, processes, port)
        assert pair.worker.wait() == LEFT_ON_ERROR
    assert f"fail stop: port {port + 1}, for /metrics, /healthz and /readyz, can't be used" in pair.worker.output


def test_asked_to_stop_all_stop(pair: Pair) -> None:
    pair.until_shared()
    both = pair.processes
    pair.worker.signal(signal.SIGTERM)
    assert pair.worker.wait() == 0
    pair.until_gone(both)


def test_none_works_on_when_the_parent_was_killed(pair: Pair) -> None:
    pair.until_shared()
    both = pair.processes
    os.kill(pair.worker.pid, signal.SIGKILL)
    pair.until_gone(both)


def test_each_has_a_name_and_a_port_of_its_own() -> None:
    settings = InstallationSettings(worker_processes=3, worker_instance="worker-0", worker_metrics_port=9000)
    shares_of_work = [(one.worker_instance, one.worker_metrics_port, one.worker_processes) for one in shares(settings)]
    assert shares_of_work == [("worker-0.0", 9000, 1), ("worker-0.1", 9001, 1), ("worker-0.2", 9002, 1)]


def test_ports_that_would_be_taken_twice_are_refused() -> None:
    with pytest.raises(ValueError, match=r"PANTAU_PORT=8001.*PANTAU_WORKER_METRICS_PORT\+1=8001"):
        InstallationSettings(port=8001, programs_port=8010, worker_metrics_port=8000, worker_processes=2)
    with pytest.raises(ValueError, match="the last of the 4 worker processes would have port 65536"):
        InstallationSettings(worker_metrics_port=65533, worker_processes=4)
