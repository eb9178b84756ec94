"""All competitors: our engine, its peers, and the floor; each with the options it is measured at.

A competitor does the whole job: it consumes `masterplans` and `program-status`, and writes `facts`, `rejected` and
`realization`. The floor writes nothing to Kafka; it prints its output in one line (benchmarks/peers/floor.py).
"""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks import results
from benchmarks.peers import kafka_streams
from benchmarks.results import KeptMeasurement

Options = Mapping[str, str | int]


class Competitor(NamedTuple):
    """One competitor. `command` starts it at some options; `build` is quick when there is nothing to do."""

    name: str
    guarantee: Literal["exactly_once", "at_least_once", "none"]
    options: Options
    command: Callable[[Options], list[str]]
    build: Callable[[], None] = lambda: None


class Given(NamedTuple):
    """What a competitor in Python gets from the harness: the broker, the prefix of the topics, an empty folder, its options."""

    kafka: str
    prefix: str
    partitions: int
    state: Path
    options: dict[str, int]


def _module(name: str) -> Callable[[Options], list[str]]:
    return lambda _: [sys.executable, "-m", name]


def _streams(guarantee: str) -> Options:
    return kafka_streams.OPTIONS | {"guarantee": guarantee}


ONE_PROCESS: Options = {"processes": 1}
FAUST: Options = {"commit_ms": 2_800, "realization_ms": 5_000, "linger_ms": 200, "batch_kb": 128, "pending": 5_000}

ENGINE = Competitor("pantau", "exactly_once", ONE_PROCESS, _module("services.aggregator.worker"))
FLOOR = Competitor("floor", "none", {}, _module("benchmarks.peers.floor"))
STOCK_FAUST = Competitor("stock-faust", "at_least_once", FAUST, _module("benchmarks.peers.stock_faust"))
PEERS = (
    Competitor(
        "kafka-streams-exactly-once",
        "exactly_once",
        _streams("exactly_once_v2"),
        kafka_streams.command,
        kafka_streams.build,
    ),
    Competitor(
        "kafka-streams-at-least-once",
        "at_least_once",
        _streams("at_least_once"),
        kafka_streams.command,
        kafka_streams.build,
    ),
    STOCK_FAUST,
)
PANTAU, STREAMS = ENGINE.name, PEERS[0].name
COMPETITORS = {one.name: one for one in (ENGINE, FLOOR, *PEERS)}


def text(options: Options) -> str:
    """Options as the results hold them."""
    return json.dumps(dict(options))


def best_known(competitor: Competitor, kept: Iterable[KeptMeasurement]) -> Options:
    """The options at which a competitor was fastest on the largest replay of the nation; else its defaults."""
    found = []
    for measurement in (one.measurement for one in kept):
        parameters = measurement.parameters
        if measurement.name == "replay" and parameters["workload"] == "nation":
            options: Options = json.loads(str(parameters["options"]))
            if parameters["competitor"] == competitor.name and options.keys() == competitor.options.keys():
                found.append((parameters["events"], measurement.figures["events_per_second"].median, options))
    return max(found, key=lambda one: one[:2], default=(0, 0, competitor.options))[2]


def arguments(parser: ArgumentParser, among: Iterable[str]) -> None:
    """Add the arguments that choose competitors and options."""
    parser.add_argument("--competitor", action="append", choices=list(among), help="again for more (default: all)")
    parser.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="instead of the competitor's fastest known one; again for more",
    )


def chosen(given: Namespace, among: Iterable[str]) -> list[tuple[Competitor, Options]]:
    """The chosen competitors, built, each with the options it is to be measured at."""
    found: list[tuple[Competitor, Options]] = []
    known = results.read(given.results)
    for competitor in (COMPETITORS[name] for name in given.competitor or among):
        options = dict(best_known(competitor, known))
        for name, value in (one.split("=", 1) for one in given.option):
            if name in options:
                options[name] = type(options[name])(value)
        competitor.build()
        found.append((competitor, options))
    return found


def environment(bootstrap: str, prefix: str, partitions: int, state: Path, options: Options) -> dict[str, str]:
    """The environment of a competitor: the settings of our own processes, and its options."""
    return {
        "PANTAU_KAFKA": bootstrap,
        "PANTAU_TOPIC_PREFIX": prefix,
        "PANTAU_PARTITIONS": str(partitions),
        "PANTAU_STATE": str(state),
        "BENCH_STATE": str(state),
        "BENCH_OPTIONS": text(options),
    }


def given() -> Given:
    """The environment of this process."""
    env = os.environ
    return Given(
        env["PANTAU_KAFKA"],
        env["PANTAU_TOPIC_PREFIX"],
        int(env["PANTAU_PARTITIONS"]),
        Path(env["BENCH_STATE"]),
        json.loads(env["BENCH_OPTIONS"]),
    )
