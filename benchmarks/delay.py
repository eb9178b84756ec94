"""Delay: from publishing a report to its fact being visible to a `read_committed` reader, at a steady pace.

Each partition has transactions of its own, so the nation is measured with the advised number of partitions, and with 96.

A broker runs for months, so the delays of its first minute, in which its JVM compiles, are not typical: it runs with
the collector and the compilers that Kafka's own start script sets, not those of a short run, and works for a minute
before anything counts. That minute's delays are figures of their own ("first").
"""

import asyncio
import random
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from benchmarks import competitors, measured_run, prepared_broker, process_tree, records
from benchmarks.benchmark import Benchmark, Case, measure, percentile
from benchmarks.competitor_process import running
from benchmarks.competitors import COMPETITORS, FLOOR, Competitor, Options
from benchmarks.loading import HEADERS
from benchmarks.prepared_broker import PREFIX, PreparedBroker
from benchmarks.records import Report, SentRecord
from benchmarks.results import Measurement
from benchmarks.workloads import CITY_PARTITIONS, NATION_PARTITIONS, PROGRAMS, Name, Workload, quick, workload
from deploy.local import children
from deploy.local.broker import Broker
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts.waiting import until

BEFORE: dict[Name, int] = {"city": PROGRAMS * 30, "nation": 50_000}  # reports in the log at the start
PARTITIONS: dict[Name, tuple[int, ...]] = {"city": (CITY_PARTITIONS,), "nation": (CITY_PARTITIONS, NATION_PARTITIONS)}
# As kafka-run-class.sh of Kafka 4.2 starts a broker.
LONG_LIVED = (
    "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
)  # fmt: skip
WARM_SECONDS, WARM_RATE = 60.0, 200
SEEN_WITHIN_SECONDS = 60.0
RATES = (200, 1_000)
KEEPING = [name for name in COMPETITORS if name != FLOOR.name]


class Pace(NamedTuple):
    """How many reports a second, and for how long."""

    rate: int
    seconds: float
    warm_seconds: float  # before that, at 200 a second; not counted


def play(on: PreparedBroker, competitor: Competitor, options: Options, pace: Pace) -> dict[str, float]:
    """One run: the competitor catches up first, then new reports come at a pace, each of a plan and program drawn at random.

    Delays in milliseconds; the rate that was sent; processors used by competitor and broker. Names that begin with
    `first` are of the minute that does not count.
    """
    warming = int(WARM_RATE * pace.warm_seconds)
    reports = _later(on.workload, warming + int(pace.rate * pace.seconds))
    with (
        prepared_broker.broker(on, more_records=True, jvm=LONG_LIVED) as broker,
        running(on, broker, competitor, options) as process,
    ):
        asyncio.run(measured_run.watch(on, broker, process))
        with _reader(on, broker) as log:
            sent, seconds, used = asyncio.run(_send_all(broker, process.pid, reports, warming, pace.rate))
            until(
                lambda: len(_seen(log)) >= len(reports), SEEN_WITHIN_SECONDS, what="the reader has received every fact"
            )
        seen = _seen(log)
    delays = [1000 * (seen[key] - at) for key, at in sent.items()]  # as they were sent
    first, counted = sorted(delays[:warming]), sorted(delays[warming:])
    return {
        **{f"p{percent}_ms": percentile(counted, percent) for percent in (50, 90, 99)},
        "max_ms": counted[-1],
        "sent_per_second": len(counted) / seconds,
        "processors": used[0] / seconds,
        "broker_processors": used[1] / seconds,
        **{f"first_p{percent}_ms": percentile(first, percent) for percent in (50, 99)},
    }


