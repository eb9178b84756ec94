"""The competitors of `make bench` do the job that the engine does: each one's output is compared, whole, with the oracle's."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from benchmarks.competitors import FLOOR, PEERS, STOCK_FAUST, Competitor, environment
from deploy.local.broker import Broker
from schemas.facts import content
from schemas.private import STORED
from schemas.registry import EVENT
from schemas.sources import council
from tests import oracle
from tests.parts.facts import public_text
from tests.parts.history import RecordToSend, SeededHistory, event, handed_over, plan_version
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes, Running
from tests.parts.waiting import until

Json = dict[str, Any]

PARTITIONS = 4
RECORDS = 2000
TOPICS = ("masterplans", "program-status")
VERSION = "masterplan.version.published"
QUICKLY = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1"}  # the second compiler takes longer than the work here


def plan_records(history: SeededHistory, plan: str) -> list[RecordToSend]:
    """Versions of a plan after its first, one of them in another's place, and everything that can be wrong with them."""
    at, second = datetime(2020, 1, 1, tzinfo=UTC), handed_over(plan_version(12, 2, "2020-01-01"))
    made = event(VERSION, council(plan), "version-2", at, second)
    ahead = event(VERSION, council(plan), "version-3", at, plan_version(4, 3, "2999-01-01"))
    return [
        history.record("masterplans", plan, one)
        for one in (
            made,
            made,  # a duplicate
            made | {"data": second | {"city": "Kota lain"}},  # a conflict
            made | {"id": "version-2-again", "data": second | {"effective_from": "2019-01-02"}},  # a version conflict
            ahead,  # not yet in force
            made | {"id": "version-4", "data": second | {"version": 4}},  # skips one
            made | {"id": "other", "source": f"/plans/{plan}/departments/dinkes"},
            b"{",
            None,
        )
    ]


def written_otherwise(record: RecordToSend, chance: random.Random) -> RecordToSend:
    """The same content in other bytes: another offset from UTC, the keys in another order, more spaces."""
    assert record.value is not None
    body: Json = json.loads(record.value)
    east = timezone(timedelta(hours=chance.randrange(-11, 13)))
    body["time"] = datetime.fromisoformat(body["time"]).astimezone(east).isoformat()
    keys = list(body)
    chance.shuffle(keys)
    return record._replace(value=json.dumps({key: body[key] for key in keys}, indent=chance.choice((None, 1))).encode())


def records() -> Iterator[RecordToSend]:
    """Plan versions and reports, good and bad, of six plans; one plan's first version comes last."""
    history, chance = SeededHistory(5, partitions=PARTITIONS), random.Random(5)
    first = history.beginnings()
    yield from first[:-1]
    reports = [one for one in history.life(RECORDS) if one.key and _is_of_the_job(one)]
    for number, record in enumerate(reports):
        yield record
        if number == RECORDS // 3:
            yield from plan_records(history, history.plans[0])
        if number % 10 == 0 and record.value and record.value.startswith(b'{"specversion'):
            yield written_otherwise(record, chance)
    yield first[-1]


def _is_of_the_job(record: RecordToSend) -> bool:
    return record.topic in TOPICS and b"status.retracted" not in (record.value or b"")


@pytest.fixture(scope="module")
def comparison(broker: Broker) -> "PeerComparison":
    return PeerComparison(broker)


class PeerComparison:
    """The records, sent anew under a prefix of its own for each competitor, and the oracle's outcomes of them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._records = list(records())

    def kafka_topics(self) -> KafkaTopics:
        kafka_topics = KafkaTopics(self._broker.bootstrap, PARTITIONS)
        kafka_topics.declare()
        kafka_topics.send(self._records)
        return kafka_topics


def realizations(kafka_topics: KafkaTopics) -> dict[str, Json]:
    """The last record on `realization` of each plan."""
    found = [json.loads(record.value) for record in kafka_topics.written("realization")]
    return {one["plan"]: one for one in found}


def expected_cells(facts: list[oracle.OracleFact], plan: str) -> Json:
    """(programs, reported, realized) overall and by dimension, of the version in force when the last fact was received."""
    as_of = oracle.last_date_begun(max(one.received_ms for one in facts))
    version, claims = oracle.in_force(facts, plan, as_of), oracle.programs(facts, plan, as_of)
    counts: dict[tuple[str, str], list[int]] = {("overall", "overall"): [0, 0, 0]}
    for program in oracle.programs_of(version):
        status = claims[program["code"]]["status"]
        for cell in (("overall", "overall"), ("dimension", program["dimension"])):
            counted = counts.setdefault(cell, [0, 0, 0])
            for at, more in enumerate((True, status is not None, status == "realized")):
                counted[at] += more
    expected: Json = {}
    for (grouping, key), counted in counts.items():
        expected.setdefault(grouping, {})[key] = counted
    return expected


def cells(realization: Json) -> Json:
    """Of a realization what `expected_cells` says."""
    return {
        grouping: {key: cell[:3] for key, cell in realization["cells"][grouping].items()}
        for grouping in ("overall", "dimension")
    }


def public_part(event: Json) -> str:
    """The public part of a written event. The peer in Java writes every field, ours what is not at its default."""
    return content(EVENT.validate_json(json.dumps(event), context=STORED)).public.decode()


def differences(
    kafka_topics: KafkaTopics,
    outcomes: list[oracle.Outcome],
    facts: list[oracle.OracleFact],
    sent: list[oracle.OracleRecord],
) -> list[str]:
    """How what a competitor wrote differs from the oracle's outcomes. Empty: not at all."""
    found = []
    written = [json.loads(fact.value) for fact in kafka_topics.written("facts")]
    cells_found = Counter(
        (f["topic"], f["partition"], f["offset"], f["received_ms"], public_part(f["event"])) for f in written
    )
    wanted = Counter((f.topic, f.partition, f.offset, f.received_ms, public_text(f.event)) for f in facts)
    found += [f"facts: missing {one}" for one in wanted - cells_found] + [
        f"facts: too many {one}" for one in cells_found - wanted
    ]
    refused = Counter(
        (r.headers["topic"], int(r.headers["partition"]), int(r.headers["offset"]), r.headers["reason"], r.value)
        for r in kafka_topics.written("rejected")
    )
    due = Counter(
        (m.topic, m.partition, m.offset, o.reason, m.value or b"")
        for m, o in zip(sent, outcomes, strict=True)
        if o.reason is not None
    )
    found += [f"rejected: missing {one}" for one in due - refused]
    found += [f"rejected: too many {one}" for one in refused - due]
    last_realizations = realizations(kafka_topics)
    for plan in {oracle.plan_of(fact.event["source"]) for fact in facts}:
        of_plan = [fact for fact in facts if oracle.plan_of(fact.event["source"]) == plan]
        seqs = sorted(f["seq"] for f in written if oracle.plan_of(f["event"]["source"]) == plan)
        if seqs != list(range(1, len(of_plan) + 1)):
            found.append(f"seq of {plan} is not dense")
        if cells(last_realizations[plan]) != expected_cells(of_plan, plan):
            found.append(
                f"realization of {plan}: {cells(last_realizations[plan])}, not {expected_cells(of_plan, plan)}"
            )
    return found


