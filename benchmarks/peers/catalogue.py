"""The competitors of `make bench`."""

from benchmarks.peers import kafka_streams
from benchmarks.peers.peer import Peer

PEERS: tuple[Peer, ...] = (
    Peer("kafka-streams-exactly-once", "exactly_once", kafka_streams.build, kafka_streams.command, kafka_streams.grid("exactly_once_v2")),
    Peer("kafka-streams-at-least-once", "at_least_once", kafka_streams.build, kafka_streams.command, kafka_streams.grid("at_least_once")),
)  # fmt: skip
