"""The topics of one installation on a real broker: send records, read what the aggregator wrote, compare with the oracle."""

import asyncio
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as KafkaPartition

from deploy.local.process_settings import InstallationSettings
from schemas.topics import INPUTS
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from services.kit.topics import declare_topics
from tests import oracle
from tests.parts.facts import whole_event
from tests.parts.history import HEADERS, RecordToSend

Json = dict[str, Any]


class WrittenRecord(NamedTuple):
    """A record the aggregator wrote."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, str]


_numbers = itertools.count(1)


class KafkaTopics:
    """One installation: a broker or several, a prefix of its own, a number of partitions, each with so many copies."""

    def __init__(self, bootstrap: str, partitions: int, replication: int = 1) -> None:
        self.bootstrap, self.partitions, self.replication = bootstrap, partitions, replication
        self.prefix = f"test-{os.getpid()}-{next(_numbers)}-"

    def declare(self) -> None:
        """Make the topics, as every process does at its start."""
        settings = InstallationSettings(
            kafka=self.bootstrap,
            topic_prefix=self.prefix,
            partitions=self.partitions,
            replication=self.replication,
        )
        asyncio.run(declare_topics(settings))

    def send(self, records: Iterable[RecordToSend]) -> int:
        """Send and wait for every acknowledgement. Returns how many."""
        producer = KafkaProducer(
            **client_options(KafkaSettings(kafka=self.bootstrap)),
            linger_ms=10,
            batch_size=256 * 1024,
            max_request_size=18 * 1024 * 1024,
        )
        try:
            sent = [
                producer.send(
                    self.prefix + one.topic, key=one.key, value=one.value, partition=one.partition, headers=HEADERS
                )
                for one in records
            ]
            producer.flush()
            for future in sent:
                future.get(30)
            return len(sent)
        finally:
            producer.close()

    def ends(self, topic: str) -> dict[int, int]:
        """The end offset of each partition of a topic, as far as it is committed."""
        tps = [KafkaPartition(self.prefix + topic, number) for number in range(self.partitions)]
        consumer = KafkaConsumer(
            **client_options(KafkaSettings(kafka=self.bootstrap)),
            isolation_level="read_committed",
            metrics_enabled=False,
        )
        try:
            return {tp.partition: end for tp, end in consumer.end_offsets(tps).items()}
        finally:
            consumer.close()

    def read(self, topic: str, at_least: dict[int, int] | None = None) -> list[Any]:
        """Every committed record of a topic, in the order of its partitions.

        `at_least` says up to which offsets to wait: the broker shows a transaction's end on its partitions one after
        the other, so records that progress already counts may not be readable yet.
        """
        return asyncio.run(self._read(topic, at_least or {}))

    async def _read(self, topic: str, at_least: dict[int, int]) -> list[Any]:
        consumer = AIOKafkaConsumer(
            **client_options(KafkaSettings(kafka=self.bootstrap)),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            tps = [TopicPartition(self.prefix + topic, number) for number in range(self.partitions)]
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            ends = {tp: max(end, at_least.get(tp.partition, 0)) for tp, end in ends.items()}
            records: list[Any] = []
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for fetched in (await consumer.getmany(timeout_ms=100)).values():
                    records.extend(fetched)
            return sorted(records, key=lambda record: (record.partition, record.offset))
        finally:
            await consumer.stop()

    def input_records(self) -> list[oracle.OracleRecord]:
        """What lies in the input topics."""
        return [
            oracle.OracleRecord(topic, record.partition, record.offset, record.timestamp, record.key, record.value)
            for topic in INPUTS
            for record in self.read(topic)
        ]

    def written(self, topic: str, at_least: dict[int, int] | None = None) -> list[WrittenRecord]:
        """What the aggregator wrote to a topic."""
        return [
            WrittenRecord(
                r.partition,
                r.offset,
                r.key,
                r.value,
                {name: (value or b"").decode(errors="replace") for name, value in r.headers or ()},
            )
            for r in self.read(topic, at_least)
        ]

    def progress(self) -> dict[int, Json]:
        """The last progress record of each partition."""
        return {record.partition: json.loads(record.value) for record in self.written("aggregator-progress")}

    def decided(self) -> int:
        """How many records have an outcome, by the aggregator's own count."""
        return sum(
            sum(outcomes.values())
            for progress in self.progress().values()
            for outcomes in progress["outcomes"].values()
        )

    def read_up_to(self) -> dict[tuple[str, int], int]:
        """The next offset of each input and partition, by the aggregator's progress records."""
        return {
            (topic, partition): offset
            for partition, progress in self.progress().items()
            for topic, offset in progress["next_offsets"].items()
        }

    def differences(self) -> list[str]:
        """How what the aggregator wrote differs from the oracle's outcomes. Empty: not at all."""
        records = self.input_records()
        return self.differences_from(records, *oracle.decide(records, self.partitions))

    def differences_from(
        self, input_records: list[oracle.OracleRecord], outcomes: list[oracle.Outcome], facts: list[oracle.OracleFact]
    ) -> list[str]:
        """The same with outcomes and facts that the oracle has computed already."""
        found: list[str] = []
        progress = self.progress()
        ends = {number: one["facts_end"] for number, one in progress.items()}
        private = {part.key: part.value for part in self.written("facts-private")}
        records = self.written("facts", ends)
        written = [
            fact | {"event": whole_event(fact, private.get(record.key) if "private" in fact else None)}
            for record in records
            for fact in [json.loads(record.value)]
        ]
        found += _compare(
            "facts",
            Counter((f["topic"], f["partition"], f["offset"], json.dumps(f["event"], sort_keys=True)) for f in written),
            Counter((f.topic, f.partition, f.offset, json.dumps(f.event, sort_keys=True)) for f in facts),
        )
        for plan, seqs in _seqs(written).items():
            if seqs != list(range(1, len(seqs) + 1)):
                found.append(f"seq of {plan} is not dense: {seqs[:20]}...")
        rejected = self.written("rejected", {number: one["rejected_end"] for number, one in progress.items()})
        found += _compare(
            "rejected",
            Counter(
                (r.headers["topic"], int(r.headers["partition"]), int(r.headers["offset"]), r.headers["reason"])
                for r in rejected
            ),
            Counter(
                (m.topic, m.partition, m.offset, o.reason or "conflict")
                for m, o in zip(input_records, outcomes, strict=True)
                if o.outcome in {"rejected", "conflict"}
            ),
        )
        counted: Counter[tuple[str, int, str]] = Counter()
        for partition, one in progress.items():
            for topic, counts in one["outcomes"].items():
                counted.update({(topic, partition, outcome): n for outcome, n in counts.items() if n})
        found += _compare(
            "outcomes counted",
            counted,
            Counter((m.topic, m.partition, o.outcome) for m, o in zip(input_records, outcomes, strict=True)),
        )
        return found


def _seqs(written: list[Json]) -> dict[str, list[int]]:
    seqs: dict[str, list[int]] = {}
    for fact in written:
        seqs.setdefault(fact["event"]["source"].split("/")[2], []).append(fact["seq"])
    return seqs


def _compare(what: str, found: Counter[Any], expected: Counter[Any]) -> list[str]:
    differences = []
    if lost := expected - found:
        differences.append(f"{what}: {sum(lost.values())} missing, such as {next(iter(lost))}")
    if invented := found - expected:
        differences.append(f"{what}: {sum(invented.values())} too many, such as {next(iter(invented))}")
    return differences