def _later(of: Workload, count: int) -> list[SentRecord]:
    """Reports of later months than those that are there, in no order."""
    a_month = of.plans * PROGRAMS
    months, there = -(-count // a_month), -(-of.reports // a_month)
    later = of._replace(reports=a_month * months, first=of.first + there, disorder=False)
    return random.Random(count).sample(list(records.reports(later)), count)


def _seen(log: Path) -> dict[str, float]:
    """When the reader received each fact (monotonic seconds), by its key."""
    lines = [line.split(" ", 1) for line in log.read_text().splitlines()[1:]]
    return {key: float(at) for at, key in lines}


def _key(record: SentRecord) -> str:
    """The key of the fact that the report becomes."""
    assert isinstance(record.known, Report)
    source = record.known.content.split(" ", 1)[0]
    return f"{record.plan.key}/report{source}/{record.known.order[2]}"


async def _send_all(
    broker: Broker, pid: int, reports: Sequence[SentRecord], warming: int, rate: int
) -> tuple[dict[str, float], float, list[float]]:
    """Send all: first those that do not count, then at once those that do.

    Returns when each was handed to the producer (monotonic seconds), by the key of its fact; and of those that count
    the elapsed time and the CPU seconds of competitor and broker.
    """
    producer = AIOKafkaProducer(**client_options(KafkaSettings(kafka=broker.bootstrap)), enable_idempotence=True)
    await producer.start()
    try:
        await producer.client.force_metadata_update()
        sent = await _send(producer, reports[:warming], WARM_RATE)
        began, before = time.monotonic(), process_tree.cpu_seconds(pid, broker.process.pid)
        sent |= await _send(producer, reports[warming:], rate)
        seconds, after = time.monotonic() - began, process_tree.cpu_seconds(pid, broker.process.pid)
        await producer.flush()
    finally:
        await producer.stop()
    return sent, seconds, [b - a for a, b in zip(before, after, strict=True)]


async def _send(producer: AIOKafkaProducer, reports: Sequence[SentRecord], rate: int) -> dict[str, float]:
    """Send `rate` reports a second. Returns when each was handed to the producer (monotonic seconds), by the key of its fact."""
    loop, sent = asyncio.get_running_loop(), dict[str, float]()
    began = loop.time()
    for number, one in enumerate(reports):
        await asyncio.sleep(began + number / rate - loop.time())
        sent[_key(one)] = loop.time()
        key = one.plan.key.encode()
        await producer.send(PREFIX + "program-status", one.value, key, partition=one.partition, headers=HEADERS)
    return sent


@contextmanager
def _reader(on: PreparedBroker, broker: Broker) -> Generator[Path]:
    """A reader that is ready; after the block, the file holds what it received."""
    log = broker.folder.parent / "reader.log"
    command = [sys.executable, "-m", "benchmarks.facts_reader", broker.bootstrap, str(on.workload.partitions)]
    process = children.start(command, log=log)
    try:
        until(lambda: log.read_text().startswith("ready"), what="the reader is ready")
        yield log
    finally:
        children.stop(process, within_seconds=20)


def _run(arguments: Namespace) -> Iterator[Measurement]:
    seconds, warm = (2.0, 0.5) if arguments.quick else (arguments.seconds, WARM_SECONDS)
    chosen = competitors.chosen(arguments, KEEPING)
    for name in arguments.workload or BEFORE:
        for partitions in arguments.partitions or PARTITIONS[name]:
            of = quick(name) if arguments.quick else workload(name, BEFORE[name])
            on = prepared_broker.prepared(of._replace(partitions=partitions))
            cases = []
            for competitor, options in chosen:
                for rate in arguments.rate or RATES:
                    parameters = {
                        "workload": name,
                        "plans": on.workload.plans,
                        "partitions": partitions,
                        "rate": rate,
                        "competitor": competitor.name,
                        "guarantee": competitor.guarantee,
                        "options": competitors.text(options),
                    }
                    cases.append(Case(parameters, partial(play, on, competitor, options, Pace(rate, seconds, warm))))
            yield from measure("delay", cases, arguments.runs)


def _arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--workload", action="append", choices=BEFORE, help="again for more (default: city, nation)")
    add("--partitions", type=int, action="append", help="again for more (default: 12, of the nation also 96)")
    add("--rate", type=int, action="append", help="reports a second; again for more (default: 200, 1000)")
    add("--seconds", type=float, default=20.0, help="that count, after a minute at 200/s (default: %(default)s)")
    competitors.arguments(parser, KEEPING)


DELAY = Benchmark("delay", "from publishing a report to its fact being visible, at a steady pace", _arguments, _run)
