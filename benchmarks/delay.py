"""Delay: from publishing a report to its fact being visible to a `read_committed` reader, at a steady pace.

A partition's transactions are its own, so the nation is measured with as many partitions as are advised, and with 96.
"""

import asyncio
import random
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from benchmarks import ground, mail, playing, points, process_tree, results
from benchmarks.competitors import COMPETITORS
from benchmarks.ground import PREFIX, Ground
from benchmarks.instrument import Instrument
from benchmarks.loading import HEADERS
from benchmarks.mail import Mail, Report
from benchmarks.peers.peer import Options, Peer
from benchmarks.percentiles import percentile
from benchmarks.results import Figure, Measurement
from benchmarks.running import WrongError, competitor
from benchmarks.workloads import CITY_PARTITIONS, NATION_PARTITIONS, PROGRAMS, Name, Workload, quick, workload
from deploy.local import children
from deploy.local.broker import Broker
from tests.parts.waiting import until

BEFORE: dict[Name, int] = {"city": PROGRAMS * 30, "nation": 50_000}  # reports that are there already
PARTITIONS: dict[Name, tuple[int, ...]] = {"city": (CITY_PARTITIONS,), "nation": (CITY_PARTITIONS, NATION_PARTITIONS)}
WARM_SECONDS = 5.0
SEEN_WITHIN_SECONDS = 60.0
RATES = (200, 1_000)


class Pace(NamedTuple):
    """How many reports a second, and for how long."""

    rate: int
    seconds: float
    warm_seconds: float  # before that, at the same pace; not counted


