"""The engine on a real broker: with workers killed, paused and joining, it ends with the oracle's facts and outcomes.

And each of these tests goes red when the protection it proves is taken away (tests/parts/faulty_worker.py).
"""

import signal
import sys
from collections.abc import Callable

import httpx
import pytest
from kafka import KafkaProducer

from deploy.local.broker import Broker
from schemas.facts import Progress
from schemas.topics import INPUTS
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts.history import HEADERS, SeededHistory
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes, Running
from tests.parts.waiting import free_port, until

PARTITIONS = 4
LEFT_ON_ERROR = 70
DONE_WITHIN_SECONDS = 300  # ten on an idle machine


class EngineInstallation:
    """Topics with a prefix of their own on the shared broker, input records, and workers."""

    def __init__(self, broker: Broker, processes: Processes) -> None:
        self.kafka_topics = KafkaTopics(broker.bootstrap, PARTITIONS)
        self.history = SeededHistory(11, partitions=PARTITIONS)
        self._processes = processes
        self._port = 0  # of the last worker's metrics
        self.sent = 0

    def worker(self, instance: str = "a", fault: str | None = None) -> Running:
        """Start a worker, or one with a protection taken away."""
        self._port = free_port()
        module = ["tests.parts.faulty_worker", fault] if fault else ["services.aggregator.worker"]
        env = {
            "PANTAU_KAFKA": self.kafka_topics.bootstrap,
            "PANTAU_TOPIC_PREFIX": self.kafka_topics.prefix,
            "PANTAU_PARTITIONS": str(PARTITIONS),
            "PANTAU_WORKER_INSTANCE": instance,
            "PANTAU_WORKER_METRICS_PORT": str(self._port),
        }
        return self._processes.start(f"worker-{instance}", [sys.executable, "-m", *module], env=env)

    def send(self, records: int) -> None:
        self.sent += self.kafka_topics.send(self.history.life(records))

    def begin(self, records: int) -> None:
        """Declare the topics as a process would, and send the first records."""
        self.kafka_topics.declare()
        self.sent += self.kafka_topics.send(self.history.beginnings())
        self.send(records)

    def send_in_a_transaction(self, records: int) -> None:
        producer = KafkaProducer(
            **client_options(KafkaSettings(kafka=self.kafka_topics.bootstrap)),
            transactional_id=f"{self.kafka_topics.prefix}sender",
        )
        producer.init_transactions()
        producer.begin_transaction()
        for one in self.history.life(records):
            topic = self.kafka_topics.prefix + one.topic
            producer.send(topic, key=one.key, value=one.value, partition=one.partition, headers=HEADERS)
            self.sent += 1
        producer.commit_transaction()
        producer.close()

    def progress(self, *, further: int) -> None:
        """Write progress that has passed so many offsets more than each input has."""
        producer = KafkaProducer(**client_options(KafkaSettings(kafka=self.kafka_topics.bootstrap)))
        for number in range(PARTITIONS):
            passed = {topic: self.kafka_topics.ends(topic)[number] + further for topic in INPUTS}
            last = Progress.model_validate(
                {"partition": number, "next_offsets": passed, "outcomes": {}, "facts_end": 0, "rejected_end": 0}
            )
            topic = self.kafka_topics.prefix + "aggregator-progress"
            producer.send(topic, key=str(number).encode(), value=last.model_dump_json().encode(), partition=number)
        producer.flush()
        producer.close()

    def records_behind(self) -> int:
        """The lag that the last worker's metrics report."""
        return int(httpx.get(f"http://127.0.0.1:{self._port}/readyz").json()["checks"]["records_behind"])

    def decided(self) -> int:
        return sum(self.kafka_topics.read_up_to().values())

    def until_decided(self, more_than: int) -> None:
        until(lambda: self.decided() > more_than, what=f"more than {more_than} records decided")

    def until_done(self) -> None:
        until(lambda: self.decided() >= self.sent, DONE_WITHIN_SECONDS, what=f"all {self.sent} records decided")


@pytest.fixture
def installation(broker: Broker, processes: Processes) -> EngineInstallation:
    return EngineInstallation(broker, processes)


def killed_in_mid_stream(inst: EngineInstallation, fault: str | None = None) -> list[str]:
    """SIGKILL, again and again, each time with some records decided and some not."""
    inst.begin(2000)
    for _ in range(4):
        before = inst.decided()
        inst.send(250)  # a former worker may have decided all there was before it was killed
        worker = inst.worker(fault=fault)
        inst.until_decided(before)
        inst.send(250)
        worker.kill()
    inst.worker(fault=fault)
    inst.until_done()
    return inst.kafka_topics.differences()


def killed_while_restoring(inst: EngineInstallation, fault: str | None = None) -> list[str]:
    """SIGKILL while the facts log is being read back."""
    inst.begin(2500)
    worker = inst.worker(fault=fault)
    inst.until_done()
    worker.kill()
    inst.send(800)
    for _ in range(3):
        worker = inst.worker(fault=fault)
        until(lambda worker=worker: "restoring" in worker.output, what="a restore under way")  # type: ignore[misc]  # mypy infers no type for the default
        worker.kill()
    inst.worker(fault=fault)
    inst.until_done()
    return inst.kafka_topics.differences()


