"""The figures a council member can check by hand (domain.md, "Figures, exactly")."""

from datetime import date
from fractions import Fraction
from typing import get_args

import pytest

from presentation.words import label
from realization.bands import band
from realization.formulas import Reason
from realization.plan_facts import PlanFacts
from realization.snapshot import SNAPSHOT_LIMIT, LiveCounts
from realization.targets import elapsed, target
from schemas.fields import FIRST_DAY
from schemas.masterplan import MasterplanVersion, MasterplanVersionPublished
from schemas.plan_versions import plan_of
from schemas.registry import EVENT
from tests import oracle
from tests.oracle import Json
from tests.strategies import PLAN, ReceivedEvent, written
from tests.unit import realization_answers
from tests.unit.example_plans import PONTIANAK, plan, program, report, the_seed, utc, visit

END_OF_2020 = date(2020, 12, 31)


def plan_facts_of(*history: ReceivedEvent) -> PlanFacts:
    facts = realization_answers.facts_of(history)
    assert len(facts) == len(history)
    return realization_answers.plan_facts_of(realization_answers.numbered(facts))


def figures(*history: ReceivedEvent, as_of: date = END_OF_2020, **question: object) -> Json:
    """The answer of `realization`, after a check that the oracle's is the same."""
    found = realization_answers.figures(plan_facts_of(*history), as_of=as_of, **question)  # type: ignore[arg-type]  # the question is the caller's to choose
    assert found == oracle.figures(realization_answers.facts_of(history), PLAN, as_of, **question)  # type: ignore[arg-type]  # as above
    return found


def version_of(received_event: ReceivedEvent) -> MasterplanVersion:
    event = EVENT.validate_json(written(received_event.event))
    assert isinstance(event, MasterplanVersionPublished)
    return event.data


def percents(cell: Json) -> dict[str, str | None]:
    return {name: figure["percent"] for name, figure in cell.items() if isinstance(figure, dict) and "reason" in figure}


# --- the seed


def test_155_of_426_is_36_38_percent_and_not_36_39() -> None:
    overall = figures(*the_seed())["overall"]

    assert (overall["share"]["numerator"], overall["share"]["denominator"]) == (155, 426)
    assert overall["share"]["percent"] == "36.38"


def test_the_mean_of_the_six_dimensions_is_35_43_percent() -> None:
    overall = figures(*the_seed())["overall"]

    assert overall["dimension_mean"]["percent"] == "35.43"
    assert overall["dimension_mean"]["denominator"] == 6


def test_two_elapsed_years_of_ten_make_it_181_92_percent_of_a_target_of_20() -> None:
    overall = figures(*the_seed())["overall"]

    assert overall["target"] == {"percent": "20.00", "rule": "linear"}
    assert overall["achievement"] == {"percent": "181.92", "band": "very_high"}


def test_each_dimension_has_its_own_share() -> None:
    groups = figures(*the_seed())["groups"]

    counted = {key: (cell["programs"], cell["realized"]) for key, cell in groups.items()}
    assert counted == PONTIANAK
    assert groups["governance"]["share"]["percent"] == "47.92"


def test_the_snapshot_of_426_programs_of_25_departments_over_10_years_has_at_most_8_kb() -> None:
    history = the_seed()
    for number, each in enumerate(history[0].event["data"]["programs"]):
        each["finish_year"] = 2019 + number % 10
        each["quick_win_years"] = [2020 + number % 3] if number % 35 == 0 else []
        each["budget"] = {str(year): 25_000_000_000 for year in range(2019, 2029)}
    for received_event in history[1:]:
        received_event.event["data"]["spent"] = 250_000_000_000

    snapshot = LiveCounts(plan_facts_of(*history)).snapshot()

    assert len(snapshot.model_dump_json().encode()) <= SNAPSHOT_LIMIT == 8 * 1024
    assert snapshot.omitted == ()
    assert {name: len(cells) for name, cells in snapshot.cells.items()} == {
        "overall": 1, "dimension": 6, "sub_dimension": 6, "department": 25, "year": 10, "theme": 1, "quick_win": 3,
    }  # fmt: skip