class Paced(NamedTuple):
    """A run at a pace. Delays in milliseconds; the rate that was sent; processors used by competitor and broker."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    sent_per_second: float
    processors: float
    broker_processors: float


def play(on: Ground, peer: Peer, options: Options, pace: Pace) -> Paced:
    """One run of a competitor: it catches up first, then new reports come at a pace, each of a plan and program drawn at random."""
    letters = _letters(on.workload, int(pace.rate * (pace.warm_seconds + pace.seconds)))
    with ground.broker(on, more_mail=True) as broker, competitor(on, broker, peer, options) as running:
        asyncio.run(playing.watch(on, broker.bootstrap, running, broker.process.pid))
        with _reader(on, broker) as log:
            before = process_tree.cpu_seconds(running.pid, broker.process.pid)
            began = time.monotonic()
            sent = asyncio.run(_send(broker.bootstrap, letters, pace.rate))
            seconds = time.monotonic() - began
            after = process_tree.cpu_seconds(running.pid, broker.process.pid)
            until(lambda: len(_seen(log)) >= len(sent), SEEN_WITHIN_SECONDS, what="the reader has seen every fact")
        seen = _seen(log)
    counted = list(sent)[int(pace.rate * pace.warm_seconds) :]
    delays = sorted(1000 * (seen[key] - sent[key]) for key in counted)
    used, by_broker = ((b - a) / seconds for a, b in zip(before, after, strict=True))
    p50, p90, p99, worst = (percentile(delays, percent) for percent in (50, 90, 99, 100))
    return Paced(p50, p90, p99, worst, len(letters) / seconds, used, by_broker)


def _letters(of: Workload, count: int) -> list[Mail]:
    """Reports of later months than those that are there, in no order."""
    a_month = of.plans * PROGRAMS
    months, there = -(-count // a_month), -(-of.reports // a_month)
    later = of._replace(reports=a_month * months, first=of.first + there, disorder=False)
    every = list(mail.reports(later))
    return random.Random(count).sample(every, count)


def _seen(log: Path) -> dict[str, float]:
    """When the reader saw each fact (monotonic seconds), by its key."""
    lines = [line.split(" ", 1) for line in log.read_text().splitlines()[1:]]
    return {key: float(at) for at, key in lines}


def _key(letter: Mail) -> str:
    """The key of the fact that is to be."""
    assert isinstance(letter.known, Report)
    source = letter.known.content.split(" ", 1)[0]
    return f"{letter.plan.key}/report{source}/{letter.known.order[2]}"


async def _send(bootstrap: str, letters: Sequence[Mail], rate: int) -> dict[str, float]:
    """Send so many a second. Returns when each was handed over (monotonic seconds), by the key of its fact."""
    loop, sent = asyncio.get_running_loop(), dict[str, float]()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        await producer.client.force_metadata_update()
        began = loop.time()
        for number, letter in enumerate(letters):
            await asyncio.sleep(began + number / rate - loop.time())
            sent[_key(letter)] = loop.time()
            await producer.send(
                PREFIX + "program-status",
                letter.value,
                letter.plan.key.encode(),
                partition=letter.partition,
                headers=HEADERS,
            )
        await producer.flush()
    finally:
        await producer.stop()
    return sent


@contextmanager
def _reader(on: Ground, broker: Broker) -> Generator[Path]:
    """A reader that is ready; the file has what it saw when the block has ended."""
    log = broker.folder.parent / "reader.log"
    command = [sys.executable, "-m", "benchmarks.facts_reader", broker.bootstrap, str(on.workload.partitions)]
    process = children.start(command, log=log)
    try:
        until(lambda: log.read_text().startswith("ready"), what="the reader is ready")
        yield log
    finally:
        children.stop(process, within_seconds=20)


def measure(on: Ground, peer: Peer, options: Options, pace: Pace, runs: int, name: Name) -> Measurement:
    """Several runs of a competitor at one pace."""
    played = []
    for number in range(1, runs + 1):
        played.append(play(on, peer, options, pace))
        told = played[-1]
        print(
            f"  run {number}: p50 {told.p50_ms:.1f} ms, p99 {told.p99_ms:.1f} ms, worst {told.max_ms:.0f} ms",
            flush=True,
        )
    figures = {
        field: Figure("ms" if field.endswith("_ms") else "1", tuple(round(getattr(run, field), 3) for run in played))
        for field in Paced._fields
    }
    parameters: dict[str, str | int] = {
        "workload": name,
        "plans": on.workload.plans,
        "partitions": on.workload.partitions,
        "rate": pace.rate,
        "competitor": peer.name,
        "guarantee": peer.guarantee,
        "options": points.text(options),
    }
    return Measurement("delay", parameters, figures)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--workload", action="append", choices=BEFORE, help="may be given again (default: city, nation)"
    )
    parser.add_argument(
        "--partitions", type=int, action="append", help="may be given again (default: 12, nation: and 96)"
    )
    parser.add_argument(
        "--rate", type=int, action="append", help="reports a second; may be given again (default: 200, 1000)"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="for how long (default: %(default)s)")
    parser.add_argument(
        "--competitor", action="append", choices=list(KEEPING), help="may be given again (default: all)"
    )


def _run(arguments: Namespace) -> Iterator[Measurement]:
    seconds, warm, runs = (2.0, 0.5, 1) if arguments.quick else (arguments.seconds, WARM_SECONDS, arguments.runs)
    wanted = [
        (name, count) for name in arguments.workload or BEFORE for count in arguments.partitions or PARTITIONS[name]
    ]
    for name, partitions in wanted:
        of = quick(name) if arguments.quick else workload(name, BEFORE[name])
        on = ground.prepared(of._replace(partitions=partitions))
        for competitor_name in arguments.competitor or KEEPING:
            peer = KEEPING[competitor_name]
            peer.build()
            options = points.best_known(peer, results.read(arguments.results))
            for rate in arguments.rate or RATES:
                print(f"delay in the {name}, {partitions} partitions, {rate:,} a second: {competitor_name}", flush=True)
                try:
                    yield measure(on, peer, options, Pace(rate, seconds, warm), runs, name)
                except WrongError as wrong:
                    sys.exit(f"does not count: {wrong}")


KEEPING = {name: one for name, one in COMPETITORS.items() if one.guarantee != "none"}
DELAY = Instrument("delay", "from publishing a report to its fact being visible, at a steady pace", _arguments, _run)
