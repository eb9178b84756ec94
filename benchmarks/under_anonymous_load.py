"""How anonymous load (benchmarks/anonymous_load.py) delays a department's reports and a live page.

All apps are one process, as on one machine, and share one event loop. Beside the load, a department posts reports at a
rate: the time until each is acknowledged, and until a live page that follows the stream has the change.
"""

import json
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.benchmark import Benchmark, Case, measure, percentile
from benchmarks.installation import WITHIN_SECONDS, callers
from benchmarks.results import Measurement
from benchmarks.streams import PLAN, City
from tests.parts import broker
from tests.parts.processes import Processes

LIVE = f"/v1/plans/{PLAN}/stream"
PAGES = 3


class Scene(NamedTuple):
    """The number of connections of the load, of plans beside the watched one, and of reports at a rate."""

    crowd: int
    plans: int
    reports: int
    rate: float


def play(bootstrap: str, folder: Path, scene: Scene) -> dict[str, float]:
    """The figures of a scene, on an installation of its own."""
    processes = Processes(Path(tempfile.mkdtemp(dir=folder)))
    others = [f"kota-lain-{number}" for number in range(scene.plans)]
    try:
        city = City(bootstrap, processes.folder, processes, others, together=True)
        asking = callers("benchmarks.anonymous_load", city.api.port, scene.crowd, PLAN, *others, ready="asking")
        with city.listening(LIVE, PAGES) as last_received, asking as crowd:
            ids, answers, cpu = city.send(scene.reports, scene.rate)
            statuses: dict[str, int] = json.loads(crowd.communicate("\n", timeout=WITHIN_SECONDS)[0])
        changes = city.delays(ids, answers, last_received)
    finally:
        processes.end()
    return {
        f"{name}_{which}_ms": 1000 * percentile(seconds, percent)
        for name, seconds in (("acknowledged", sorted(answers.latencies)), ("change", changes))
        for which, percent in (("p50", 50), ("p99", 99), ("longest", 100))
    } | {
        "crowd_answered": sum(statuses.values()),
        "crowd_refused": statuses.get("429", 0) + statuses.get("ended", 0),
        "cpu_percent": 100 * cpu / answers.seconds,
    }


def measured(bootstrap: str, folder: Path, scenes: list[Scene], runs: int) -> Iterator[Measurement]:
    """One measurement of each scene."""
    return measure("strangers", [Case(one._asdict(), partial(play, bootstrap, folder, one)) for one in scenes], runs)


def _run(arguments: Namespace) -> Iterator[Measurement]:
    reports = round(arguments.rate * (2 if arguments.quick else arguments.seconds))
    scenes = [Scene(crowd, arguments.plans, reports, arguments.rate) for crowd in (0, arguments.crowd)]
    with tempfile.TemporaryDirectory(prefix="pantau-strangers-") as name, broker.running(Path(name) / "broker") as own:
        yield from measured(own.bootstrap, Path(name), scenes, arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--crowd", type=int, default=200, help="connections without a key (default: %(default)s)")
    parser.add_argument("--plans", type=int, default=40, help="beside the one watched (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=10, help="reports a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="at that rate (default: %(default)s)")


STRANGERS = Benchmark(
    "strangers",
    "reports and a live page beside callers without a key who send the most expensive requests",
    _arguments,
    _run,
)
