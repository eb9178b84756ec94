"""Three brokers: what holds with one of them gone, and what has to wait with two."""

import asyncio
from collections.abc import Generator

import pytest

from deploy.local.process_settings import InstallationSettings
from services.kit.topics import declare_topics
from tests.integration.single_topic import TOPIC, make_topic, publish, published
from tests.parts import cluster
from tests.parts.cluster import NODES, Cluster
from tests.parts.waiting import until


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    """Three brokers for the tests of this module; a test that stops one starts it again."""
    with cluster.running(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.mark.parametrize("time", range(6))
def test_topics_are_declared_though_a_broker_learns_of_them_later(three: Cluster, time: int) -> None:
    settings = InstallationSettings(
        kafka=three.bootstrap, topic_prefix=f"time-{time}-", partitions=3, replication=NODES
    )
    assert asyncio.run(declare_topics(settings))


def test_a_cluster_goes_on_without_its_leader_and_waits_without_two(three: Cluster) -> None:
    make_topic(three.bootstrap, replicas=NODES)
    publish(three.bootstrap, b"by three")
    leader, controller = three.leader_of(TOPIC, 0), three.controller()
    leader.kill()
    until(lambda: three.leader_of(TOPIC, 0) is not leader)
    publish(three.bootstrap, b"by two")
    other = controller if controller is not leader else three.leader_of(TOPIC, 0)
    other.kill()
    with pytest.raises(TimeoutError):
        publish(three.bootstrap, b"by one", within_seconds=3)
    for node in (other, leader):
        node.launch()
    for node in (other, leader):
        node.until_it_answers()
    three.until_whole()
    assert published(three.bootstrap, 2) == [b"by three", b"by two"]