def test_a_snapshot_that_would_be_larger_says_which_groupings_it_leaves_out() -> None:
    history = the_seed()
    for number, each in enumerate(history[0].event["data"]["programs"]):
        each["priority_problem"] = f"Masalah prioritas nomor {number}: " + "banjir, sampah, kemacetan \u2014 " * 5

    snapshot = LiveCounts(plan_facts_of(*history)).snapshot()

    assert len(snapshot.model_dump_json().encode()) <= SNAPSHOT_LIMIT
    assert snapshot.omitted == ("theme",)
    assert "theme" not in snapshot.cells
    assert {"overall", "dimension", "department", "year"} <= set(snapshot.cells)


# --- bands


@pytest.mark.parametrize(
    ("achievement", "expected"),
    [
        ("0", "very_low"), ("50", "very_low"), ("50.49", "very_low"), ("50.499999", "very_low"),
        ("50.5", "low"), ("51", "low"), ("65.49", "low"),
        ("65.5", "medium"), ("66", "medium"), ("75.49", "medium"),
        ("75.5", "high"), ("90", "high"), ("90.49", "high"), ("90.495", "high"), ("90.499999", "high"),
        ("90.5", "very_high"), ("91", "very_high"), ("100", "very_high"), ("100.01", "very_high"),
        ("181.92", "very_high"), ("100000", "very_high"),
    ],
)  # fmt: skip
def test_an_achievement_is_rounded_half_up_to_a_whole_number_and_then_banded(achievement: str, expected: str) -> None:
    assert band(Fraction(achievement)) == oracle.band(Fraction(achievement)) == expected


def test_the_band_is_that_of_the_achievement_and_not_of_the_bare_share() -> None:
    cell = figures(
        plan([program("A"), program("B")], targets={"2019": 0, "2020": 100}), report("A", "2020-12-01", "realized")
    )

    assert cell["overall"]["share"]["percent"] == "50.00"
    assert cell["overall"]["achievement"] == {"percent": "50.00", "band": "very_low"}
    assert figures(plan([program("A"), program("B")]), report("A", "2020-12-01", "realized"))["overall"][
        "achievement"
    ] == {"percent": "250.00", "band": "very_high"}


# --- null, with a reason


def test_an_empty_plan_has_no_figure_and_gives_the_reason() -> None:
    overall = figures(plan([]))["overall"]

    assert set(percents(overall).values()) == {None}
    assert {overall[name]["reason"] for name in ("share", "claimed", "progress", "progress_all", "financial")} == {
        "empty"
    }
    assert overall["achievement"] is None


def test_a_date_before_any_plan_version_has_no_figure_and_gives_the_reason() -> None:
    found = figures(plan([program("A")]), as_of=date(2018, 12, 31))

    assert {
        figure["reason"] for figure in found["overall"].values() if isinstance(figure, dict) and "reason" in figure
    } == {"no_version"}
    assert found["groups"] == {}


def test_every_reason_is_given_in_both_languages() -> None:
    for code in get_args(Reason):
        words = label("reason", code)
        assert code
        assert words.id
        assert words.en
        assert words.id != words.en


def test_weights_that_do_not_sum_to_100_give_no_weighted_figure() -> None:
    overall = figures(plan([program("A", weight="60"), program("B", weight="39.9999")]))["overall"]

    assert overall["weighted"]["percent"] is None
    assert overall["weighted"]["reason"] == "weights"
    assert overall["share"]["percent"] == "0.00"


def test_weights_that_sum_to_100_weigh_the_programs_realized() -> None:
    history = [
        plan([program("A", weight="60.0001"), program("B", "living", weight="39.9999")]),
        report("A", "2020-01-31", "realized"),
    ]

    found = figures(*history)

    assert found["overall"]["weighted"]["percent"] == "60.00"
    assert found["groups"]["governance"]["weighted"]["percent"] == "100.00"
    assert found["groups"]["living"]["weighted"]["percent"] == "0.00"


def test_a_group_whose_weights_are_all_0_has_no_weighted_figure_in_a_plan_that_sums_to_100() -> None:
    groups = figures(plan([program("A", weight="100"), program("B", "living", weight="0")]))["groups"]

    assert groups["living"]["weighted"]["percent"] is None
    assert groups["living"]["weighted"]["reason"] == "empty"


