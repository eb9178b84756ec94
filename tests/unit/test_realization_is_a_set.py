"""The fold is a function of a set: order, interleaving and numbering of facts, and whether counts were kept up or made
anew, change nothing; a report taken back is as if it had never been made."""

from collections.abc import Sequence
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from realization.claim_columns import Columns
from realization.claims import claim_of
from realization.plan_facts import PlanFacts
from realization.snapshot import SNAPSHOT_LIMIT, LiveCounts
from schemas.codec import ReportFact, report_of
from schemas.facts import Fact, Snapshot
from schemas.reports import StatusReported
from services.aggregator.api.claim_pages import Page, unpack
from tests import oracle
from tests.oracle import Json
from tests.strategies import (
    PARTITIONS,
    PLAN,
    QUICK_WIN_YEARS,
    UNKNOWN_PROGRAM,
    Dice,
    ReceivedEvent,
    dice,
    histories,
    interleaved,
    questions,
    records_of,
)
from tests.unit import realization_answers

GROUPINGS = ("dimension", "sub_dimension", "department", "year", "theme", "quick_win")


def all_answers_of(plan_facts: PlanFacts, question: Json, known_at: int) -> Json:
    """All answers of `realization` as of a date."""
    as_of: date = question["as_of"]
    programs = [UNKNOWN_PROGRAM, *(code for version in plan_facts.versions for code in version.programs)]
    return {
        "figures": realization_answers.figures(plan_facts, known_at=known_at, **question),
        "standings": realization_answers.standings(plan_facts, as_of, known_at, programs),
        "programs": realization_answers.program_states(plan_facts, as_of, known_at),
        "departments": realization_answers.department_states(plan_facts, as_of, known_at),
        "quick wins": {year: plan_facts.quick_wins(year, as_of, known_at) for year in QUICK_WIN_YEARS},
        "quick win years": plan_facts.quick_win_years(as_of, known_at),
        "verifications": {code: plan_facts.verifications(code, as_of, known_at) for code in programs},
        "last received": plan_facts.last_received,
        "seq": plan_facts.seq,
        "next change": plan_facts.next_change(as_of),
    }


@given(history=histories, order=dice(120), question=questions(), part=st.floats(0, 1))
def test_facts_may_be_added_in_any_order(
    history: list[ReceivedEvent], order: Dice, question: Json, part: float
) -> None:
    facts = realization_answers.numbered(realization_answers.facts_of(history))
    known_at = int(part * len(facts))
    ordered, shuffled = (
        realization_answers.plan_facts_of(facts),
        realization_answers.plan_facts_of(order.shuffled(facts)),
    )

    assert all_answers_of(shuffled, question, known_at) == all_answers_of(ordered, question, known_at)
    for fact in facts:
        assert shuffled.standing(fact, question["as_of"]) == ordered.standing(fact, question["as_of"])


@given(history=histories, order=dice(120), question=questions())
def test_plan_facts_made_of_claims_read_before_say_what_those_of_their_reports_say(
    history: list[ReceivedEvent], order: Dice, question: Json
) -> None:
    facts = realization_answers.numbered(realization_answers.facts_of(history))
    plan_facts, kept = realization_answers.plan_facts_of(facts), PlanFacts(PLAN)

    for fact in order.shuffled(facts):
        if isinstance(fact.event, StatusReported):
            claim = claim_of(report_of(fact.event), fact.seq, fact.received_ms)
            assert kept.add_claim(fact.event.data.program, claim) == (fact.event.data.program,)
        else:
            kept.add(fact)

    assert all_answers_of(kept, question, len(facts)) == all_answers_of(plan_facts, question, len(facts))
    assert _cells(LiveCounts(kept).snapshot()) == _cells(LiveCounts(plan_facts).snapshot())


def columns_of(facts: Sequence[Fact]) -> Columns:
    """The reports among the facts of a facts log, as they are kept in pages."""
    page = Page()
    for fact in facts:
        event = fact.event
        if isinstance(event, StatusReported):
            page.add(ReportFact(fact.seq, fact.received_ms, fact.topic, b"", report_of(event), ""))
        else:
            page.add(fact)
    return unpack(PLAN, [page.value()])


@given(history=histories, order=dice(120), question=questions(), part=st.floats(0, 1))
def test_plan_facts_filled_with_columns_say_what_those_of_their_reports_say(
    history: list[ReceivedEvent], order: Dice, question: Json, part: float
) -> None:
    facts = realization_answers.numbered(realization_answers.facts_of(history))
    known_at = int(part * len(facts))
    plan_facts, filled = realization_answers.plan_facts_of(facts), PlanFacts(PLAN)
    before, after = facts[:known_at], facts[known_at:]

    filled.fill(columns_of(before))
    for fact in order.shuffled([fact for fact in before if not isinstance(fact.event, StatusReported)] + after):
        filled.add(fact)

    assert all_answers_of(filled, question, known_at) == all_answers_of(plan_facts, question, known_at)
    assert all_answers_of(filled, question, len(facts)) == all_answers_of(plan_facts, question, len(facts))
    assert filled.received_ms == plan_facts.received_ms


