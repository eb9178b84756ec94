"""Whether a department and a live page notice many who have no key and do the worst they can (benchmarks/crowd.py).

All apps are one process, as on one machine, where everybody shares one event loop. Beside a crowd, a department posts
reports at a rate: the time until each is acknowledged, and until a live page that follows the stream has the change.
"""

import json
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks import process_tree
from benchmarks.instrument import Instrument
from benchmarks.percentiles import percentile
from benchmarks.results import Figure, Measurement, Unit
from benchmarks.streams import PLAN, WITHIN_SECONDS, Streams
from tests.parts import broker
from tests.parts.processes import ROOT, Processes

LIVE = f"/v1/plans/{PLAN}/stream"
PAGES = 3
UNITS: dict[str, Unit] = {
    "acknowledged_p50_ms": "ms",
    "acknowledged_p99_ms": "ms",
    "acknowledged_longest_ms": "ms",
    "change_p50_ms": "ms",
    "change_p99_ms": "ms",
    "change_longest_ms": "ms",
    "crowd_answered": "1",
    "crowd_refused": "1",
    "cpu_percent": "percent",
}


class Scene(NamedTuple):
    """So many connections of a crowd, plans beside the one that is watched, and reports at a rate."""

    crowd: int
    plans: int
    reports: int
    rate: float


@contextmanager
def asking(port: int, connections: int, plans: list[str]) -> Generator[dict[str, dict[str, int]]]:
    """A crowd. What is given is filled at the end: how often each status came, by kind of request."""
    answered: dict[str, dict[str, int]] = {}
    command = [sys.executable, "-m", "benchmarks.crowd", str(port), str(connections), *plans]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as crowd:
        try:
            assert crowd.stdout is not None
            assert crowd.stdout.readline() == "asking\n"
            yield answered
            said, _ = crowd.communicate("\n", timeout=WITHIN_SECONDS)
            answered |= json.loads(said)
        finally:
            crowd.kill()


def play(bootstrap: str, folder: Path, scene: Scene) -> dict[str, float]:
    """The figures of a scene, by the names in `UNITS`."""
    folder.mkdir()
    processes = Processes(folder)
    others = [f"kota-lain-{number}" for number in range(scene.plans)]
    try:
        city = Streams(bootstrap, folder, processes, others, together=True)
        with city.listening(LIVE, PAGES) as last_knew, asking(city.api.port, scene.crowd, [PLAN, *others]) as answered:
            cpu = process_tree.cpu_seconds(city.api.pid)[0]
            ids, heard = city.send(scene.reports, scene.rate)
            cpu = process_tree.cpu_seconds(city.api.pid)[0] - cpu
        changes = city.delays(ids, heard, last_knew)
    finally:
        processes.end()
    acknowledged = sorted(heard.latencies)
    statuses = [(status, count) for each in answered.values() for status, count in each.items()]
    return {
        f"{name}_{which}_ms": 1000 * percentile(seconds, percent)
        for name, seconds in (("acknowledged", acknowledged), ("change", changes))
        for which, percent in (("p50", 50), ("p99", 99), ("longest", 100))
    } | {
        "crowd_answered": sum(count for _, count in statuses),
        "crowd_refused": sum(count for status, count in statuses if status in {"429", "ended"}),
        "cpu_percent": 100 * cpu / heard.seconds,
    }


def measure(bootstrap: str, folder: Path, scenes: list[Scene], runs: int) -> Iterator[Measurement]:
    """One measurement of each scene."""
    for number, scene in enumerate(scenes):
        played = [play(bootstrap, folder / f"{number}-{again}", scene) for again in range(runs)]
        figures = {name: Figure(unit, tuple(one[name] for one in played)) for name, unit in UNITS.items()}
        yield Measurement("strangers", scene._asdict(), figures)


def _run(arguments: Namespace) -> Iterator[Measurement]:
    reports = round(arguments.rate * (2 if arguments.quick else arguments.seconds))
    scenes = [Scene(crowd, arguments.plans, reports, arguments.rate) for crowd in (0, arguments.crowd)]
    with tempfile.TemporaryDirectory(prefix="pantau-strangers-") as name, broker.running(Path(name) / "broker") as own:
        yield from measure(own.bootstrap, Path(name), scenes, 1 if arguments.quick else arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--crowd", type=int, default=200, help="connections without a key (default: %(default)s)")
    parser.add_argument("--plans", type=int, default=40, help="beside the one watched (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=10, help="reports a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="at that rate (default: %(default)s)")


STRANGERS = Instrument(
    "strangers", "reports and a live page beside callers without a key who do the worst", _arguments, _run
)