def test_never_reported_is_not_realized_but_has_no_progress_of_0() -> None:
    overall = figures(plan([program("A"), program("B")]))["overall"]

    assert (overall["reported"], overall["never_reported"]) == (0, 2)
    assert overall["share"]["percent"] == "0.00"
    assert overall["progress"]["percent"] is None
    assert overall["progress"]["reason"] == "none_reported"
    assert overall["progress_all"]["percent"] == "0.00"


def test_money_never_reported_is_unknown_and_money_reported_as_0_is_0_percent() -> None:
    rich = plan([program("A", budget={"2020": 1000})])

    assert figures(rich, report("A", "2020-01-31"))["overall"]["financial"]["reason"] == "none_spent"
    assert figures(rich, report("A", "2020-01-31", spent=0))["overall"]["financial"]["percent"] == "0.00"
    assert (
        figures(plan([program("A")]), report("A", "2020-01-31", spent=5))["overall"]["financial"]["reason"]
        == "no_budget"
    )


def test_the_ceiling_to_date_is_that_of_all_fiscal_years_up_to_the_one_asked_about() -> None:
    history = [
        plan([program("A", budget={"2019": 100, "2020": 300, "2021": 600})]),
        report("A", "2020-01-31", spent=100),
    ]

    assert figures(*history, as_of=date(2020, 2, 1))["overall"]["financial"]["percent"] == "25.00"
    assert figures(*history, as_of=date(2021, 1, 1))["overall"]["financial"]["percent"] == "10.00"


@pytest.mark.parametrize(("spent", "ahead"), [(600, False), (601, True)])
def test_money_more_than_ten_points_ahead_of_the_progress_of_what_is_reported_is_a_warning(
    spent: int, ahead: bool
) -> None:
    history = [
        plan([program("A", budget={"2020": 500}), program("B", budget={"2020": 500})]),
        report("A", "2020-01-31", spent=spent, physical="50"),
    ]

    assert figures(*history)["overall"]["financial_ahead"] is ahead


# --- claims


def test_a_decembers_figure_sent_in_january_belongs_to_december() -> None:
    history = [plan([program("A")]), report("A", "2020-12-31", "realized")]

    assert figures(*history, as_of=date(2020, 12, 30))["overall"]["realized"] == 0
    assert figures(*history, as_of=date(2020, 12, 31))["overall"]["realized"] == 1


def test_a_cancelled_program_stays_in_the_denominator_until_a_version_removes_it() -> None:
    history = [
        plan([program("A"), program("B")]),
        report("A", "2020-01-31", "cancelled"),
        plan([program("B")], 2, "2021-01-01"),
    ]

    assert figures(*history)["overall"]["share"]["denominator"] == 2
    assert figures(*history, as_of=date(2021, 1, 1))["overall"]["share"]["denominator"] == 1


# --- change of lead (decision 24)

MOVED = [
    plan([program("A"), program("B")]),
    plan([program("A", department="dishub"), program("B")], 2, "2021-01-01"),
]


def standings(*history: ReceivedEvent, as_of: date) -> dict[str, str]:
    """The standing of each report and visit by its id, after a check that the oracle's is the same."""
    facts = realization_answers.facts_of(history)
    assert len(facts) == len(history)
    numbered = realization_answers.numbered(facts)
    plan_facts, programs = (
        realization_answers.plan_facts_of(numbered),
        {each["code"] for each in MOVED[0].event["data"]["programs"]},
    )
    found = realization_answers.standings(plan_facts, as_of, len(facts), programs)
    assert found == oracle.standings(facts, PLAN, as_of)
    looks = realization_answers.look_standings(plan_facts, numbered, as_of, len(facts))
    assert looks == oracle.look_standings(facts, PLAN, as_of)
    return {event_id: standing for (_, event_id), standing in (found | looks).items()}


def test_a_program_that_changes_hands_stays_realized() -> None:
    history = [*MOVED, report("A", "2020-12-31", "realized")]

    for as_of in (END_OF_2020, date(2021, 1, 1), date(2028, 12, 31)):
        assert figures(*history, as_of=as_of)["overall"]["share"]["percent"] == "50.00"
        groups = figures(*history, as_of=as_of, group_by="department")["groups"]
        assert groups["dinkes" if as_of == END_OF_2020 else "dishub"]["realized"] == 1


