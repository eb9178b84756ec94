"""The bench's job in stock Faust: an agent, a table, at least once, as its users run it.

    python -m benchmarks.peers.stock_faust

When its table is recovered from the changelog it writes one line of JSON on its standard output:

    recovered_records   records of the changelog that were read
    facts               accepted events that the table holds; the other records are claims, counts and plan versions
    seconds             from the beginning of the recovery to its end
"""

import json
import sys
from typing import Any

import faust
from yarl import URL

from benchmarks import competitors
from benchmarks.competitors import Given
from benchmarks.peers.job import decide, realization
from services.aggregator.worker.records import InputRecord

MIB = 1024 * 1024


class _Raw:
    """A "model" that does not decode keys and values: the job does."""

    @staticmethod
    def from_data(value: Any, preferred_type: Any = None) -> Any:
        return value


class _TablePlanStore:
    """One plan's part of the table."""

    def __init__(self, table: Any, plan: str) -> None:
        self._table, self._plan = table, plan

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._table.get(f"{self._plan}/{key}".encode())
        return found

    def put(self, key: str, value: bytes) -> None:
        self._table[f"{self._plan}/{key}".encode()] = value


def create_app(given: Given) -> Any:
    """The app: one agent over both inputs, so that equal partition numbers share the table's partition."""
    options = given.options
    app = faust.App(
        f"{given.prefix}stock-faust",
        broker=URL(f"kafka://{given.kafka}"),
        store=URL("memory://"),
        datadir=given.state,
        consumer_auto_offset_reset="earliest",
        topic_partitions=given.partitions,
        topic_replication_factor=1,
        topic_disable_leader=True,
        broker_commit_interval=options["commit_ms"] / 1000,
        producer_linger=options["linger_ms"] / 1000,
        producer_max_batch_size=options["batch_kb"] * 1024,
        producer_max_request_size=18 * MIB,
        producer_compression_type="lz4",
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )

    def raw_topic(*names: str) -> faust.Topic:
        names = tuple(given.prefix + name for name in names)
        return app.topic(*names, key_type=_Raw, value_type=_Raw, key_serializer="raw", value_serializer="raw")

    inputs = raw_topic("masterplans", "program-status")
    outputs = {name: raw_topic(name) for name in ("facts", "rejected", "realization")}
    table = app.Table("state", partitions=given.partitions, key_type=bytes, value_type=bytes)
    changed: dict[str, int] = {}  # plan -> its partition

    def store_of(plan: str) -> _TablePlanStore:
        return _TablePlanStore(table, plan)

    async def take(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            topic, partition = message.topic.removeprefix(given.prefix), message.partition
            record = InputRecord(message.offset, int(message.timestamp * 1000 + 0.5), message.key, message.value)
            outcome = decide(topic, partition, given.partitions, record, store_of)
            if outcome is not None:
                name, plan, written = outcome
                await outputs[name].send(
                    key=written.key, value=written.value, partition=partition, headers=dict(written.headers)
                )
                if name == "facts":
                    changed[plan] = partition

    async def write_realization() -> None:
        due = dict(changed)
        changed.clear()
        for plan, partition in due.items():
            written = realization(plan, store_of(plan))
            await outputs["realization"].send(key=written.key, value=written.value, partition=partition)

    async def print_recovery(*_: Any) -> None:
        recovery = app.tables.recovery
        recovered = {
            "recovered_records": sum(end + 1 for end in recovery.active_highwaters.values()),
            "facts": sum(key.split(b"/", 2)[1] in {b"report", b"plan-version"} for key in table),
            "seconds": recovery._recovery_ended_at - recovery._recovery_started_at,
        }
        print(json.dumps(recovered), flush=True)

    async def assigned(*_: Any, **__: Any) -> None:
        app.producer.buffer.max_messages = options["pending"]  # with its default of 100 it is idle most of the time

    app.agent(inputs)(take)
    app.on_partitions_assigned.connect(assigned, weak=False)
    app.timer(interval=options["realization_ms"] / 1000)(write_realization)
    table.on_recover(print_recovery)
    return app


def main() -> None:
    """Work until stopped."""
    worker = faust.Worker(create_app(competitors.given()), loglevel="WARNING", quiet=True, redirect_stdouts=False)
    worker.spinner = None  # else it formats every debug message
    sys.exit(worker.execute_from_commandline())


if __name__ == "__main__":
    main()
