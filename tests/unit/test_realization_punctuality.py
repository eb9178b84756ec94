"""Who is on time, late, silent, stale, or never reported (decisions 4 and 24)."""

from datetime import date

import pytest

from tests import oracle
from tests.strategies import PLAN, ReceivedEvent
from tests.unit import realization_answers
from tests.unit.example_plans import plan, program, report, utc

TWO = [program("A", department="dinkes"), program("B", department="dinkes"), program("C", department="bappeda")]


def department(*history: ReceivedEvent, as_of: str, key: str = "dinkes") -> oracle.Json:
    """The answer of `realization` about a department, after a check that the oracle's is the same."""
    facts = realization_answers.facts_of(history)
    day = date.fromisoformat(as_of)
    found = realization_answers.department_states(
        realization_answers.plan_facts_of(realization_answers.numbered(facts)), day
    )
    assert found == oracle.department_states(facts, PLAN, day)
    state: oracle.Json = found[key]
    return state


def state(code: str, *history: ReceivedEvent, as_of: str) -> str:
    facts = realization_answers.facts_of(history)
    day = date.fromisoformat(as_of)
    found = realization_answers.program_states(
        realization_answers.plan_facts_of(realization_answers.numbered(facts)), day
    )
    assert found == oracle.program_states(facts, PLAN, day)
    return found[code]


OCTOBER = report("A", "2021-10-31", received=utc("2021-11-05T03:00:00"))
NOVEMBER = report("A", "2021-11-30", received=utc("2021-12-08T03:00:00"))
NOVEMBER_LATE = report("A", "2021-11-30", received=utc("2021-12-12T03:00:00"))


@pytest.mark.parametrize(
    ("history", "as_of", "expected"),
    [
        ([], "2021-12-20", "never"),
        ([NOVEMBER], "2021-12-20", "on_time"),
        ([NOVEMBER_LATE], "2021-12-20", "late"),
        ([NOVEMBER_LATE, NOVEMBER], "2021-12-20", "on_time"),
        ([OCTOBER], "2021-12-09", "on_time"),
        ([OCTOBER], "2021-12-10", "late"),
        ([OCTOBER], "2022-01-10", "late"),
        ([OCTOBER], "2022-02-09", "late"),
        ([OCTOBER], "2022-02-10", "silent"),
    ],
    ids=[
        "never reported", "reported in time", "reported late", "one of two in time", "not yet due", "due and missing",
        "two missed", "the third not yet due", "three missed",
    ],
)  # fmt: skip
def test_a_department_is_judged_by_the_last_period_that_was_due(
    history: list[ReceivedEvent], as_of: str, expected: str
) -> None:
    assert department(plan(TWO), *history, as_of=as_of)["state"] == expected


def test_a_report_counts_as_received_on_the_date_in_the_plans_time_zone() -> None:
    last_moment = report("A", "2021-11-30", received=utc("2021-12-10T16:59:59.999"))
    too_late = report("A", "2021-11-30", received=utc("2021-12-10T17:00:00"))

    assert department(plan(TWO), last_moment, as_of="2021-12-20")["state"] == "on_time"
    assert department(plan(TWO), too_late, as_of="2021-12-20")["state"] == "late"


def test_the_plan_says_on_which_day_reports_are_due() -> None:
    assert department(plan(TWO, report_due_day=12), NOVEMBER_LATE, as_of="2021-12-20")["state"] == "on_time"
    assert department(plan(TWO, report_due_day=11), NOVEMBER_LATE, as_of="2021-12-20")["state"] == "late"


def test_history_brought_over_is_judged_by_the_time_its_sender_gives() -> None:
    brought_over = report("A", "2021-11-30", received=utc("2026-11-23T00:00:00"), time=utc("2021-12-08T03:00:00"))
    sent_late = report("A", "2021-11-30", received=utc("2026-11-23T00:00:00"), time=utc("2021-12-12T03:00:00"))

    def judged_from(day: str, report: ReceivedEvent) -> str:
        found: str = department(plan(TWO, punctual_by_receipt_from=day), report, as_of="2021-12-20")["state"]
        return found

    assert department(plan(TWO), brought_over, as_of="2021-12-20")["state"] == "late"
    assert judged_from("2021-12-01", brought_over) == "on_time"
    assert judged_from("2021-12-01", sent_late) == "late"
    assert judged_from("2021-11-30", brought_over) == "late"


