"""The outcome of each record, decided by the worker's pure part and by the oracle: under any interleaving,
any chunking, duplicates, contradictions, poison of every kind, and a restart anywhere."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import Fact, parse_fact
from schemas.facts import written as published
from schemas.registry import EVENT
from schemas.topics import LIMITS
from schemas.vocabulary import Reason
from services.aggregator.worker.partition import _reject
from services.aggregator.worker.records import InputRecord, Message
from services.aggregator.worker.state import PartitionState
from services.kit.projection.facts import decode_fact
from tests import oracle
from tests.oracle import OracleRecord, Outcome
from tests.parts.facts import SECRET, whole_event
from tests.strategies import (
    PARTITIONS,
    PLAN,
    Dice,
    ReceivedEvent,
    dice,
    histories,
    history_of,
    in_other_words,
    interleaved,
    messy_records,
    milliseconds,
    poisons,
    records_of,
    written,
)
from tests.unit import realization_answers
from tests.unit.example_plans import plan, program, report, utc

GOLDEN = Path(__file__).parent.parent / "golden"
NOVEMBER_2026 = milliseconds(utc("2026-11-23T12:00:00"))


class Worker:
    """All partitions of the worker's state, and what it has written."""

    def __init__(self) -> None:
        self.states: dict[int, PartitionState] = {}
        self.outcomes: dict[tuple[str, int, int], Outcome] = {}
        self.facts: dict[int, list[Message]] = {}
        self.private: dict[bytes | None, bytes | None] = {}  # as a compacted topic keeps it

    def take(self, chunk: Sequence[OracleRecord]) -> None:
        """Decide a chunk of one topic and partition."""
        topic, partition = chunk[0].topic, chunk[0].partition
        state = self.states.setdefault(partition, PartitionState(partition, PARTITIONS, SECRET))
        folded = state.fold(topic, [InputRecord(each.offset, each.received_ms, each.key, each.value) for each in chunk])
        facts = self.facts.setdefault(partition, [])
        self.private |= {each.key: each.value for each in folded.private}
        for fact in folded.facts:
            facts.append(fact)
            self.outcomes[topic, partition, json.loads(fact.value or b"")["offset"]] = Outcome("accepted")
        for refused in folded.refused:
            reason = refused.why.reason.value
            outcome = Outcome("conflict" if reason == "conflict" else "rejected", reason)
            self.outcomes[topic, partition, refused.record.offset] = outcome
        for each in chunk:
            self.outcomes.setdefault((topic, partition, each.offset), Outcome("duplicate"))
        counts = Counter(self.outcomes[topic, partition, each.offset].outcome for each in chunk)
        counted = {name: getattr(folded, name) for name in ("accepted", "duplicate", "conflict", "rejected")}
        assert {name: count for name, count in counted.items() if count} == counts

    def restart(self) -> None:
        """Drop the state, and restore it from the facts log."""
        self.states = {}
        for partition, facts in self.facts.items():
            state = self.states[partition] = PartitionState(partition, PARTITIONS, SECRET)
            for fact in facts:
                assert fact.key is not None
                assert fact.value is not None
                state.restore(decode_fact(fact.key, fact.value), fact.value)

    def decided_facts(self) -> list[oracle.OracleFact]:
        """The facts written, in the oracle's form."""
        found = []
        for message in (each for facts in self.facts.values() for each in facts):
            fact = json.loads(message.value or b"")
            private = self.private.get(message.key)
            assert (private is not None) == ("private" in fact)
            event = whole_event(fact, private)
            found.append(
                oracle.OracleFact(fact["topic"], fact["partition"], fact["offset"], fact["received_ms"], event)
            )
        return sorted(found, key=_place)


def _place(fact: oracle.OracleFact) -> tuple[str, int, int]:
    return (fact.topic, fact.partition, fact.offset)


def chunks(order: Dice, records: Sequence[OracleRecord]) -> Iterable[list[OracleRecord]]:
    """The records cut into chunks of one topic and partition each."""
    left = list(records)
    while left:
        longest, first = 1 + order.below(5), left[0]
        chunk = [left.pop(0)]
        while left and len(chunk) < longest and (left[0].topic, left[0].partition) == (first.topic, first.partition):
            chunk.append(left.pop(0))
        yield chunk


