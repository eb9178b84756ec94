"""The bench's job in stock Faust: an agent, a table, at least once, as its users run it.

    python -m benchmarks.peers.stock_faust

When its table was recovered from the changelog it says so in one line of JSON on its standard output:

    recovered_records   records of the changelog that were read
    facts               accepted events that the table holds; the other records are claims, counts and plan versions
    seconds             from the beginning of the recovery to its end
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faust
import uvloop
from yarl import URL

from benchmarks.peers import told
from benchmarks.peers.job import decide, realization
from services.aggregator.worker.records import Record

MIB = 1024 * 1024


class _Raw:
    """A "model" that leaves keys and values alone: they are decoded by the job."""

    @staticmethod
    def from_data(value: Any, preferred_type: Any = None) -> Any:
        return value


class _PlanStore:
    """One plan's part of the table."""

    def __init__(self, table: Any, plan: str) -> None:
        self._table, self._plan = table, plan

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._table.get(f"{self._plan}/{key}".encode())
        return found

    def put(self, key: str, value: bytes) -> None:
        self._table[f"{self._plan}/{key}".encode()] = value


def create_app(here: told.Told) -> Any:
    """The app: one agent over both inputs, so that equal partition numbers share the table's partition."""
    app = faust.App(
        f"{here.prefix}stock-faust",
        broker=URL(f"kafka://{here.kafka}"),
        store=URL("memory://" if here.options["store"] == "memory" else "rocksdb://"),
        datadir=here.state,
        consumer_auto_offset_reset="earliest",
        topic_partitions=here.partitions,
        topic_replication_factor=1,
        topic_disable_leader=True,
        broker_commit_interval=here.number("commit_ms") / 1000,
        producer_linger=here.number("linger_ms") / 1000,
        producer_max_batch_size=here.number("batch_kb") * 1024,
        producer_max_request_size=18 * MIB,
        producer_compression_type=None if here.options["compression"] == "none" else here.options["compression"],
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    raw = {"key_type": _Raw, "value_type": _Raw, "key_serializer": "raw", "value_serializer": "raw"}
    inputs = app.topic(here.prefix + "masterplans", here.prefix + "program-status", **raw)
    outputs = {name: app.topic(here.prefix + name, **raw) for name in ("facts", "rejected", "realization")}
    table = app.Table("state", partitions=here.partitions, key_type=bytes, value_type=bytes)
    changed: dict[str, int] = {}  # plan -> its partition

    def store_of(plan: str) -> _PlanStore:
        return _PlanStore(table, plan)

    async def mail(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            topic, partition = message.topic.removeprefix(here.prefix), message.partition
            record = Record(message.offset, int(message.timestamp * 1000 + 0.5), message.key, message.value)
            outcome = decide(topic, partition, here.partitions, record, store_of)
            if outcome is None:
                continue
            name, plan, written = outcome
            await outputs[name].send(
                key=written.key, value=written.value, partition=partition, headers=dict(written.headers)
            )
            if name == "facts":
                changed[plan] = partition

    async def tell_realization() -> None:
        due = dict(changed)
        changed.clear()
        for plan, partition in due.items():
            written = realization(plan, store_of(plan))
            await outputs["realization"].send(key=written.key, value=written.value, partition=partition)

    async def tell_recovery(*_: Any) -> None:
        print(json.dumps(_recovered(app.tables.recovery, table)), flush=True)

    async def assigned(*_: Any, **__: Any) -> None:
        app.producer.buffer.max_messages = here.number("pending")  # its 100 let it stand still most of the time

    app.agent(inputs)(mail)
    app.on_partitions_assigned.connect(assigned, weak=False)
    app.timer(interval=here.number("realization_ms") / 1000)(tell_realization)
    table.on_recover(tell_recovery)
    return app


def _recovered(recovery: Any, table: Any) -> dict[str, float]:
    """What a recovery that has just ended came to, by Faust's own account."""
    return {
        "recovered_records": sum(end + 1 for end in recovery.active_highwaters.values()),
        "facts": sum(1 for _ in _facts(table)),
        "seconds": recovery._recovery_ended_at - recovery._recovery_started_at,
    }


def _facts(table: Any) -> Iterator[bytes]:
    return (key for key in table if key.split(b"/", 2)[1] in {b"report", b"plan-version"})


def main() -> None:
    """Work until told to stop."""
    here = told.read()
    Path(here.state).mkdir(exist_ok=True)
    if here.options["loop"] == "uvloop":
        uvloop.install()
    worker = faust.Worker(create_app(here), loglevel="WARNING", quiet=True, redirect_stdouts=False)
    worker.spinner = None  # it would have every message for debugging made
    sys.exit(worker.execute_from_commandline())


if __name__ == "__main__":
    main()
