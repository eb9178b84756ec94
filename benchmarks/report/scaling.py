"""The figures in docs/scaling.md: the page is written by hand, and what stands between its marks is generated.

A mark is `<!--NAME-->` before a figure and `<!--/-->` after it; readers of the page don't see it.
"""

import json
import re
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import NamedTuple

from benchmarks.competitors import ONE_PROCESS, PANTAU, STREAMS
from benchmarks.competitors import text as text_of
from benchmarks.measured_run import BEGINS
from benchmarks.peers.kafka_streams import PROMPT
from benchmarks.report.lookup import best, median, named, number
from benchmarks.report.targets import bytes_per_fact, replayed_beside, together
from benchmarks.results import KeptMeasurement
from benchmarks.workloads import CITY_PARTITIONS, NATION, NATION_PARTITIONS, PROGRAMS, PROVINCE

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
MARK = re.compile(r"<!--([a-z0-9.-]+)-->.*?<!--/-->", re.DOTALL)
UNKNOWN = "(not measured yet)"
SIZES = {"city": 1, "province": PROVINCE, "nation": NATION}
YEARS, MONTHS = 10, 12
RECORD_BYTES = 480  # of a report, with its envelope
PEAK_HOURS = 1  # a month's reports all come in the hour before a meeting
RESTORE_SECONDS, WORKER_GIB = 120, 8  # how long a restart may take, and how much memory a process may have


class Measured(NamedTuple):
    """What the sizes are computed from."""

    events_per_second: float
    facts_per_second: float  # of a restore by one process
    base_bytes: float  # of a nearly empty process
    bytes_per_fact: float  # in memory
    book_bytes_per_fact: float  # on the broker's disk


def text(kept: Sequence[KeptMeasurement]) -> str:
    """The page with the figures of the current results."""
    known = _figures(kept)
    return MARK.sub(lambda mark: f"<!--{mark[1]}-->{known[mark[1]]}<!--/-->", PAGE.read_text())


def _measured(kept: Sequence[KeptMeasurement]) -> Measured | None:
    replayed = best(kept, "replay", "events_per_second", workload="nation", competitor=PANTAU)
    restore = median(kept, "restore", "facts_per_second", competitor=PANTAU, options=text_of(ONE_PROCESS))
    fact, city = bytes_per_fact(kept), named(kept, "growth", plans=1)
    if replayed is None or restore is None or fact is None or not city:
        return None
    figures = replayed.measurement.figures
    base = city[-1].measurement.figures["peak_mib"].median * 1024**2
    return Measured(figures["events_per_second"].median, restore, base, fact, figures["book_bytes_per_fact"].median)


def _figures(kept: Sequence[KeptMeasurement]) -> dict[str, str]:
    measured = _measured(kept)
    found = {f"{size}.{name}": figures for size, plans in SIZES.items() for name, figures in _plain(plans).items()}
    for size, plans in SIZES.items():
        figures = _sized(plans, measured) if measured else dict.fromkeys(SIZED, UNKNOWN)
        found |= {f"{size}.{name}": value for name, value in figures.items()}
    general = {
        "events-per-second": measured and number(measured.events_per_second),
        "restore-per-second": measured and number(measured.facts_per_second),
        "bytes-per-fact": measured and number(measured.bytes_per_fact),
        "book-bytes-per-fact": measured and number(measured.book_bytes_per_fact),
    }
    measured_beside = general | _around(kept) | _bounds(kept)
    return found | {name: figure or UNKNOWN for name, figure in measured_beside.items()}