def test_a_report_counts_by_who_led_on_its_own_date_whatever_the_date_asked_about() -> None:
    history = [
        *MOVED,
        report("A", "2020-11-30", name="before"),
        report("A", "2020-12-15", "realized", department="dishub", name="too-early"),
        report("A", "2021-02-28", "realized", name="too-late"),
        report("A", "2021-01-31", department="dishub", name="after"),
        report("A", "2018-12-31", name="before-the-plan"),
    ]

    assert standings(*history, as_of=END_OF_2020) == {
        "before": "current", "too-early": "foreign", "before-the-plan": "orphan",
    }  # fmt: skip
    assert standings(*history, as_of=date(2021, 3, 1)) == {
        "before": "superseded", "too-early": "foreign", "before-the-plan": "orphan", "after": "current", "too-late": "foreign",
    }  # fmt: skip
    assert figures(*history, as_of=date(2021, 3, 1))["overall"]["realized"] == 0


def test_who_led_is_what_was_known_then() -> None:
    history = [MOVED[0], report("A", "2021-01-31", "realized", name="r1"), MOVED[1]]
    facts = realization_answers.facts_of(history)
    plan_facts, as_of = realization_answers.plan_facts_of(realization_answers.numbered(facts)), date(2021, 2, 1)

    realized = [
        realization_answers.figures(plan_facts, as_of=as_of, known_at=known_at)["overall"]["realized"]
        for known_at in (1, 2, 3)
    ]

    assert realized == [0, 1, 0]
    assert realized == [oracle.figures(facts[:n], PLAN, as_of)["overall"]["realized"] for n in (1, 2, 3)]


def test_a_program_that_leaves_the_plan_and_returns_keeps_what_was_reported_while_it_was_in() -> None:
    history = [
        plan([program("A"), program("B")]),
        plan([program("B")], 2, "2020-07-01"),
        plan([program("A", department="dishub"), program("B")], 3, "2021-01-01"),
        report("A", "2020-06-30", "realized", name="in"),
        report("A", "2020-08-31", name="out"),
    ]

    assert standings(*history, as_of=date(2021, 1, 1)) == {"in": "current", "out": "orphan"}
    assert figures(*history, as_of=date(2020, 12, 31))["overall"]["programs"] == 1
    assert figures(*history, as_of=date(2021, 1, 1))["overall"]["realized"] == 1


def test_a_claim_verified_before_the_program_changed_hands_stays_verified_until_its_new_lead_withdraws_it() -> None:
    history = [*MOVED, report("A", "2020-11-30", "realized"), visit("2020-12-15", {"A": "confirmed"})]
    again = report("A", "2021-01-31", "realized", department="dishub")
    withdrawn = report("A", "2021-02-28", department="dishub")

    for reports, verified in (((), 1), ((again,), 1), ((again, withdrawn), 0)):
        assert figures(*history, *reports, as_of=date(2021, 3, 1))["overall"]["verified_realized"] == verified


def test_a_visit_counts_if_the_program_was_in_the_plan_on_the_day_of_the_visit() -> None:
    history = [
        plan([program("B")]),
        plan([program("A"), program("B")], 2, "2020-07-01"),
        plan([program("B")], 3, "2022-01-01"),
        report("A", "2020-07-31", "realized", name="r1"),
    ]
    early, late = visit("2020-06-30", {"A": "confirmed"}), visit("2020-08-15", {"A": "confirmed"})
    gone = visit("2022-02-01", {"A": "not_confirmed"})

    assert standings(*history, early, late, gone, as_of=date(2022, 3, 1)) == {
        "r1": "current", "visit-2020-06-30": "orphan", "visit-2020-08-15": "current", "visit-2022-02-01": "orphan",
    }  # fmt: skip
    assert figures(*history, early)["overall"]["verified_realized"] == 0
    assert figures(*history, early, late)["overall"]["verified_realized"] == 1
    assert standings(*history, visit("2020-06-30", {"A": "confirmed", "B": "confirmed"}), as_of=END_OF_2020) == {
        "r1": "current", "visit-2020-06-30": "current",
    }  # fmt: skip


def test_a_program_that_names_a_problem_and_a_sector_counts_in_both_themes_and_one_that_names_none_in_none() -> None:
    programs = [
        program("A", priority_problem="Banjir", leading_sector="Pariwisata"),
        program("B", priority_problem="Banjir", leading_sector="Banjir"),
        program("C"),
    ]

    groups = figures(plan(programs), group_by="theme")["groups"]

    assert {key: cell["programs"] for key, cell in groups.items()} == {"Banjir": 2, "Pariwisata": 1, "none": 1}