class Job:
    """Topics with input records, the oracle's outcomes of them, and how a competitor is started on them."""

    def __init__(self, kafka_topics: KafkaTopics, processes: Processes, state: Path) -> None:
        self.kafka_topics, self._processes, self._state = kafka_topics, processes, state
        self.sent = [one for one in kafka_topics.input_records() if one.topic in TOPICS]
        self.outcomes, self.facts = oracle.decide(self.sent, PARTITIONS)
        self.plans = Counter(oracle.plan_of(fact.event["source"]) for fact in self.facts)

    def start(self, peer: Competitor) -> Running:
        peer.build()
        self._state.mkdir(exist_ok=True)
        env = environment(self.kafka_topics.bootstrap, self.kafka_topics.prefix, PARTITIONS, self._state, peer.options)
        return self._processes.start(peer.name, peer.command(peer.options), env=env | QUICKLY)

    def until_done(self, running: Running) -> None:
        refused = sum(one.reason is not None for one in self.outcomes)

        def done() -> bool:
            return not running.alive or (
                {plan: one["seq"] for plan, one in realizations(self.kafka_topics).items()} == self.plans
                and len(self.kafka_topics.read("facts")) >= len(self.facts)
                and len(self.kafka_topics.read("rejected")) >= refused
            )

        until(done, 100, what="the last realization of every plan, and as many facts and rejects as the oracle says")
        assert running.alive, running.output


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer is not STOCK_FAUST], ids=lambda peer: peer.name)
def test_a_competitor_does_the_whole_job(
    peer: Competitor, comparison: PeerComparison, processes: Processes, tmp_path: Path
) -> None:
    job = Job(comparison.kafka_topics(), processes, tmp_path / "state")

    job.until_done(job.start(peer))

    assert differences(job.kafka_topics, job.outcomes, job.facts, job.sent) == []


def test_the_floor_reports_what_it_computed(comparison: PeerComparison, processes: Processes, tmp_path: Path) -> None:
    job = Job(comparison.kafka_topics(), processes, tmp_path / "state")

    running = job.start(FLOOR)
    until(lambda: running.output.endswith("}\n") or not running.alive, what="the floor to have said it")

    recovered = json.loads(running.output)
    assert recovered["records"] == len(job.sent)
    assert Counter(recovered["outcomes"]) == Counter(one.outcome for one in job.outcomes)
    assert Counter(recovered["reasons"]) == Counter(one.reason for one in job.outcomes if one.reason is not None)
    for plan, seq in job.plans.items():
        assert recovered["realization"][plan]["seq"] == seq
        of_plan = [fact for fact in job.facts if oracle.plan_of(fact.event["source"]) == plan]
        assert cells(recovered["realization"][plan]) == expected_cells(of_plan, plan)


def test_stock_faust_does_it_too_and_reports_how_its_table_was_recovered(
    comparison: PeerComparison, processes: Processes, tmp_path: Path
) -> None:
    job = Job(comparison.kafka_topics(), processes, tmp_path / "state")
    first = job.start(STOCK_FAUST)
    job.until_done(first)
    assert differences(job.kafka_topics, job.outcomes, job.facts, job.sent) == []
    first.stop()

    second = job.start(STOCK_FAUST)
    until(lambda: '"recovered_records"' in second.output or not second.alive, what="the table to be recovered")

    recovered = next(json.loads(line) for line in second.output.splitlines() if line.startswith("{"))
    assert recovered["facts"] == len(job.facts)
    assert recovered["recovered_records"] > 2 * len(job.facts)
    assert recovered["seconds"] > 0
