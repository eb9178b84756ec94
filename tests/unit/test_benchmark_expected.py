"""What `make bench` expects of a competitor is what the oracle says, and each way of being wrong is found."""

import json
from collections import Counter
from typing import Any

import pytest

from benchmarks import comparison, records
from benchmarks.comparison import Facts, LastRealization
from benchmarks.expected import CODES, OUTCOMES, Expected, Reckoning
from benchmarks.workloads import Workload
from schemas.vocabulary import Reason
from tests import oracle

Json = dict[str, Any]

RECEIVED_MS = 1_780_000_000_000  # May 2026
DISORDER = Workload(plans=3, reports=3_000, partitions=4, disorder=True)
ORDER = DISORDER._replace(disorder=False, first=58)


class KnownWorkload:
    """A workload's records as the broker would keep them, the expected outcomes, and the oracle's."""

    def __init__(self, workload: Workload) -> None:
        self.input_records: list[oracle.OracleRecord] = []
        offsets: Counter[tuple[str, int]] = Counter()
        reckoning = Reckoning(workload)
        for plan, value in records.versions(workload):
            self._keep("masterplans", plan.partition, offsets, plan.key, value)
        for one in records.reports(workload):
            reckoning.take(one)
            self._keep("program-status", one.partition, offsets, one.plan.key, one.value)
        self.expected = reckoning.done()
        self.outcomes, self.facts = oracle.decide(self.input_records, workload.partitions)

    def _keep(
        self, topic: str, partition: int, offsets: Counter[tuple[str, int]], key: str, value: bytes | None
    ) -> None:
        offset = offsets[topic, partition]
        offsets[topic, partition] += 1
        self.input_records.append(oracle.OracleRecord(topic, partition, offset, RECEIVED_MS, key.encode(), value))


@pytest.fixture(scope="module", params=[DISORDER, ORDER], ids=["disorder", "order"])
def known(request: pytest.FixtureRequest) -> KnownWorkload:
    return KnownWorkload(request.param)


@pytest.fixture(scope="module")
def disorder() -> KnownWorkload:
    return KnownWorkload(DISORDER)


def test_every_outcome_is_the_oracles(known: KnownWorkload) -> None:
    for record, outcome in zip(known.input_records, known.outcomes, strict=True):
        if record.topic == "program-status":
            outcome_found = OUTCOMES[known.expected.outcomes[record.partition][record.offset]]
            assert outcome_found == (outcome.reason or outcome.outcome), record.value


def test_the_cells_are_the_oracles(known: KnownWorkload) -> None:
    for plan, cells in known.expected.cells.items():
        facts = [fact for fact in known.facts if oracle.plan_of(fact.event["source"]) == plan]
        as_of = oracle.last_date_begun(RECEIVED_MS)
        claims = oracle.programs(facts, plan, as_of)
        counted: dict[str, list[int]] = {"overall": [0, 0, 0]}
        for program in oracle.programs_of(oracle.in_force(facts, plan, as_of)):
            status = claims[program["code"]]["status"]
            for key in ("overall", program["dimension"]):
                cell = counted.setdefault(key, [0, 0, 0])
                for at, more in enumerate((True, status is not None, status == "realized")):
                    cell[at] += more
        assert cells == counted


def test_disorder_has_everything_that_goes_wrong(disorder: KnownWorkload) -> None:
    counts = disorder.expected.counts
    wrong = ("not_json", "wrong_shape", "unknown_type", "wrong_source", "wrong_partition", "future_date")

    assert all(counts[reason] for reason in wrong), counts
    assert counts["duplicate"] / disorder.expected.records == pytest.approx(0.10, abs=0.03)
    assert counts["conflict"] / disorder.expected.records == pytest.approx(0.01, abs=0.005)
    assert any(a.value != b.value for a, b in same_content(disorder)), "no duplicate is written otherwise"
    assert sum(cell["overall"][2] for cell in disorder.expected.cells.values()) > 0


def same_content(known: KnownWorkload) -> list[tuple[oracle.OracleRecord, oracle.OracleRecord]]:
    """Each duplicate with what it repeats."""
    first: dict[tuple[str, str], oracle.OracleRecord] = {}
    found = []
    for record, outcome in zip(known.input_records, known.outcomes, strict=True):
        if outcome.outcome in {"accepted", "duplicate"}:
            body = json.loads(record.value or b"")
            before = first.setdefault((body["source"], body["id"]), record)
            if before is not record:
                found.append((before, record))
    return found


def test_the_same_workload_is_the_same_bytes() -> None:
    assert [one.value for one in records.reports(DISORDER)] == [one.value for one in records.reports(DISORDER)]