@given(rolled=dice(1600), order=dice(200))
def test_every_record_has_the_oracles_outcome_and_the_facts_log_the_oracles_facts(rolled: Dice, order: Dice) -> None:
    records = interleaved(order, messy_records(rolled, history_of(rolled, at_most=20)))
    outcomes, facts = oracle.decide(records, PARTITIONS)
    worker = Worker()

    for chunk in chunks(order, records):
        worker.take(chunk)

    expected = {(each.topic, each.partition, each.offset): it for each, it in zip(records, outcomes, strict=True)}
    assert worker.outcomes == expected
    assert worker.decided_facts() == sorted(facts, key=_place)


@given(rolled=dice(1600), order=dice(200), other_order=dice(200))
def test_however_the_topics_interleave_every_record_has_the_same_outcome_and_the_figures_are_the_same(
    rolled: Dice, order: Dice, other_order: Dice
) -> None:
    records = messy_records(rolled, history_of(rolled, at_most=20))
    one, other = Worker(), Worker()

    for worker, way in ((one, order), (other, other_order)):
        for chunk in chunks(way, interleaved(way, records)):
            worker.take(chunk)

    assert one.outcomes == other.outcomes
    assert one.decided_facts() == other.decided_facts()
    for partition, state in one.states.items():
        for each in state.plans:
            snapshot = state.snapshot(each)
            assert snapshot == other.states[partition].snapshot(each)


@given(rolled=dice(1600), order=dice(200), restarts=st.sets(st.integers(0, 60), max_size=3))
def test_a_restart_anywhere_with_records_delivered_again_changes_nothing(
    rolled: Dice, order: Dice, restarts: set[int]
) -> None:
    records = interleaved(order, messy_records(rolled, history_of(rolled, at_most=20)))
    steady, restarted = Worker(), Worker()
    cut = list(chunks(order, records))

    for number, chunk in enumerate(cut):
        steady.take(chunk)
        restarted.take(chunk)
        if number in restarts:
            restarted.restart()
    for chunk in cut:
        again = Worker()
        again.states = restarted.states
        again.take(chunk)
        assert not any(again.facts.values())

    assert restarted.outcomes == steady.outcomes
    assert restarted.facts == steady.facts
    restarted.restart()
    for partition, state in steady.states.items():
        assert restarted.states[partition].facts == state.facts == len(steady.facts.get(partition, []))
        for each in state.plans:
            if state.plan_facts(each).seq:
                assert restarted.states[partition].snapshot(each) == state.snapshot(each)


@given(rolled=dice(1200), order=dice(200))
def test_the_numbers_of_each_plans_facts_are_dense_and_begin_at_1(rolled: Dice, order: Dice) -> None:
    mine, other = history_of(rolled, PLAN, at_most=10), history_of(rolled, "banjarmasin", at_most=10)
    records = interleaved(order, records_of([*mine, *other], 1))
    state = PartitionState(0, 1, SECRET)
    facts = [
        fact
        for each in records
        for fact in state.fold(each.topic, [InputRecord(each.offset, each.received_ms, each.key, each.value)]).facts
    ]

    for name in (PLAN, "banjarmasin"):
        read = [parse_fact(fact.value or b"") for fact in facts]
        ours = [fact for fact in read if isinstance(fact, Fact) and fact.event.plan == name]
        assert [fact.seq for fact in ours] == list(range(1, len(ours) + 1))
        both = [each for each in (*mine, *other) if each.plan == name]
        alone = oracle.decide(records_of(both, 1), 1)[1]
        assert realization_answers.figures(state.plan_facts(name), as_of=date(2021, 12, 31)) == oracle.figures(
            alone, name, date(2021, 12, 31)
        )
    keys = [fact.key for fact in facts]
    assert len(set(keys)) == len(keys)


@given(history=histories)
def test_what_is_decode_fact_from_the_facts_log_is_what_went_in(history: list[ReceivedEvent]) -> None:
    for received_event in history:
        event = EVENT.validate_json(written(received_event.event))
        once = published(event)
        assert EVENT.validate_json(once) == event
        assert published(EVENT.validate_json(once)) == once


@given(rolled=dice(1200), other=dice(1200))
def test_the_same_content_in_other_bytes_is_a_duplicate(rolled: Dice, other: Dice) -> None:
    history = history_of(rolled, at_most=10)
    worker = Worker()
    for record in records_of(history):
        worker.take([record])
    again = [
        record._replace(offset=1000 + record.offset, value=in_other_words(other, received_event.event))
        for received_event, record in zip(history, records_of(history), strict=True)
    ]
    for record in again:
        worker.take([record])

    assert {worker.outcomes[each.topic, each.partition, each.offset] for each in again} == {Outcome("duplicate")}


