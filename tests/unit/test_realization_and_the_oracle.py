"""For any history and any question, `realization` and the oracle give the same answer."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from realization.plan_facts import NEVER_REPORTED
from schemas.vocabulary import Standing
from tests import oracle
from tests.oracle import Json
from tests.strategies import AS_OFS, PLAN, UNKNOWN_PROGRAM, ReceivedEvent, histories, questions
from tests.unit import realization_answers

SOME_DAY = st.sampled_from(AS_OFS) | st.dates(date(2018, 6, 1), date(2029, 6, 1))


@given(history=histories, question=questions())
def test_every_figure_is_the_oracles(history: list[ReceivedEvent], question: Json) -> None:
    facts = realization_answers.facts_of(history)
    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(facts))

    assert realization_answers.figures(plan_facts, **question) == oracle.figures(facts, PLAN, **question)


@given(history=histories, question=questions(), part=st.floats(0, 1))
def test_what_was_known_at_a_seq_is_what_the_oracle_says_of_the_facts_up_to_it(
    history: list[ReceivedEvent], question: Json, part: float
) -> None:
    facts = realization_answers.facts_of(history)
    known_at = int(part * len(facts))
    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(facts))

    assert realization_answers.figures(plan_facts, known_at=known_at, **question) == oracle.figures(
        facts[:known_at], PLAN, **question
    )


@given(history=histories, as_of=SOME_DAY, part=st.floats(0, 1))
def test_the_standing_of_every_report_is_the_oracles(history: list[ReceivedEvent], as_of: date, part: float) -> None:
    facts = realization_answers.facts_of(history)
    known_at = int(part * len(facts))
    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(facts))
    programs = {each.event["data"]["program"] for each in facts if each.event["type"] == oracle.REPORT}

    found = realization_answers.standings(plan_facts, as_of, known_at, programs | {UNKNOWN_PROGRAM})

    assert found == oracle.standings(facts[:known_at], PLAN, as_of)
    assert set(found.values()) <= set(Standing)


@given(history=histories, as_of=SOME_DAY, part=st.floats(0, 1))
def test_the_standing_of_every_visit_is_the_oracles(history: list[ReceivedEvent], as_of: date, part: float) -> None:
    facts = realization_answers.facts_of(history)
    known_at = int(part * len(facts))
    numbered = realization_answers.numbered(facts)

    plan_facts, known = realization_answers.plan_facts_of(numbered), facts[:known_at]
    assert realization_answers.look_standings(plan_facts, numbered, as_of, known_at) == oracle.look_standings(
        known, PLAN, as_of
    )
    for code in {*(code for version in plan_facts.versions for code in version.programs), UNKNOWN_PROGRAM}:
        counting = [(each["source"], each["id"]) for each in oracle.verifications(known, PLAN, code, as_of)]
        found = plan_facts.verifications(code, as_of, known_at)[::-1]
        assert [(seen.source, seen.id) for seen, standing in found if standing is not Standing.ORPHAN] == counting
        latest = [(seen.source, seen.id) for seen, standing in found if standing is Standing.CURRENT]
        assert latest == counting[-1:]


@given(history=histories, as_of=SOME_DAY, part=st.floats(0, 1))
def test_what_is_claimed_and_verified_of_each_program_is_the_oracles(
    history: list[ReceivedEvent], as_of: date, part: float
) -> None:
    facts = realization_answers.facts_of(history)
    known_at = int(part * len(facts))
    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(facts))

    assert realization_answers.programs(plan_facts, as_of, known_at) == oracle.programs(facts[:known_at], PLAN, as_of)


@given(history=histories, as_of=SOME_DAY, part=st.floats(0, 1))
def test_the_punctuality_of_departments_is_the_oracles(history: list[ReceivedEvent], as_of: date, part: float) -> None:
    facts = realization_answers.facts_of(history)
    known_at = int(part * len(facts))
    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(facts))

    assert realization_answers.program_states(plan_facts, as_of, known_at) == oracle.program_states(
        facts[:known_at], PLAN, as_of
    )
    assert realization_answers.department_states(plan_facts, as_of, known_at) == oracle.department_states(
        facts[:known_at], PLAN, as_of
    )


@given(history=histories, as_of=SOME_DAY)
def test_between_its_turning_points_a_program_stays_as_it_is(history: list[ReceivedEvent], as_of: date) -> None:
    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(realization_answers.facts_of(history)))
    version = plan_facts.version(as_of)
    for code in version.programs if version else ():
        turned = [day for day in plan_facts.turning_points(code) if day <= as_of]
        before = plan_facts.state(code, turned[-1]) if turned else NEVER_REPORTED
        assert plan_facts.state(code, as_of) == before
