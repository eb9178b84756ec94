"""Delay: from publishing a report to its fact being visible to a `read_committed` reader, at a steady pace.

A partition's transactions are its own, so the nation is measured with as many partitions as are advised, and with 96.

A broker works for months, so its delay is not that of its first minute, in which its compilers are busy: it has the
collector and the compilers that Kafka's own start script gives it, not those of a short run, and works for a minute
before anything counts. What that minute was like is told apart.
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
from benchmarks.running import Competitor, WrongError, competitor
from benchmarks.workloads import CITY_PARTITIONS, NATION_PARTITIONS, PROGRAMS, Name, Workload, quick, workload
from deploy.local import children
from deploy.local.broker import Broker
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts.waiting import until

BEFORE: dict[Name, int] = {"city": PROGRAMS * 30, "nation": 50_000}  # reports that are there already
PARTITIONS: dict[Name, tuple[int, ...]] = {"city": (CITY_PARTITIONS,), "nation": (CITY_PARTITIONS, NATION_PARTITIONS)}
# As kafka-run-class.sh of Kafka 4.2 starts a broker.
LONG_LIVED = (
    "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
)  # fmt: skip
WARM_SECONDS, WARM_RATE = 60.0, 200
SEEN_WITHIN_SECONDS = 60.0
RATES = (200, 1_000)


class Pace(NamedTuple):
    """How many reports a second, and for how long."""

    rate: int
    seconds: float
    warm_seconds: float  # before that, at 200 a second; not counted

    @property
    def warming(self) -> int:
        """How many reports are sent before it counts."""
        return int(WARM_RATE * self.warm_seconds)


class Paced(NamedTuple):
    """A run at a pace. Delays in milliseconds; the rate that was sent; processors used by competitor and broker. What
    `first` begins is of the time that does not count."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    sent_per_second: float
    processors: float
    broker_processors: float
    first_p50_ms: float
    first_p99_ms: float


class _Sent(NamedTuple):
    """When each report was handed over (monotonic seconds), by the key of its fact; and of the part that counts how long
    it took and what it used of processor, competitor and broker."""

    warming: dict[str, float]
    counted: dict[str, float]
    seconds: float
    used: float
    used_by_broker: float


def play(on: Ground, peer: Peer, options: Options, pace: Pace) -> Paced:
    """One run of a competitor: it catches up first, then new reports come at a pace, each of a plan and program drawn at random."""
    letters = _letters(on.workload, pace.warming + int(pace.rate * pace.seconds))
    with (
        ground.broker(on, more_mail=True, jvm=LONG_LIVED) as broker,
        competitor(on, broker, peer, options) as running,
    ):
        asyncio.run(playing.watch(on, broker.bootstrap, running, broker.process.pid))
        with _reader(on, broker) as log:
            sent = asyncio.run(_sent(broker, running, letters, pace))
            until(lambda: len(_seen(log)) >= len(letters), SEEN_WITHIN_SECONDS, what="the reader has seen every fact")
        seen = _seen(log)
    first, counted = (
        sorted(1000 * (seen[key] - at) for key, at in part.items()) for part in (sent.warming, sent.counted)
    )
    return Paced(
        p50_ms=percentile(counted, 50),
        p90_ms=percentile(counted, 90),
        p99_ms=percentile(counted, 99),
        max_ms=counted[-1],
        sent_per_second=len(counted) / sent.seconds,
        processors=sent.used / sent.seconds,
        broker_processors=sent.used_by_broker / sent.seconds,
        first_p50_ms=percentile(first, 50),
        first_p99_ms=percentile(first, 99),
    )


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


async def _sent(broker: Broker, running: Competitor, letters: Sequence[Mail], pace: Pace) -> _Sent:
    """Send all: first those that do not count, and at once the others."""
    producer = AIOKafkaProducer(**client_options(KafkaSettings(kafka=broker.bootstrap)), enable_idempotence=True)
    await producer.start()
    try:
        await producer.client.force_metadata_update()
        warming = await _send(producer, letters[: pace.warming], WARM_RATE)
        began, before = time.monotonic(), process_tree.cpu_seconds(running.pid, broker.process.pid)
        counted = await _send(producer, letters[pace.warming :], pace.rate)
        seconds, after = time.monotonic() - began, process_tree.cpu_seconds(running.pid, broker.process.pid)
        await producer.flush()
    finally:
        await producer.stop()
    return _Sent(warming, counted, seconds, *(b - a for a, b in zip(before, after, strict=True)))


async def _send(producer: AIOKafkaProducer, letters: Sequence[Mail], rate: int) -> dict[str, float]:
    """Send so many a second. Returns when each was handed over (monotonic seconds), by the key of its fact."""
    loop, sent = asyncio.get_running_loop(), dict[str, float]()
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
    parser.add_argument(
        "--seconds",
        type=float,
        default=20.0,
        help="for how long, after a minute at 200 a second (default: %(default)s)",
    )
    parser.add_argument(
        "--competitor", action="append", choices=list(KEEPING), help="may be given again (default: all)"
    )
    points.arguments(parser)


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
            options = points.fitting(peer, results.read(arguments.results), arguments.point)
            for rate in arguments.rate or RATES:
                print(f"delay in the {name}, {partitions} partitions, {rate:,} a second: {competitor_name}", flush=True)
                try:
                    yield measure(on, peer, options, Pace(rate, seconds, warm), runs, name)
                except WrongError as wrong:
                    sys.exit(f"does not count: {wrong}")


KEEPING = {name: one for name, one in COMPETITORS.items() if one.guarantee != "none"}
DELAY = Instrument("delay", "from publishing a report to its fact being visible, at a steady pace", _arguments, _run)
