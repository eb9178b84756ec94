"""Exact numbers are rounded once, half up."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realization.cells import Counts
from realization.exact import percent, rounded, text
from realization.formulas import (
    achievement,
    dimension_mean,
    financial,
    progress,
    progress_all,
    share,
    weighted,
)
from tests import oracle

RATIOS = st.fractions(min_value=0, max_value=10**6, max_denominator=20_000)


@given(RATIOS, st.integers(0, 4))
def test_a_number_is_rounded_half_up_from_its_exact_value(value: Fraction, places: int) -> None:
    found = rounded(value, places)

    assert found == oracle.half_up(value, places)
    assert -Fraction(1, 2) <= (value - Fraction(found)) * 10**places < Fraction(1, 2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Fraction(15500, 426), "36.38"), (Fraction("36.385"), "36.39"), (Fraction("36.38499999"), "36.38"),
        (Fraction("0.005"), "0.01"), (Fraction("0.0049999"), "0.00"), (Fraction("2.675"), "2.68"), (0, "0.00"),
        (100, "100.00"), (Fraction("99.995"), "100.00"), (Fraction(1, 3), "0.33"), (Fraction(2, 3), "0.67"),
        (10**30, f"{10**30}.00"),
    ],
)  # fmt: skip
def test_halves_go_up_and_nothing_is_rounded_twice(value: Fraction, expected: str) -> None:
    assert rounded(value) == expected


@given(RATIOS | st.fractions(0, 100, max_denominator=10**6))
def test_a_percentage_is_rounded_but_reads_neither_none_nor_all_unless_it_is(value: Fraction) -> None:
    assert percent(value) == oracle.shown(value)
    assert (percent(value) == "0.00") == (value == 0)
    if percent(value) == "100.00":
        assert value >= 100


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (19_999, 20_000, "99.99"), (20_000, 20_000, "100.00"), (1, 30_000, "0.01"), (0, 30_000, "0.00"), (2, 20_000, "0.01"),
        (9_998, 10_000, "99.98"), (155, 426, "36.38"),
    ],
)  # fmt: skip
def test_19_999_of_20_000_does_not_read_100_and_stays_exact(part: int, whole: int, shown: str) -> None:
    found = share(Counts(programs=whole, realized=part))

    assert found.percent == shown
    assert (found.numerator_text, found.denominator_text) == (str(part), str(whole))
    assert found.value == Fraction(100 * part, whole)
    assert achievement(found, Fraction(100)) == found.value


def test_every_formula_is_shown_by_the_same_rule() -> None:
    nearly = Counts(
        programs=20_000, reported=20_000, realized=19_999, verified=1, weight=1_000_000, weight_realized=999_999,
        physical=199_999_999, spent=10**9 - 1, budget=10**9, spending=1,
    )  # fmt: skip
    other = Counts(programs=1, realized=1)

    assert {
        "share": share(nearly).percent,
        "verified": share(nearly, "verified").percent,
        "weighted": weighted(nearly, 1_000_000).percent,
        "progress": progress(nearly).percent,
        "progress_all": progress_all(nearly).percent,
        "financial": financial(nearly).percent,
        "dimension_mean": dimension_mean({"a": nearly, "b": other}).percent,
    } == {
        "share": "99.99", "verified": "0.01", "weighted": "99.99", "progress": "99.99", "progress_all": "99.99",
        "financial": "99.99", "dimension_mean": "99.99",
    }  # fmt: skip
    nearly.spent = 10**9 + 1
    assert financial(nearly).percent == "100.00"


@given(
    RATIOS | st.integers(0, 10**22) | st.builds(Fraction, st.integers(0, 10**22), st.sampled_from((10, 10**4, 2**6)))
)
def test_the_text_of_a_number_is_the_number(value: Fraction) -> None:
    assert Fraction(text(value)) == value
    assert "E" not in text(value)
