"""Three real Kafka nodes, each broker and controller, that any two of them keep going: replication 3, two in sync.

`cluster.nodes` are brokers as `deploy.local.broker` has them; which of them leads is asked of the cluster each time.
"""

import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.broker import HOST, Broker, new_cluster
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts import logs
from tests.parts.waiting import free_port, until

NODES = 3
HEAP = "-Xmx320m"
WHOLE_SECONDS = 120.0
CONTROLLER_SECONDS = 30.0
QUORUM = Path("data", "__cluster_metadata-0", "quorum-state")


class Cluster:
    """Three nodes on free ports of this machine."""

    def __init__(self, folder: Path) -> None:
        ports = [(free_port(), free_port()) for _ in range(NODES)]
        voters = ",".join(f"{number}@{HOST}:{controller}" for number, (_, controller) in enumerate(ports, 1))
        same = {
            "controller.quorum.voters": voters,
            "default.replication.factor": str(NODES),
            "min.insync.replicas": "2",
            "offsets.topic.replication.factor": str(NODES),
            "transaction.state.log.replication.factor": str(NODES),
            "transaction.state.log.min.isr": "2",
            # A node that is paused or gone is out of sync soon, and not after 30 s.
            "replica.lag.time.max.ms": "4000",
        }
        cluster = new_cluster()
        self.nodes = [
            Broker(
                folder / f"node-{number}",
                port,
                controller,
                also=same | {"node.id": str(number)},
                cluster=cluster,
                heap=HEAP,
            )
            for number, (port, controller) in enumerate(ports, 1)
        ]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> None:
        """Start all, and return when all take work."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.until_it_answers()

    def leader_of(self, topic: str, partition: int) -> Broker:
        """The node that leads a partition."""
        led = until(lambda: self._leader(topic, partition), WHOLE_SECONDS, what=f"{topic}-{partition} has a leader")
        assert led is not None
        return led

    def controller(self) -> Broker:
        """The node that is the active controller."""
        active = until(self._controller, CONTROLLER_SECONDS, what="the quorum has a leader")
        assert active is not None
        return active

    def whole(self) -> bool:
        """Whether every partition, also of the cluster's own topics, has a leader and every copy of it in sync."""
        return all(
            partition["leader"] > 0 and len(partition["isr"]) == len(partition["replicas"])
            for topic in self._topics()
            for partition in topic["partitions"]
        )

    def until_whole(self) -> None:
        """Wait until the cluster is whole."""
        until(self.whole, WHOLE_SECONDS, what="every copy is in sync")

    def end(self) -> None:
        """Stop all that were started, whatever state they are in."""
        for node in self.nodes:
            node.kill()

    def _leader(self, topic: str, partition: int) -> Broker | None:
        [described] = self._topics(topic)
        leader = next(one["leader"] for one in described["partitions"] if one["partition"] == partition)
        return self.nodes[leader - 1] if leader > 0 else None

    def _controller(self) -> Broker | None:
        """After the nodes' own notes, which can be read also while the node is paused: those of the last election."""
        notes = [json.loads((node.folder / QUORUM).read_text()) for node in self.nodes]
        leader = int(max(notes, key=lambda note: int(note["leaderEpoch"]))["leaderId"])
        return self.nodes[leader - 1] if leader > 0 else None

    def _topics(self, *names: str) -> list[dict[str, Any]]:
        """What the cluster says of topics, of all when none is named."""

        async def ask() -> list[dict[str, Any]]:
            admin = AIOKafkaAdminClient(**client_options(KafkaSettings(kafka=self.bootstrap), request_timeout_ms=2_000))
            await admin.start()
            try:
                found: list[dict[str, Any]] = await admin.describe_topics(list(names) or None)
                return found
            finally:
                await admin.close()

        return asyncio.run(ask())


@contextmanager
def running(folder: Path) -> Generator[Cluster]:
    """Three nodes whose data is in `folder`."""
    cluster = Cluster(folder)
    watched = {f"node {number}": node.log for number, node in enumerate(cluster.nodes, 1)}
    logs.watched.update(watched)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()
        for name in watched:
            del logs.watched[name]