@given(history=histories, order=dice(120), question=questions())
def test_however_the_topics_interleave_the_figures_are_the_same(
    history: list[ReceivedEvent], order: Dice, question: Json
) -> None:
    other_way = oracle.decide(interleaved(order, records_of(history)), PARTITIONS)[1]

    plan_facts, other = (
        realization_answers.plan_facts_of(realization_answers.numbered(facts))
        for facts in (realization_answers.facts_of(history), other_way)
    )

    assert realization_answers.figures(other, **question) == realization_answers.figures(plan_facts, **question)
    assert _cells(LiveCounts(other).snapshot()) == _cells(LiveCounts(plan_facts).snapshot())


@given(history=histories, order=dice(120), question=questions())
def test_a_report_taken_back_is_as_if_it_had_never_been_made_whichever_came_first(
    history: list[ReceivedEvent], order: Dice, question: Json
) -> None:
    facts = realization_answers.facts_of(history)
    gone = oracle.retracted(facts, PLAN)
    reports = [each for each in facts if each.event["type"] == oracle.REPORT]
    never_made = [each for each in reports if (each.event["source"], each.event["id"]) in gone]
    retractions = [each for each in facts if each.event["type"] == oracle.RETRACTION]

    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(order.shuffled(facts)))
    without = realization_answers.plan_facts_of(
        realization_answers.numbered(each for each in facts if each not in never_made + retractions)
    )

    as_of = question["as_of"]
    assert realization_answers.figures(plan_facts, **question) == realization_answers.figures(without, **question)
    assert realization_answers.program_states(plan_facts, as_of) == realization_answers.program_states(without, as_of)
    assert realization_answers.department_states(plan_facts, as_of) == realization_answers.department_states(
        without, as_of
    )


@given(history=histories, order=dice(120), checks=st.sets(st.integers(0, 80), max_size=6))
def test_counts_kept_up_fact_by_fact_are_those_made_anew_and_the_oracles(
    history: list[ReceivedEvent], order: Dice, checks: set[int]
) -> None:
    facts = oracle.decide(interleaved(order, records_of(history)), PARTITIONS)[1]
    plan_facts = PlanFacts(PLAN)
    live = LiveCounts(plan_facts)
    for seq, fact in enumerate(realization_answers.numbered(facts), start=1):
        live.touch(plan_facts.add(fact))
        kept_up = live.snapshot()
        assert kept_up == LiveCounts(plan_facts).snapshot()
        if seq in checks or seq == len(facts):
            _is_what_the_oracle_says(kept_up, facts[:seq])


@given(history=histories, order=dice(120), shown=st.sets(st.integers(0, 80)))
def test_counts_shown_now_and_then_are_those_made_anew(
    history: list[ReceivedEvent], order: Dice, shown: set[int]
) -> None:
    facts = oracle.decide(interleaved(order, records_of(history)), PARTITIONS)[1]
    plan_facts = PlanFacts(PLAN)
    live = LiveCounts(plan_facts)
    for fact in realization_answers.numbered(facts):
        live.touch(plan_facts.add(fact))
        if fact.seq in shown:
            assert live.snapshot() == LiveCounts(plan_facts).snapshot()

    assert live.snapshot() == LiveCounts(plan_facts).snapshot()


def _is_what_the_oracle_says(snapshot: Snapshot, facts: Sequence[oracle.OracleFact]) -> None:
    expected = oracle.snapshot(facts, PLAN)
    assert (snapshot.as_of, snapshot.plan_version) == (expected["as_of"], expected["plan_version"])
    assert (snapshot.seq, snapshot.received_ms) == (len(facts), max(fact.received_ms for fact in facts))
    assert snapshot.omitted == ()
    assert _cells(snapshot) == {name: groups for name, groups in expected["cells"].items() if groups}
    assert len(snapshot.model_dump_json().encode()) <= SNAPSHOT_LIMIT


def _cells(snapshot: Snapshot) -> Json:
    """The cells, without groupings and groups that have no program any more."""
    cells = {
        grouping: {key: list(counts) for key, counts in groups.items() if grouping == "overall" or counts[0]}
        for grouping, groups in snapshot.cells.items()
    }
    return {grouping: groups for grouping, groups in cells.items() if groups}


@given(history=histories)
def test_the_live_counts_are_those_of_the_figures_at_the_snapshots_own_date(history: list[ReceivedEvent]) -> None:
    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(realization_answers.facts_of(history)))
    snapshot = LiveCounts(plan_facts).snapshot()

    for group_by in GROUPINGS:
        figures = realization_answers.figures(plan_facts, as_of=snapshot.as_of, group_by=group_by)
        groups = snapshot.cells.get(group_by, {})
        assert {key: counts[0] for key, counts in groups.items()} == {
            key: cell["programs"] for key, cell in figures["groups"].items()
        }
        assert {key: counts[2] for key, counts in groups.items()} == {
            key: cell["realized"] for key, cell in figures["groups"].items()
        }
    overall = dict(zip(snapshot.counts, snapshot.cells["overall"]["overall"], strict=True))
    assert overall["verified"] == figures["overall"]["verified_realized"]