def test_a_quarters_report_is_for_its_last_month_and_due_in_the_month_after() -> None:
    quarter = report("A", "2021-12-31", period="2021-Q4", received=utc("2022-01-09T00:00:00"))

    assert department(plan(TWO), quarter, as_of="2022-01-10")["state"] == "on_time"
    assert department(plan(TWO), quarter, as_of="2022-01-10")["last_period"] == "2021-12"


def test_a_report_for_a_period_in_the_future_counts_only_up_to_the_date_it_is_true_of() -> None:
    for_ever = report("A", "2021-11-30", period="2999-12", received=utc("2021-12-12T03:00:00"))

    assert department(plan(TWO), for_ever, as_of="2021-12-20")["state"] == "late"
    assert department(plan(TWO), for_ever, as_of="2022-03-10")["state"] == "silent"
    assert department(plan(TWO), for_ever, as_of="2022-03-10")["periods_missed"] == 3


def test_nothing_is_due_before_the_plans_first_month_is() -> None:
    early = report("A", "2019-01-15", received=utc("2019-01-20T00:00:00"))

    assert department(plan(TWO), early, as_of="2019-02-09")["state"] == "on_time"
    assert department(plan(TWO), as_of="2019-02-09")["state"] == "never"


def test_nothing_more_is_due_of_a_program_that_is_realized_or_cancelled() -> None:
    done = report("A", "2021-03-31", "realized")
    given_up = report("B", "2021-03-31", "cancelled")

    assert state("A", plan(TWO), done, as_of="2021-12-20") == "on_time"
    assert department(plan(TWO), done, as_of="2021-12-20")["state"] == "silent"
    finished = department(plan(TWO), done, given_up, as_of="2021-12-20")
    assert (finished["state"], finished["missing"], finished["periods_missed"]) == ("on_time", 0, 0)


def test_a_program_that_misses_three_periods_is_stale() -> None:
    assert state("A", plan(TWO), OCTOBER, as_of="2022-02-09") == "late"
    assert state("A", plan(TWO), OCTOBER, as_of="2022-02-10") == "stale"
    assert state("B", plan(TWO), OCTOBER, as_of="2022-02-10") == "never"


def test_a_department_misses_each_open_program_that_has_no_report_for_the_period_due() -> None:
    found = department(plan(TWO), NOVEMBER, as_of="2021-12-20")

    assert (found["programs"], found["reported"], found["missing"]) == (2, 1, 1)
    assert found["last_period"] == "2021-11"


def test_anothers_report_does_not_help_the_department_that_leads() -> None:
    foreign = report("A", "2021-11-30", received=utc("2021-12-08T03:00:00"), department="bappeda")

    assert department(plan(TWO), foreign, as_of="2021-12-20")["state"] == "never"
    assert department(plan(TWO), foreign, as_of="2021-12-20", key="bappeda")["state"] == "never"


def test_a_department_that_leads_no_program_has_nothing_to_report() -> None:
    facts = realization_answers.facts_of([plan([program("A")])])
    plan_facts = realization_answers.plan_facts_of(realization_answers.numbered(facts))

    assert realization_answers.department_states(plan_facts, date(2021, 12, 20)).keys() == {"dinkes"}


# --- late stays late

DECEMBER = report("A", "2021-12-31", received=utc("2022-01-09T03:00:00"))
DECEMBER_EARLY = report("A", "2021-12-05", received=utc("2021-12-05T03:00:00"))


@pytest.mark.parametrize(
    ("history", "as_of", "expected"),
    [
        ([OCTOBER, NOVEMBER_LATE], "2022-01-09", "late"),
        ([OCTOBER, NOVEMBER_LATE, DECEMBER], "2022-01-09", "late"),
        ([OCTOBER, DECEMBER], "2022-01-09", "late"),
        ([OCTOBER, NOVEMBER_LATE, DECEMBER], "2022-01-10", "on_time"),
        ([OCTOBER, DECEMBER_EARLY], "2021-12-20", "on_time"),
        ([OCTOBER, DECEMBER_EARLY, NOVEMBER_LATE], "2021-12-20", "on_time"),
    ],
    ids=[
        "reported late", "then the next in time", "the next in time instead", "judged by the next", "a later month in time",
        "a later month in time, then its own late",
    ],
)  # fmt: skip
def test_a_period_reported_late_stays_late_whatever_comes_afterwards(
    history: list[ReceivedEvent], as_of: str, expected: str
) -> None:
    assert state("A", plan(TWO), *history, as_of=as_of) == expected
    assert department(plan(TWO), *history, as_of=as_of)["state"] == expected