@given(rolled=dice(1600), order=dice(200))
def test_a_contradiction_is_never_applied_and_the_first_stands(rolled: Dice, order: Dice) -> None:
    records = interleaved(order, messy_records(rolled, history_of(rolled, at_most=20)))
    outcomes, facts = oracle.decide(records, PARTITIONS)
    conflicts = [each for each, it in zip(records, outcomes, strict=True) if it.outcome == "conflict"]
    worker, untouched = Worker(), Worker()
    for record in records:
        worker.take([record])
        if record not in conflicts:
            untouched.take([record])

    assert worker.facts == untouched.facts
    assert worker.decided_facts() == sorted(facts, key=_place)


# --- poison, one by one

EXPECTED = {
    "no value": "not_json", "nothing": "not_json", "not JSON": "not_json", "half a JSON": "not_json",
    "two JSON": "not_json", "a list": "not_json", "a string": "not_json", "a number": "not_json", "null": "not_json",
    "not UTF-8": "not_json", "UTF-16": "not_json", "a byte order mark": None, "two byte order marks": "not_json", "a lone surrogate": "not_json",
    "a lone surrogate in the source": "not_json", "100,000 levels": "not_json",
    "100,000 levels of nothing": "not_json", "5000 digits in an unknown field": "not_json",
    "a number of 5000 digits": "not_json", "NaN in an unknown field": None, "a key twice": None, "100 levels": None,
    "right, of an unknown program": None, "right, of a foreign department": None,
    "1 MB": "too_large", "1 MB of nothing": "too_large",
    "no type": "unknown_type", "type null": "unknown_type", "type a list": "unknown_type",
    "a later type": "unknown_type", "type twice": "unknown_type",
    "another plan's": "wrong_partition", "time of the far future": "future_date",
    "effective in the far future": "future_date", "sent by the council": "wrong_source",
    "a visit by the wrong topic": "wrong_topic", "a report by another topic": "wrong_topic",
    "a report among plans": "wrong_topic",
}  # fmt: skip


@pytest.mark.parametrize("name", poisons())
def test_poison_is_refused_with_its_reason_and_affects_no_other_record(name: str) -> None:
    topic, value = poisons()[name]
    partition = oracle.partition_of(PLAN, PARTITIONS)
    record = OracleRecord(topic, partition, 1, NOVEMBER_2026, None, value)
    good = OracleRecord("program-status", partition, 2, NOVEMBER_2026, None, written(report("A", "2020-01-31").event))
    worker = Worker()

    worker.take([record])
    worker.take([good])

    reason = EXPECTED.get(name, "wrong_shape")
    found = worker.outcomes[topic, partition, 1]
    assert found == oracle.decide([record], PARTITIONS)[0][0]
    assert found == (Outcome("rejected", reason) if reason else Outcome("accepted"))
    assert worker.outcomes["program-status", partition, 2] == Outcome("accepted")


@pytest.mark.parametrize("name", poisons())
def test_what_is_refused_can_be_written_down_with_its_reason(name: str) -> None:
    topic, value = poisons()[name]
    partition = oracle.partition_of(PLAN, PARTITIONS)
    folded = PartitionState(partition, PARTITIONS, SECRET).fold(topic, [InputRecord(7, NOVEMBER_2026, None, value)])

    for refused in folded.refused:
        message = _reject(topic, partition, refused)
        headers = {name: value or b"" for name, value in message.headers}
        assert headers["detail"]
        assert sum(len(value) for value in headers.values()) < 16 * 1024
        assert message.value == (value or b"")


@pytest.mark.parametrize("topic", sorted(LIMITS))
def test_a_record_may_be_as_large_as_its_topics_limit_and_not_a_byte_larger(topic: str) -> None:
    text = written(plan([program("A")]).event if topic == "masterplans" else report("A", "2020-01-31").event)
    fits = text[:-1] + b', "x": "' + b"x" * (LIMITS[topic] - len(text) - 9) + b'"}'
    fits += b" " * (LIMITS[topic] - len(fits))
    partition = oracle.partition_of(PLAN, PARTITIONS)
    for value, reason in ((fits, None), (fits + b" ", "too_large")):
        state = PartitionState(partition, PARTITIONS, SECRET)
        folded = state.fold(topic, [InputRecord(1, NOVEMBER_2026, None, value)])
        if topic == "evaluations":  # a report of the right size is at least no longer too large
            assert folded.refused[0].why.reason == (reason or Reason.WRONG_TOPIC)
        else:
            assert [refused.why.reason.value for refused in folded.refused] == [reason] * bool(reason)