def _bounds(kept: Sequence[KeptMeasurement]) -> dict[str, str | None]:
    """CPU cost of a replay and a delay, and what all cores together could do at that cost."""
    values: dict[str, float | None] = {}
    played = together(kept, STREAMS, "replay", "events", workload="nation")
    for mark, competitor in (("ours", PANTAU), ("theirs", STREAMS)):
        one = best(played, "replay", "events_per_second", competitor=competitor)
        values |= dict.fromkeys((f"{mark}.us", f"{mark}.broker-us", f"{mark}.ceiling", f"{mark}.share"))
        if one is not None:
            _, parameters, figures = one.measurement
            rate, used = figures["events_per_second"].median, figures["cpu_us_per_event"].median
            by_broker = figures["broker_cpu_seconds"].median / (int(parameters["events"]) * (1 - BEGINS)) * 1e6
            ceiling = float(one.machine["cores"]) * 1e6 / (used + by_broker)
            values |= {f"{mark}.us": used, f"{mark}.broker-us": by_broker}
            values |= {f"{mark}.ceiling": ceiling, f"{mark}.share": 100 * rate / ceiling}
    theirs = median(played, "replay", "events_per_second", competitor=STREAMS)
    values["twice.us"] = theirs and float(played[0].machine["cores"]) * 1e6 / (2 * theirs)
    values["floor.us"] = median(played, "replay", "cpu_us_per_event", competitor="floor")
    one_process = named(kept, "replay", workload="nation", competitor=PANTAU, options=text_of(ONE_PROCESS))
    values["one-process.rate"] = (
        one_process[-1].measurement.figures["events_per_second"].median if one_process else None
    )
    for mark, competitor in (("city", PANTAU), ("theirs", STREAMS)):
        values[f"delay.{mark}.p50-ms"] = median(
            kept, "delay", "p50_ms", workload="city", competitor=competitor, rate=200
        )
    for mark, partitions in (("few", CITY_PARTITIONS), ("many", NATION_PARTITIONS)):
        of = named(kept, "delay", workload="nation", partitions=partitions, competitor=PANTAU, rate=200)
        for metric in ("p50_ms", "p99_ms", "processors", "broker_processors"):
            values[f"delay.{mark}.{metric.replace('_', '-')}"] = median(of, "delay", metric)
    values |= _prompt(kept)
    return {name: None if value is None else number(value) for name, value in values.items()}


def _prompt(kept: Sequence[KeptMeasurement]) -> dict[str, float | None]:
    """Kafka Streams where its delay is like ours, and ours of as many events on the same day."""
    there = [
        one
        for one in kept
        if PROMPT.items() <= json.loads(str(one.measurement.parameters.get("options", "{}"))).items()
    ]
    both = replayed_beside([*there, *named(kept, "replay", competitor=PANTAU)], STREAMS)
    return {
        "prompt.rate": both and both.theirs,
        "prompt.ours": both and both.ours,
        "prompt.p50-ms": median(there, "delay", "p50_ms", workload="city", competitor=STREAMS, rate=200),
    }


def _around(kept: Sequence[KeptMeasurement]) -> dict[str, str | None]:
    """What was measured around the worker: intake, projections, streams."""
    followed = median(kept, "asof", "followed_per_second", database="PostgreSQL")
    hours = followed and SIZES["nation"] * PROGRAMS * MONTHS * YEARS / followed / 3600
    singles = median(kept, "intake", "events_per_second", events_per_request=1, rate="flat out")
    figures = {
        "follow-sqlite": median(kept, "asof", "followed_per_second", database="SQLite"),
        "follow-postgresql": followed,
        "nation.follow": hours,
        "asof-sqlite": median(kept, "asof", "random_p99", database="SQLite"),
        "asof-postgresql": median(kept, "asof", "random_p99", database="PostgreSQL"),
        "intake-singles": singles,
        "intake-batches": median(kept, "intake", "events_per_second", events_per_request=500),
        "kib-per-client": median(kept, "streams", "kib_per_client", listeners=2_000, stopped=0),
    }
    return {name: None if value is None else number(value) for name, value in figures.items()}


def _plain(plans: int) -> dict[str, str]:
    """What follows from the number of plans alone."""
    reports = plans * PROGRAMS
    return {
        "plans": f"{plans:,}",
        "month": f"{reports:,}",
        "ten-years": f"{reports * MONTHS * YEARS:,}",
        "peak": number(reports / PEAK_HOURS / 3600),
    }


SIZED = ("busy", "memory", "restore", "processes", "disk")


def _sized(plans: int, measured: Measured) -> dict[str, str]:
    """What a size needs after ten years, as far as the measured figures go on as they are."""
    facts = plans * PROGRAMS * MONTHS * YEARS
    peak = plans * PROGRAMS / PEAK_HOURS / 3600
    memory = measured.base_bytes + facts * measured.bytes_per_fact
    restore = facts / measured.facts_per_second
    processes = max(1, ceil(restore / RESTORE_SECONDS), ceil(memory / 1024**3 / WORKER_GIB))
    return {
        "busy": f"{peak / measured.events_per_second:.2%}",
        "memory": f"{number(memory / 1024**3)} GiB",
        "restore": f"{number(restore)} s",
        "processes": str(processes),
        "disk": f"{number(facts * (RECORD_BYTES + measured.book_bytes_per_fact) / 1024**3)} GiB",
    }