# ── that a wrong output is found ─────────────────────────────────────────────────────────────────────────────────────

Written = tuple[int, bytes, Json]  # partition, key, value


def right(known: KnownWorkload) -> list[Written]:
    """The facts as a right competitor writes them."""
    seqs: Counter[str] = Counter()
    found = []
    for fact in known.facts:
        event = fact.event
        plan = oracle.plan_of(event["source"])
        seqs[plan] += 1
        kind = "plan-version" if fact.topic == "masterplans" else "report"
        value = {
            "seq": seqs[plan],
            "topic": fact.topic,
            "partition": fact.partition,
            "offset": fact.offset,
            "event": event,
        }
        found.append((fact.partition, f"{plan}/{kind}{event['source']}/{event['id']}".encode(), value))
    return found


def differences(expected: Expected, written: list[Written]) -> list[str]:
    facts = Facts(expected)
    for partition, key, value in written:
        facts.take(partition, key, json.dumps(value).encode())
    return facts.differences()


def test_right_facts_are_right(known: KnownWorkload) -> None:
    assert differences(known.expected, right(known)) == []


def changed(written: Written, **fields: Any) -> Written:
    return written[0], written[1], written[2] | fields


def sample_events(written: Written, **fields: Any) -> Written:
    event = written[2]["event"]
    return changed(written, event=event | {"data": event["data"] | fields})


def test_every_way_of_writing_wrong_facts_is_found(disorder: KnownWorkload) -> None:
    facts = right(disorder)
    last = facts[-1]
    wrong = {
        "one is missing": facts[:-1],
        "one is there twice": [*facts, last],
        "a number is skipped": [*facts[:-1], changed(last, seq=last[2]["seq"] + 1)],
        "a number is given twice": [*facts[:-1], changed(last, seq=1)],
        "another status": [*facts[:-1], sample_events(last, status="cancelled")],
        "another date": [*facts[:-1], sample_events(last, effective_on="2016-01-30")],
        "another time": [*facts[:-1], changed(last, event=last[2]["event"] | {"time": "2016-02-02T01:00:00Z"})],
        "on another partition": [*facts[:-1], ((last[0] + 1) % 4, *last[1:])],
        "another key": [*facts[:-1], (last[0], b"another", last[2])],
        "a plan version is missing": facts[1:],
        "of a record that was refused": [*facts[:-1], changed(last, **place_of(disorder, Reason.WRONG_SHAPE))],
        "of a record that was never sent": [*facts[:-1], changed(last, offset=1_000_000)],
    }
    found = {what: differences(disorder.expected, written) for what, written in wrong.items()}
    assert [what for what, values in found.items() if not values] == []


def place_of(known: KnownWorkload, reason: Reason) -> Json:
    """Where the first record lies that is refused for a reason."""
    for partition, outcomes in enumerate(known.expected.outcomes):
        if (offset := outcomes.find(CODES[reason.value])) >= 0:
            return {"partition": partition, "offset": offset}
    raise AssertionError(reason)


def test_every_way_of_refusing_wrongly_is_found(disorder: KnownWorkload) -> None:
    due = [
        (record.partition, record.offset, outcome.reason)
        for record, outcome in zip(disorder.input_records, disorder.outcomes, strict=True)
        if outcome.reason is not None
    ]
    partition, offset, _ = due[0]

    assert comparison.of_rejects(due, disorder.expected) == []
    assert comparison.of_rejects(due[1:], disorder.expected)
    assert comparison.of_rejects([*due, due[0]], disorder.expected)
    assert comparison.of_rejects([(partition, offset, "internal_error"), *due[1:]], disorder.expected)


def test_every_wrong_realization_is_found(disorder: KnownWorkload) -> None:
    expected = disorder.expected
    realizations = {
        plan: LastRealization(
            plan, expected.facts[plan], {"overall": {"overall": cells["overall"]}, "dimension": cells | {}}
        )
        for plan, cells in expected.cells.items()
    }
    plan, *others = realizations
    cells = realizations[plan].cells

    def with_other_count(realized: int) -> dict[str, LastRealization]:
        changed = cells | {"overall": {"overall": [*cells["overall"]["overall"][:2], realized]}}
        changed["dimension"] = {key: cell for key, cell in cells["dimension"].items() if key != "overall"}
        return realizations | {plan: LastRealization(plan, 1, changed)}

    assert comparison.of_realizations(realizations, expected) == []
    assert comparison.covers(realizations, expected)
    assert comparison.of_realizations(with_other_count(cells["overall"]["overall"][2] + 1), expected)
    assert comparison.of_realizations({other: realizations[other] for other in others}, expected)
    assert not comparison.covers(with_other_count(0), expected)
    assert not comparison.covers({}, expected)