# --- the edge of the future (decision 5)


@pytest.mark.parametrize(
    ("received", "effective_on", "outcome"),
    [
        ("2020-12-31T09:59:59.999", "2020-12-31", "accepted"),
        ("2020-12-31T09:59:59.999", "2021-01-01", "rejected"),
        ("2020-12-31T10:00:00", "2021-01-01", "accepted"),
        ("2020-02-28T10:00:00", "2020-02-29", "accepted"),
    ],
)
def test_a_date_is_not_in_the_future_once_it_has_begun_anywhere_on_earth(
    received: str, effective_on: str, outcome: str
) -> None:
    received_event = report("A", effective_on, received=utc(received))
    worker = Worker()

    worker.take(records_of([received_event]))

    assert [each.outcome for each in worker.outcomes.values()] == [outcome]
    assert oracle.decide(records_of([received_event]), PARTITIONS)[0][0].outcome == outcome


@pytest.mark.parametrize("kind", sorted(oracle.HAPPENED_ON))
def test_nothing_of_any_kind_has_happened_on_a_day_that_has_not_begun(kind: str) -> None:
    event = json.loads((GOLDEN / f"{kind}.json").read_text("utf-8"))["full"]["event"]
    received = milliseconds(utc("2021-01-08T09:00:00"))
    for day, outcome in (("2021-01-08", Outcome("accepted")), ("2021-01-09", Outcome("rejected", "future_date"))):
        received_event = ReceivedEvent(received, event | {"data": event["data"] | {oracle.HAPPENED_ON[kind]: day}})
        worker = Worker()

        worker.take(records_of([received_event]))

        assert list(worker.outcomes.values()) == oracle.decide(records_of([received_event]), PARTITIONS)[0] == [outcome]


@pytest.mark.parametrize(
    ("time", "outcome"),
    [("2020-12-02T10:00:00.000000", "accepted"), ("2020-12-02T10:00:00.000001", "rejected")],
)
def test_a_time_may_be_up_to_24_hours_after_receipt(time: str, outcome: str) -> None:
    received_event = report("A", "2020-11-30", received=utc("2020-12-01T10:00:00"), time=utc(time))
    worker = Worker()

    worker.take(records_of([received_event]))

    assert [each.outcome for each in worker.outcomes.values()] == [outcome]
    assert oracle.decide(records_of([received_event]), PARTITIONS)[0][0].outcome == outcome


# --- plan versions


def test_of_two_plan_versions_that_replace_the_same_one_the_first_in_the_topic_wins() -> None:
    first, rival = plan([program("A")]), plan([program("B")])
    rival = rival._replace(event=rival.event | {"id": "rival"})
    worker = Worker()

    worker.take(records_of([first, rival, first]))

    assert list(worker.outcomes.values()) == [
        Outcome("accepted"),
        Outcome("rejected", "version_conflict"),
        Outcome("duplicate"),
    ]


def test_a_version_that_lost_leaves_its_id_free() -> None:
    first, rival, second = plan([program("A")]), plan([program("B")]), plan([program("C")], 2)
    worker = Worker()

    worker.take(
        records_of(
            [first, rival._replace(event=rival.event | {"id": "x"}), second._replace(event=second.event | {"id": "x"})]
        )
    )

    assert sorted(each.outcome for each in worker.outcomes.values()) == ["accepted", "accepted", "rejected"]


def test_the_same_id_by_another_topic_is_another_identity() -> None:
    first = plan([program("A")])
    chosen = {"year": 2021, "chosen_on": "2018-06-01", "programs": ["A"]}
    other = first._replace(event=first.event | {"type": oracle.QUICK_WINS, "data": chosen})
    worker = Worker()

    for record in records_of([first, other]):
        worker.take([record])

    assert list(worker.outcomes.values()) == [Outcome("accepted")] * 2


def test_a_report_and_a_retraction_share_their_senders_ids() -> None:
    received_event = report("A", "2020-01-31", name="1")
    takes_back = received_event.event | {
        "type": oracle.RETRACTION,
        "data": {"source": received_event.event["source"], "id": "1", "reason": "salah"},
    }
    worker = Worker()

    worker.take(records_of([received_event, received_event._replace(event=takes_back)]))

    assert list(worker.outcomes.values()) == [Outcome("accepted"), Outcome("conflict", "conflict")]
