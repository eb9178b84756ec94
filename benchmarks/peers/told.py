"""What a competitor in Python is told by the harness (benchmarks/peers/peer.py), read from its environment."""

import json
import os
from pathlib import Path
from typing import NamedTuple


class Told(NamedTuple):
    kafka: str
    prefix: str
    partitions: int
    state: Path
    options: dict[str, str | int]

    def number(self, option: str) -> int:
        """An option that is a number."""
        return int(self.options[option])


def read() -> Told:
    """What this process is told."""
    env = os.environ
    return Told(
        env["PANTAU_KAFKA"],
        env["PANTAU_TOPIC_PREFIX"],
        int(env["PANTAU_PARTITIONS"]),
        Path(env["BENCH_STATE"]),
        json.loads(env["BENCH_OPTIONS"]),
    )