def paused_in_mid_stream(inst: EngineInstallation, worker: Running) -> bool:
    """Pause a worker while it decides; let it go on when it was done before that."""
    before = inst.sent
    inst.send(3000)
    inst.until_decided(before)
    worker.pause()
    if inst.decided() < inst.sent:
        return True
    worker.resume()
    return False


def paused_and_woken(inst: EngineInstallation, fault: str | None = None) -> tuple[list[str], Running]:
    """SIGSTOP in mid-stream until another worker owns the partitions, then SIGCONT."""
    inst.begin(3000)
    first = inst.worker("a", fault)
    inst.until_decided(0)
    until(lambda: paused_in_mid_stream(inst, first), what="a pause with records under way")
    inst.send(1000)
    inst.worker("b", fault)
    inst.until_done()
    first.resume()
    until(
        lambda: not first.alive or first.output.count("partition taken over") > PARTITIONS,
        what="the resumed worker to learn that it lost its partitions",
    )
    inst.send(500)
    inst.until_done()
    return inst.kafka_topics.differences(), first


def coming_and_going(inst: EngineInstallation, fault: str | None = None) -> list[str]:
    """Two workers, joining and leaving by turns while records come in."""
    inst.begin(1500)
    first = inst.worker("a", fault)
    inst.until_decided(0)
    second = inst.worker("b", fault)
    inst.send(500)
    until(lambda: "partition taken over" in second.output, what="the second worker to own a partition")
    first.signal(signal.SIGTERM)
    first.wait()
    inst.send(500)
    inst.until_done()
    first = inst.worker("a", fault)
    until(lambda: "partition taken over" in first.output, what="the first worker to own a partition again")
    inst.send(500)
    second.kill()
    inst.until_done()
    return inst.kafka_topics.differences()


@pytest.mark.parametrize("life", [killed_in_mid_stream, killed_while_restoring, coming_and_going])
def test_facts_equal_the_oracles_and_every_record_has_one_outcome(
    installation: EngineInstallation, life: Callable[[EngineInstallation], list[str]]
) -> None:
    assert life(installation) == []


def test_a_worker_resumed_after_its_partitions_moved_changes_nothing(installation: EngineInstallation) -> None:
    differences, woken = paused_and_woken(installation)
    assert differences == []
    assert woken.process.poll() == LEFT_ON_ERROR
    assert "Fenced" in woken.output


@pytest.mark.parametrize("fault", ["progress_apart", "no_dedupe"])
def test_without_its_protection_a_killed_worker_gives_wrong_output(
    installation: EngineInstallation, fault: str
) -> None:
    assert killed_in_mid_stream(installation, fault) != []


def test_a_restore_that_stops_short_gives_wrong_output(installation: EngineInstallation) -> None:
    assert killed_while_restoring(installation, "restore_stops_short") != []


def test_without_the_lock_of_a_partition_the_engine_does_not_get_through(installation: EngineInstallation) -> None:
    installation.begin(1500)
    worker = installation.worker(fault="no_lock")
    assert until(lambda: not worker.alive or installation.decided() >= installation.sent)
    assert worker.process.poll() == LEFT_ON_ERROR or installation.kafka_topics.differences() != []


def test_the_inputs_have_equal_partition_numbers_on_one_worker(installation: EngineInstallation) -> None:
    """State is shared by partition number, so the three topics' partitions of a number must lie together."""
    installation.begin(600)
    workers = [installation.worker("a"), installation.worker("b"), installation.worker("c")]
    until(lambda: all("partition taken over" in worker.output for worker in workers), what="all three to own some")
    installation.send(600)
    installation.until_done()
    assert installation.kafka_topics.differences() == []
    assert len(INPUTS) == 3


def test_records_that_take_the_places_of_records_the_broker_lost_are_decided(installation: EngineInstallation) -> None:
    """More was decided than the log holds: a broker that ended in the middle of a write has truncated it."""
    installation.begin(200)
    installation.progress(further=50)
    worker = installation.worker()
    until(lambda: worker.output.count("partition taken over") == PARTITIONS, what="all partitions taken over")
    came_later = installation.kafka_topics.send(installation.history.life(400))
    until(lambda: installation.kafka_topics.decided() >= came_later, what="all that came later has an outcome")

    assert installation.kafka_topics.decided() == came_later
    assert "the input log ends before the offset already processed" in worker.output


def test_the_marker_of_a_senders_transaction_does_not_count_as_lag(installation: EngineInstallation) -> None:
    installation.begin(50)
    installation.send_in_a_transaction(20)
    installation.worker()
    until(lambda: installation.kafka_topics.decided() >= installation.sent, what="all is decided")

    assert installation.records_behind() == 0