# --- verification (decision 2)

REALIZED = report("A", "2020-03-31", "realized")
AGAIN = report("A", "2020-05-31", "realized")
CONFIRMED = visit("2020-04-15", {"A": "confirmed"})


@pytest.mark.parametrize(
    ("history", "verified"),
    [
        ([REALIZED, CONFIRMED], 1),
        ([REALIZED], 0),
        ([CONFIRMED, AGAIN], 0),
        ([REALIZED, CONFIRMED, AGAIN], 1),
        ([REALIZED, CONFIRMED, report("A", "2020-04-30"), AGAIN], 0),
        ([REALIZED, CONFIRMED, report("A", "2020-04-30"), AGAIN, visit("2020-06-01", {"A": "confirmed"})], 1),
        ([REALIZED, CONFIRMED, visit("2020-04-20", {"A": "not_confirmed"})], 0),
        ([REALIZED, CONFIRMED, visit("2020-04-10", {"A": "not_confirmed"})], 1),
        ([REALIZED, CONFIRMED, report("A", "2020-04-30")], 0),
        ([REALIZED, visit("2020-04-15", {"B": "confirmed"})], 0),
        ([REALIZED, visit("2020-03-31", {"A": "confirmed"})], 1),
    ],
    ids=[
        "seen realized", "never seen", "realized only after the visit", "received_event again", "withdrawn and claimed again",
        "withdrawn, claimed and seen again", "denied later", "denied before", "withdrawn", "another was seen",
        "realized on the day of the visit",
    ],
)  # fmt: skip
def test_a_claim_is_verified_while_it_is_the_one_that_was_seen(history: list[ReceivedEvent], verified: int) -> None:
    overall = figures(plan([program("A"), program("B")]), *history, basis="verified")["overall"]

    assert overall["verified_realized"] == verified
    assert overall["share"] == overall["verified"]
    assert overall["share"]["percent"] == ("50.00" if verified else "0.00")


# --- targets (decision 3)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2018-12-31", "0"), ("2019-01-01", "10/365"), ("2019-12-31", "10"), ("2020-02-29", "10+600/366"),
        ("2020-12-31", "20"), ("2021-12-31", "30"), ("2024-12-30", "60-10/366"), ("2028-12-31", "100"), ("2040-01-01", "100"),
    ],
)  # fmt: skip
def test_without_own_targets_the_target_rises_evenly_over_the_plans_years_leap_years_or_not(
    as_of: str, expected: str
) -> None:
    found = target(plan_of(version_of(plan([]))), date.fromisoformat(as_of))

    assert found.rule == "linear"
    assert found.percent == _sum(expected)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2018-12-31", "0"), ("2019-07-02", "0+9/2*183/365"), ("2019-12-31", "9/2"), ("2020-12-31", "9"), ("2021-12-31", "20"),
        ("2022-12-31", "31"), ("2023-12-31", "42"), ("2024-12-31", "42"), ("2028-12-31", "42"), ("2035-06-30", "42"),
    ],
)  # fmt: skip
def test_a_year_left_out_lies_on_the_line_between_its_neighbours_and_after_the_last_it_stays_level(
    as_of: str, expected: str
) -> None:
    given = plan([], targets={"2020": "9", "2023": "42"})

    found = target(plan_of(version_of(given)), date.fromisoformat(as_of))

    assert found.rule == "plan"
    assert found.percent == _sum(expected)


def _sum(text: str) -> Fraction:
    """`10+600/366`, exactly."""
    return sum(
        (_product(part) for part in text.replace("-", "+-").split("+")),
        Fraction(0),
    )


def _product(text: str) -> Fraction:
    found = Fraction(1)
    for factor in text.split("*"):
        found *= Fraction(factor)
    return found


def test_a_dimensions_own_target_comes_before_the_plans_and_the_plans_before_the_line() -> None:
    given = plan(
        [program("A"), program("B", "living")],
        targets={"2020": "25"},
        dimension_targets={"governance": {"2020": "50"}},
    )

    found = figures(given)

    assert found["overall"]["target"] == {"percent": "25.00", "rule": "plan"}
    assert found["groups"]["governance"]["target"] == {"percent": "50.00", "rule": "dimension"}
    assert found["groups"]["living"]["target"] == {"percent": "25.00", "rule": "plan"}
    assert figures(plan([program("A")]))["overall"]["target"]["rule"] == "linear"


