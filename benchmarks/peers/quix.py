"""The bench's job in Quix Streams: two dataframes made one, its state in RocksDB with a changelog, at least once.

    python -m benchmarks.peers.quix

State belongs to a message key, which is the plan, and to a partition of the concatenated dataframe: so both inputs share
it. What Quix has no timer for, the realization at most once in a while, is a sink, which is flushed with each checkpoint.
"""

from pathlib import Path
from typing import Any

from quixstreams import Application, message_context
from quixstreams.sinks import BaseSink

from benchmarks.peers import told
from benchmarks.peers.job import decide, realization
from services.aggregator.worker.records import Record

MIB = 1024 * 1024


class _PlanStore:
    """The state of one plan."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._state.get_bytes(key.encode())
        return found

    def put(self, key: str, value: bytes) -> None:
        self._state.set_bytes(key.encode(), value)


class _Realization(BaseSink):  # type: ignore[misc]  # Quix Streams has no types
    """Writes the last realization of each plan that changed since the last checkpoint."""

    def __init__(self, producer: Any, topic: str) -> None:
        super().__init__()
        self._producer, self._topic = producer, topic
        self._due: dict[str, tuple[int, _PlanStore]] = {}

    def add(self, value: Any, key: Any, timestamp: int, headers: Any, topic: str, partition: int, offset: int) -> None:
        plan, store = value
        self._due[plan] = partition, store

    def flush(self) -> None:
        for plan, (partition, store) in self._due.items():
            written = realization(plan, store)
            self._producer.produce(self._topic, written.value, written.key, partition=partition)
        self._due.clear()


def main() -> None:
    """Work until told to stop."""
    here = told.read()
    app = Application(
        here.kafka,
        consumer_group=f"{here.prefix}quix",
        auto_offset_reset="earliest",
        commit_interval=here.number("commit_ms") / 1000,
        commit_every=here.number("commit_every"),
        state_dir=Path(here.state),
        loglevel="WARNING",
        auto_create_topics=True,
        max_partition_buffer_size=here.number("buffered"),
        producer_extra_config={
            "linger.ms": here.number("linger_ms"),
            "compression.type": here.options["compression"],
            "message.max.bytes": 18 * MIB,
            "queue.buffering.max.messages": 1_000_000,
        },
        consumer_extra_config={"fetch.message.max.bytes": 4 * MIB, "queued.min.messages": 200_000},
    )
    raw = {
        "key_deserializer": "str",
        "value_deserializer": "bytes",
        "key_serializer": "bytes",
        "value_serializer": "bytes",
    }
    names = ("masterplans", "program-status")
    masterplans, reports = (app.dataframe(app.topic(here.prefix + name, **raw)) for name in names)
    mail = masterplans.concat(reports)
    producer = mail.processing_context.producer

    def work(value: bytes | None, key: Any, timestamp: int, headers: Any, state: Any) -> Any:
        context = message_context()
        partition, store = context.partition, _PlanStore(state)
        record = Record(context.offset, timestamp, key, value)
        outcome = decide(context.topic.removeprefix(here.prefix), partition, here.partitions, record, lambda _: store)
        if outcome is None:
            return None
        topic, plan, written = outcome
        # Where a record goes is said, which `to_topic` can't: to the partition its mail came from.
        producer.produce(here.prefix + topic, written.value, written.key, list(written.headers) or None, partition)
        return (plan, store) if topic == "facts" else None

    mail = mail.apply(work, stateful=True, metadata=True)
    mail = mail.filter(lambda told_of: told_of is not None)
    mail.sink(_Realization(producer, here.prefix + "realization"))
    app.run()


if __name__ == "__main__":
    main()
