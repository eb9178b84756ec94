"""Private fields are taken out of the fact, can be erased, and decides duplicates and conflicts before and after that."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import NewerFactError, content
from schemas.private import private_digest, private_fields, put_private, read_private, take_private
from schemas.registry import EVENT, KINDS
from schemas.secret import Secret
from schemas.vocabulary import Reason
from services.aggregator.worker.records import InputRecord
from services.aggregator.worker.state import KINDS_WITH_PRIVATE_PARTS, ChainError, Folded, PartitionState
from services.kit.projection.facts import decode_fact
from tests import oracle
from tests.oracle import Json
from tests.parts.facts import SECRET, FactsLog
from tests.strategies import attested, council, department_source, envelope, written
from tests.unit.example_plans import report, utc

PLAN = "kota"
RECEIVED_MS = 1_800_000_000_000
NOTE = "Pak Budi sakit sejak Maret."


def noted(note: str | None = NOTE, name: str = "r-1") -> Json:
    event = report("A", "2020-12-31").event
    source = department_source(PLAN, "dinkes")
    data = event["data"] | ({"note": note} if note else {})
    return event | {"id": name, "source": source, "data": data}


def visit(finding: str) -> Json:
    data = {
        "visited_on": "2020-05-01",
        "site": "RSUD",
        "institution": "Kominfo",
        "programs": [{"program": "A", "outcome": "confirmed", "note": "baik"}],
        "findings": [finding],
    }
    return envelope(oracle.VISIT, f"/plans/{PLAN}/evaluators/m", "v-1", utc("2020-05-02T00:00:00"), data)


def erasure(source: str, event_id: str, name: str = "e-1", *, mark: bool = True) -> Json:
    data = {"source": source, "id": event_id, "reason": "UU 27/2022"}
    event = envelope(
        oracle.ERASURE, council(PLAN), name, utc("2021-01-01T00:00:00"), data, attestedrole="administrator"
    )
    return attested(event) if mark else event


class Log:
    """One partition's state, its facts, and `facts-private` as compaction leaves it."""

    def __init__(self) -> None:
        self.state = PartitionState(0, 1, SECRET)
        self.facts: list[tuple[bytes, bytes]] = []
        self.private: dict[bytes, bytes] = {}
        self._offset = 0

    def send(self, *events: Json) -> Folded:
        """What becomes of the last of these."""
        for event in events:
            self._offset += 1
            record = InputRecord(self._offset, RECEIVED_MS + self._offset, None, written(event))
            folded = self.state.fold(oracle.ENTERS_BY[event["type"]], [record])
            for fact in folded.facts:
                assert fact.key is not None
                assert fact.value is not None
                self.facts.append((fact.key, fact.value))
            for part in folded.private:
                assert part.key is not None
                if part.value is None:
                    self.private.pop(part.key, None)
                else:
                    self.private[part.key] = part.value
        return folded

    def restart(self) -> None:
        self.state = PartitionState(0, 1, SECRET)
        for key, value in self.facts:
            self.state.restore(decode_fact(key, value), value)


def outcome(folded: Folded) -> str:
    return next(name for name in ("accepted", "duplicate", "conflict", "rejected") if getattr(folded, name))


def test_no_private_text_is_in_the_facts_log() -> None:
    log = Log()
    log.send(noted(), visit("Antrean panjang"))

    facts = b"".join(value for _, value in log.facts).decode()
    private = b"".join(log.private.values()).decode()
    for text in (NOTE, "Antrean panjang", "baik"):
        assert text not in facts
        assert text in private


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("erased", [False, True], ids=["kept", "erased"])
def test_duplicates_and_conflicts_are_exact_before_and_after_an_erasure(erased: bool, restart: bool) -> None:
    log, event = Log(), noted()
    assert outcome(log.send(event)) == "accepted"
    if erased:
        assert outcome(log.send(erasure(event["source"], event["id"]))) == "accepted"
        assert log.private.keys() == {next(key for key, _ in log.facts if b"/erasure/" in key)}  # its own reason
    if restart:
        log.restart()

    assert outcome(log.send(event)) == "duplicate"
    assert outcome(log.send(noted(NOTE + "."))) == "conflict"
    assert outcome(log.send(noted(None))) == "conflict"
    assert outcome(log.send(event)) == "duplicate"


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_what_is_erased_before_it_comes_is_never_kept(restart: bool) -> None:
    log, event = Log(), visit("Nama orang")
    log.send(erasure(event["source"], event["id"]))
    if restart:
        log.restart()

    assert outcome(log.send(event)) == "accepted"

    assert "Nama orang" not in b"".join(log.private.values()).decode()
    assert outcome(log.send(event)) == "duplicate"
    assert outcome(log.send(visit("Nama lain"))) == "conflict"


def test_an_erasure_is_a_fact_on_which_no_figure_depends() -> None:
    log, event = Log(), noted()
    log.send(event)
    before = log.state.snapshot(PLAN).cells
    log.send(erasure(event["source"], event["id"]))

    assert log.state.snapshot(PLAN).cells == before
    fact = json.loads(log.facts[-1][1])
    assert fact["fold"] is False
    assert fact["seq"] == 2


def test_only_intake_can_have_something_erased() -> None:
    log, event = Log(), noted()
    log.send(event)
    other = json.dumps(erasure(event["source"], "another"))
    forged = erasure(event["source"], event["id"]) | {"attestation": json.loads(other)["attestation"]}

    for wrong in (erasure(event["source"], event["id"], mark=False), forged):
        folded = log.send(wrong)
        assert [each.why.reason for each in folded.refused] == [Reason.NOT_ATTESTED]
    assert NOTE in b"".join(log.private.values()).decode()