def test_where_nothing_is_expected_yet_there_is_no_achievement() -> None:
    given = plan([program("A")], effective_from="2018-06-01")

    overall = figures(given, as_of=date(2018, 12, 31))["overall"]

    assert overall["target"] == {"percent": "0.00", "rule": "linear"}
    assert overall["achievement"] is None


def test_the_last_day_of_february_is_the_sixtieth_of_366() -> None:
    assert elapsed(date(2020, 2, 29)) == Fraction(60, 366)
    assert elapsed(date(2019, 2, 28)) == Fraction(59, 365)
    assert elapsed(date(2020, 12, 31)) == elapsed(date(2019, 12, 31)) == 1


# --- the live snapshot


def counts_before_and_after(first: ReceivedEvent, second: ReceivedEvent, *, received: tuple[str, str]) -> list[Json]:
    """The live counts, kept up, after a report received at the first moment and one received at the second."""
    reports = [report("A", "2020-11-30", received=utc(moment)) for moment in received]
    plan_facts, found = PlanFacts(PLAN), []
    live = LiveCounts(plan_facts)
    for fact in realization_answers.numbered(realization_answers.facts_of([first, second, *reports])):
        live.touch(plan_facts.add(fact))
        snapshot = live.snapshot()
        counts = dict(zip(snapshot.counts, snapshot.cells["overall"]["overall"], strict=True))
        found.append({"as_of": snapshot.as_of.isoformat(), "version": snapshot.plan_version, **counts})
    return found[-2:]


def test_a_plan_version_changes_the_live_counts_when_its_day_has_begun_anywhere() -> None:
    before, after = counts_before_and_after(
        plan([program("A"), program("B")]),
        plan([program("A")], 2, "2020-12-15"),
        received=("2020-12-14T09:59:59", "2020-12-14T10:00:00"),
    )

    assert (before["as_of"], before["version"], before["programs"]) == ("2020-12-14", 1, 2)
    assert (after["as_of"], after["version"], after["programs"]) == ("2020-12-15", 2, 1)


def test_a_new_year_brings_its_budget_into_the_live_counts() -> None:
    budget = {"2020": 5, "2021": 7}
    before, after = counts_before_and_after(
        plan([program("A", budget=budget)]),
        plan([program("A", budget=budget)], 2, "2030-01-01"),
        received=("2020-12-31T09:59:59", "2020-12-31T10:00:00"),
    )

    assert (before["as_of"], before["budget"]) == ("2020-12-31", 5)
    assert (after["as_of"], after["budget"]) == ("2021-01-01", 12)


def test_a_retraction_is_taken_out_of_the_live_counts() -> None:
    received_event = report("A", "2020-11-30", "realized", name="r1")
    data = {"source": received_event.event["source"], "id": "r1", "reason": "salah"}
    taken_back = received_event._replace(
        event=received_event.event | {"id": "x1", "type": oracle.RETRACTION, "data": data}
    )
    facts = realization_answers.numbered(
        realization_answers.facts_of([plan([program("A")]), received_event, taken_back])
    )
    plan_facts = realization_answers.plan_facts_of(facts[:2])
    live = LiveCounts(plan_facts)
    assert live.snapshot().cells["overall"]["overall"][:3] == (1, 1, 1)

    live.touch(plan_facts.add(facts[2]))

    assert live.snapshot().cells["overall"]["overall"][:3] == (1, 0, 0)


# --- the ends of the calendar


@pytest.mark.parametrize("as_of", [FIRST_DAY, date.max])
def test_the_first_and_the_last_day_of_the_calendar_may_be_asked_about(as_of: date) -> None:
    history = [
        plan([program("A")], effective_from=FIRST_DAY.isoformat()),
        report("A", "2020-12-31", "realized"),
        CONFIRMED,
    ]
    plan_facts = plan_facts_of(*history)

    assert realization_answers.figures(plan_facts, as_of=as_of)["overall"]["programs"] == 1
    assert realization_answers.department_states(plan_facts, as_of)["dinkes"]["state"] in {"never", "on_time"}
    assert realization_answers.program_states(plan_facts, as_of)["A"] in {"never", "on_time"}