def test_to_realize_a_program_after_the_due_day_makes_the_period_before_no_less_late() -> None:
    done = report("A", "2021-12-12", "realized", received=utc("2021-12-12T03:00:00"))

    assert state("A", plan(TWO), OCTOBER, done, as_of="2021-12-20") == "late"
    assert state("A", plan(TWO), OCTOBER, done, as_of="2022-01-10") == "on_time"
    assert state("A", plan(TWO), OCTOBER, done, as_of="2025-01-10") == "on_time"


def test_of_a_program_that_was_realized_before_a_period_began_nothing_is_late() -> None:
    done = report("A", "2021-10-31", "realized", received=utc("2021-11-05T03:00:00"))
    once_more = report("A", "2021-11-30", "realized", received=utc("2021-12-20T03:00:00"))

    assert state("A", plan(TWO), done, once_more, as_of="2021-12-31") == "on_time"


# --- who owes the report of a program that changed hands

BEFORE = [program("A", department="dinkes"), program("C", department="dinkes"), program("D", department="bappeda")]
AFTER = [program("A", department="bappeda"), program("C", department="dinkes"), program("D", department="bappeda")]
HANDED_OVER = [plan(BEFORE), plan(AFTER, 2, "2021-12-01")]  # A goes to bappeda


def test_the_report_of_a_period_is_owed_by_who_led_on_its_last_day() -> None:
    november = report("A", "2021-11-30", received=utc("2021-12-08T03:00:00"))
    of_d = report("D", "2021-11-30", received=utc("2021-12-08T03:00:00"), department="bappeda")

    former, now = (
        department(*HANDED_OVER, november, of_d, as_of="2021-12-20", key=key) for key in ("dinkes", "bappeda")
    )

    assert (former["state"], former["programs"], former["reported"], former["missing"]) == ("on_time", 1, 0, 1)
    assert (now["state"], now["programs"], now["reported"], now["missing"]) == ("on_time", 2, 2, 0)
    assert state("A", *HANDED_OVER, november, as_of="2021-12-20") == "on_time"

    former, now = (
        department(*HANDED_OVER, november, of_d, as_of="2022-01-10", key=key) for key in ("dinkes", "bappeda")
    )

    assert (former["state"], former["missing"]) == ("late", 1)
    assert (now["state"], now["missing"]) == ("late", 2)


def test_what_its_former_lead_sent_is_no_report_of_the_department_that_took_over() -> None:
    november = report("A", "2021-11-30", received=utc("2021-12-08T03:00:00"))

    now = department(*HANDED_OVER, november, as_of="2021-12-20", key="bappeda")

    assert (now["state"], now["last_received_ms"], now["last_period"]) == ("never", None, None)
    assert (now["programs"], now["reported"], now["missing"]) == (2, 1, 1)


def test_a_department_that_has_reported_and_owes_nothing_is_on_time() -> None:
    only_a = [plan([BEFORE[0], BEFORE[1]]), plan([AFTER[0], AFTER[1]], 2, "2021-12-01")]
    december = report("A", "2021-12-05", department="bappeda", received=utc("2021-12-06T03:00:00"))

    assert department(*only_a, december, as_of="2021-12-20", key="bappeda")["state"] == "on_time"
    assert department(*only_a, december, as_of="2021-12-20", key="bappeda")["missing"] == 0


def test_nothing_is_due_of_a_period_on_whose_last_day_the_program_was_not_in_the_plan() -> None:
    away = [plan(BEFORE), plan(BEFORE[1:], 2, "2021-11-01"), plan(BEFORE, 3, "2021-12-01")]

    assert state("A", *away, OCTOBER, as_of="2021-12-09") == "on_time"
    assert state("A", *away, OCTOBER, as_of="2021-12-20") == "on_time"
    assert state("A", *away, OCTOBER, as_of="2022-01-10") == "late"
