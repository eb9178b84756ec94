"""What a competitor is to the harness: something that can be built and started at a point of its grid."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

Options = Mapping[str, str | int]
Guarantee = Literal["exactly_once", "at_least_once", "none"]


class Peer(NamedTuple):
    """A competitor. `build` is quick when there is nothing to do; `command` starts it, with the environment below."""

    name: str
    guarantee: Guarantee
    build: Callable[[], None]
    command: Callable[[Options], list[str]]
    grid: tuple[Options, ...]


def environment(bootstrap: str, prefix: str, partitions: int, state: Path, options: Options) -> dict[str, str]:
    """What a competitor is told: where the broker is, how the topics begin, an empty folder, a point of its grid."""
    return {
        "PANTAU_KAFKA": bootstrap,
        "PANTAU_TOPIC_PREFIX": prefix,
        "PANTAU_PARTITIONS": str(partitions),
        "BENCH_STATE": str(state),
        "BENCH_OPTIONS": json.dumps(dict(options)),
    }