def test_a_claim_that_intake_did_not_attest_is_ignored_and_the_fact_says_so() -> None:
    log = Log()
    log.send(noted())
    data = {"source": department_source(PLAN, "dinkes"), "id": "r-1", "reason": "salah"}
    made = envelope(
        oracle.RETRACTION, council(PLAN), "x-1", utc("2021-01-02T00:00:00"), data, attestedrole="administrator"
    )
    forged = made | {"attestation": Secret("another").mark(b"")}

    folded = log.send(forged)

    assert outcome(folded) == "accepted"
    fact = json.loads(log.facts[-1][1])
    assert fact["ignored"] == ["attestation", "attestedrole"]
    assert "attestedrole" not in fact["event"]
    assert outcome(log.send({key: value for key, value in made.items() if key != "attestedrole"})) == "duplicate"
    assert outcome(log.send(attested(made))) == "conflict"  # that it was attested is content


@pytest.mark.parametrize("change", ["id", "time", "reason"])
def test_a_mark_holds_for_one_event_only(change: str) -> None:
    data = {"source": department_source(PLAN, "dinkes"), "id": "r-1", "reason": "salah"}
    made = envelope(
        oracle.RETRACTION, council(PLAN), "x-1", utc("2021-01-02T00:00:00"), data, attestedrole="administrator"
    )
    marked = attested(made)
    changes: dict[str, Json] = {
        "id": {"id": "x-2"},
        "time": {"time": "2021-01-03T00:00:00Z"},
        "reason": {"data": data | {"reason": "lain"}},
    }
    log = Log()
    log.send(marked | changes[change])
    assert json.loads(log.facts[-1][1])["ignored"] == ["attestation", "attestedrole"]


def test_history_cannot_be_changed_unnoticed() -> None:
    log = Log()
    log.send(noted(name="r-1"), noted(name="r-2"), noted(name="r-3"))
    whole = list(log.facts)
    log.restart()
    key, value = whole[1]
    for old, new in ((b'"received_ms":1', b'"received_ms":2'), (b'"program":"A"', b'"program":"B"')):
        altered = value.replace(old, new, 1)
        assert altered != value
        log.facts = [whole[0], (key, altered), whole[2]]
        with pytest.raises(ChainError, match="fact 2"):
            log.restart()


def test_every_kind_with_private_fields_has_its_tombstone() -> None:
    kinds = {kind for of_topic in KINDS_WITH_PRIVATE_PARTS.values() for kind in of_topic}
    assert kinds == {kind.name for kind in KINDS if private_fields(kind.data)}


JSON_TEXT = st.text(max_size=5)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "note": JSON_TEXT,
        "findings": st.lists(JSON_TEXT, max_size=2),
        "programs": st.lists(st.fixed_dictionaries({"program": JSON_TEXT}, optional={"note": JSON_TEXT}), max_size=3),
    },
)
TREE: Any = {"note": None, "findings": None, "programs": {"note": None}}


@given(data=PARTS)
def test_what_is_taken_out_is_put_back(data: Json) -> None:
    public = json.loads(json.dumps(data))
    private = take_private(public, TREE)

    assert put_private(public, private) == data
    assert not {"note", "findings"} & public.keys()
    assert all("note" not in each for each in public.get("programs", ()))


def test_who_may_read_a_private_part_can_check_it() -> None:
    log = Log()
    log.send(noted())
    part = read_private(next(iter(log.private.values())))
    fact = json.loads(log.facts[0][1])
    of_private = content(EVENT.validate_json(written(noted()))).private

    assert private_digest(bytes.fromhex(part.salt), of_private) == fact["private"]


def test_the_names_of_the_private_fields() -> None:
    """What is taken out of the fact, spelled out: a field that is added to a model must be decided upon here."""
    trees = {kind.event_type: private_fields(kind.data) for kind in KINDS}
    evidence = {"title": None, "url": None}
    assert trees[oracle.REPORT] == {"note": None, "obstacle": None, "evidence": evidence}
    assert trees[oracle.RETRACTION] == trees[oracle.ERASURE] == {"reason": None}
    assert trees[oracle.VISIT] == {
        "mentor_account": None,
        "programs": {"note": None},
        "checklist": {"note": None},
        "findings": None,
        "recommendations": {"text": None},
        "evidence": evidence,
    }
    assert trees[oracle.VERIFICATION] == {"note": None, "evidence": evidence}
    assert trees[oracle.QUICK_WINS] == {"note": None}
    assert trees[oracle.PLAN_VERSION] == {}


# --- a kind that a later version has introduced


def test_a_fact_of_an_unknown_kind_that_the_fold_does_not_use_is_passed_over() -> None:
    log, facts = Log(), FactsLog()
    known = EVENT.validate_json(written(noted()))
    for fact in (
        facts.add(known, 5),
        facts.add_unknown(PLAN, fold=False),
        facts.add(known.model_copy(update={"id": "r-2"}), 6),
    ):
        log.facts.append((fact.key, fact.value))

    log.restart()

    assert log.state.plan_facts(PLAN).seq == 3
    assert outcome(log.send(noted())) == "duplicate"
    log.send(noted(name="r-3"))
    assert json.loads(log.facts[-1][1])["seq"] == 4
    log.restart()  # the chain goes on over it


def test_the_worker_does_not_go_on_where_figures_depend_on_an_unknown_kind() -> None:
    log, facts = Log(), FactsLog()
    fact = facts.add_unknown(PLAN, fold=True)
    log.facts.append((fact.key, fact.value))

    with pytest.raises(NewerFactError, match="written by a newer version"):
        log.restart()
