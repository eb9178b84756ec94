"""Three brokers of which some go: the leader of a partition, the controller, any one, any two, and each in its turn."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.broker import Broker, answers
from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import PARTITIONS, ChaosInstallation
from tests.parts import cluster as three_brokers
from tests.parts.cluster import NODES, Cluster

LONGEST_DOWN_SECONDS = 8.0
LONGEST_PAUSE_SECONDS = 12.0
MOVED_SECONDS = 30.0
WHOLE_SECONDS = 120.0
OUR_TOPICS = ("program-status", "facts", "aggregator-progress")
ITS_OWN_TOPICS = ("__consumer_offsets", "__transaction_state")  # their leaders coordinate groups and transactions


class ClusterEnvironment(RunEnvironment):
    """Three brokers, and SQLite. `broker` is one of the three."""

    replication = NODES

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.nodes[0])
        self.cluster = cluster

    @property
    def kafka(self) -> str:
        return self.cluster.bootstrap


@contextmanager
def three(folder: Path) -> Generator[ClusterEnvironment]:
    """Three brokers and SQLite."""
    with three_brokers.running(folder / "cluster") as running:
        yield ClusterEnvironment(running)


Here = ChaosInstallation[ClusterEnvironment]


def leader_killed(installation: Here) -> str | None:
    """SIGKILL of the leader of a partition: one of ours, or one of Kafka's group or transaction coordinator."""
    topic, partition = _led(installation)
    leader = installation.environment.cluster.leader_of(topic, partition)
    leader.kill()
    moved = _another_leads(installation, topic, partition, leader)
    _down_for_a_while(installation)
    _again(installation, leader)
    return f"the leader of {topic}-{partition} was gone and another led" if moved else None


def leader_paused(installation: Here) -> str | None:
    """SIGSTOP of a leader until another node leads, and longer; when resumed it still takes itself for the leader."""
    topic, partition = _led(installation)
    leader = installation.environment.cluster.leader_of(topic, partition)
    leader.pause()
    moved = _another_leads(installation, topic, partition, leader)
    installation.wait(lambda: False, installation.random.uniform(0, LONGEST_PAUSE_SECONDS))
    leader.resume()
    _until_whole(installation)
    return f"the leader of {topic}-{partition} slept and another led" if moved else None


def controller_killed(installation: Here) -> str | None:
    """SIGKILL of the active controller."""
    cluster = installation.environment.cluster
    controller = cluster.controller()
    controller.kill()
    moved = installation.wait(lambda: cluster.controller() is not controller, MOVED_SECONDS)
    _down_for_a_while(installation)
    _again(installation, controller)
    return "the controller was gone and another took over" if moved else None


def one_of_three_killed(installation: Here) -> str | None:
    """SIGKILL of any node."""
    return _killed(installation, 1)


def two_of_three_killed(installation: Here) -> str | None:
    """SIGKILL of any two nodes at once: there is no controller, and nothing is acknowledged until one is back."""
    return _killed(installation, 2)


def rolling_restart(installation: Here) -> str | None:
    """Every node is stopped in order and started, the next when all copies are in sync again."""
    cluster = installation.environment.cluster
    before = [node.process.pid for node in cluster.nodes]
    for node in cluster.nodes:
        node.stop()
        _again(installation, node)
    after = [node.process.pid for node in cluster.nodes]
    return f"processes {before} became {after}" if not set(before) & set(after) else None


def _led(installation: Here) -> tuple[str, int]:
    """A partition whose leader matters."""
    name = installation.random.choice((*OUR_TOPICS, *ITS_OWN_TOPICS))
    prefix = installation.kafka_topics.prefix if name in OUR_TOPICS else ""
    return prefix + name, installation.random.randrange(PARTITIONS)


def _another_leads(installation: Here, topic: str, partition: int, than: Broker) -> bool:
    cluster = installation.environment.cluster
    return installation.wait(lambda: cluster.leader_of(topic, partition) is not than, MOVED_SECONDS)


def _killed(installation: Here, number: int) -> str | None:
    nodes: Sequence[Broker] = installation.random.sample(installation.environment.cluster.nodes, number)
    for node in nodes:
        node.kill()
    gone = not any(answers(node.port) for node in nodes)
    _down_for_a_while(installation)
    _again(installation, *nodes)
    return f"processes {[node.process.pid for node in nodes]} replaced those that were killed" if gone else None


def _down_for_a_while(installation: Here) -> None:
    installation.wait(lambda: False, installation.random.uniform(0, LONGEST_DOWN_SECONDS))


def _again(installation: Here, *nodes: Broker) -> None:
    """Start nodes, and wait until they have caught up."""
    for node in nodes:
        node.launch()
    for node in nodes:
        assert installation.wait(lambda node=node: answers(node.port), WHOLE_SECONDS), node.log  # type: ignore[misc]  # mypy infers no type for the default
    _until_whole(installation)


def _until_whole(installation: Here) -> None:
    cluster = installation.environment.cluster
    assert installation.wait(cluster.whole, WHOLE_SECONDS), "the cluster did not become whole"
    installation.until_ready()
