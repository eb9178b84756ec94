"""The competitors of `make bench`, each with the few points of a grid that are tried: the best counts."""

import sys

from benchmarks.peers import bench_environment, kafka_streams
from benchmarks.peers.peer import Guarantee, Options, Peer


def _streams(name: str, guarantee: Guarantee, setting: str) -> Peer:
    return Peer(name, guarantee, kafka_streams.build, kafka_streams.command, kafka_streams.grid(setting))


def _grid(base: dict[str, str | int], *others: dict[str, str | int]) -> tuple[Options, ...]:
    return (base, *(base | other for other in others))


def _here_already() -> None:
    """Nothing to build."""


FAUST: dict[str, str | int] = {
    "store": "memory", "commit_ms": 2_800, "realization_ms": 5_000, "linger_ms": 200, "batch_kb": 128,
    "compression": "lz4", "pending": 5_000, "loop": "uvloop",
}  # fmt: skip

QUIX: dict[str, str | int] = {
    "commit_ms": 1_000, "commit_every": 0, "buffered": 10_000, "linger_ms": 50, "compression": "lz4",
}  # fmt: skip

PEERS: tuple[Peer, ...] = (
    _streams("kafka-streams-exactly-once", "exactly_once", "exactly_once_v2"),
    _streams("kafka-streams-at-least-once", "at_least_once", "at_least_once"),
    Peer(
        "stock-faust",
        "at_least_once",
        bench_environment.build,
        bench_environment.command("benchmarks.peers.stock_faust"),
        _grid(
            FAUST,
            {"linger_ms": 20},
            {"linger_ms": 1_000},
            {"compression": "none"},
            {"store": "rocksdb"},
            {"loop": "aio"},
        ),
    ),
    Peer(
        "quix-streams",
        "at_least_once",
        bench_environment.build,
        bench_environment.command("benchmarks.peers.quix"),
        _grid(QUIX, {"commit_ms": 5_000}, {"buffered": 1_000}, {"compression": "none", "linger_ms": 5}),
    ),
)

# It writes nothing to Kafka; its module says in which line it tells what it did.
FLOOR = Peer("floor", "none", _here_already, lambda _: [sys.executable, "-m", "benchmarks.peers.floor"], ({},))
