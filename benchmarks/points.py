"""Which point of its grid a competitor is measured at: the best that was found, for throughput and delay alike."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from benchmarks.peers.peer import Options, Peer
from benchmarks.results import Kept, Measurement


def text(options: Options) -> str:
    """A point as it stands in the results."""
    return json.dumps(dict(options))


def options_of(measurement: Measurement) -> Options:
    """The point that stands in a result; empty where an instrument has none."""
    found: Options = json.loads(str(measurement.parameters.get("options", "{}")))
    return found


def speed(measurement: Measurement) -> float:
    """Events per second of a replay."""
    return measurement.figures["events_per_second"].median


def best_known(peer: Peer, kept: Iterable[Kept]) -> Options:
    """The point of its grid at which a competitor was fastest on the largest replay of the nation; else the first."""
    played = [
        one.measurement
        for one in kept
        if one.measurement.name == "replay" and _about(one.measurement, {"competitor": peer.name, "workload": "nation"})
    ]
    points = {text(options): options for options in peer.grid}
    found = [one for one in played if one.parameters["options"] in points]
    if not found:
        return peer.grid[0]
    best = max(found, key=lambda one: (one.parameters["events"], speed(one)))
    return points[str(best.parameters["options"])]


def fitting(peer: Peer, kept: Iterable[Kept], wanted: str | None) -> Options:
    """The first point of its grid that has what is wanted ("commit_ms=10"); the best known where none has it."""
    name, _, value = (wanted or "").partition("=")
    return next((point for point in peer.grid if str(point.get(name)) == value), best_known(peer, kept))


def arguments(parser: ArgumentParser) -> None:
    """Add the argument that chooses a point."""
    parser.add_argument(
        "--point",
        metavar="NAME=VALUE",
        help="a competitor that has such a point in its grid is measured there, and not at the fastest that is known",
    )


def _about(measurement: Measurement, parameters: dict[str, Any]) -> bool:
    return all(measurement.parameters[key] == value for key, value in parameters.items())
