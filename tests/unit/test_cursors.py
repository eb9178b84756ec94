"""Cursors: what a list gives comes back as it was; anything else a client sends is refused before it is looked at."""

from base64 import urlsafe_b64encode
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reports import PROGRAM
from schemas.sources import PLAN
from services.aggregator.api.plans.models import ranked_at
from services.aggregator.api.programs.models import listed_at
from services.kit.http.problems import InvalidProblem
from services.kit.http.responses import cursor_of, position_of

PLANS = st.from_regex(PLAN, fullmatch=True)
SHARES = st.fractions(min_value=-1, max_value=1, max_denominator=1_000_000)


def encoded(text: str | bytes) -> str:
    """A cursor that says anything."""
    return urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode().rstrip("=")


@given(SHARES, PLANS)
def test_a_place_in_the_ranking_comes_back_as_it_was(share: Fraction, plan: str) -> None:
    assert ranked_at(cursor_of(share, plan)) == (share, plan)


@given(st.dates(), st.integers(0, 10**15 - 1), st.from_regex(PROGRAM.strip("^$"), fullmatch=True))
def test_a_place_among_programs_comes_back_as_it_was(as_of: date, seq: int, code: str) -> None:
    assert listed_at(cursor_of(as_of, seq, code)) == (as_of, seq, code)


WRONG = [
    "",
    "A",
    "AA",
    "!!!!",
    "é",
    encoded(b"\xff\xfe"),
    encoded("\0"),
    encoded('["1e100000000","x"]'),
    encoded("1e100000000 x"),
    encoded("1e9 x"),
    encoded("1/0 x"),
    encoded(f"{'9' * 400} x"),
    encoded("1/3 x\0"),
    encoded("1/3 x\n"),
    encoded("1/3 X"),
    encoded("nan x"),
    encoded("-1/3"),
    encoded("١ x"),
    encoded("2021-12-31 9223372036854775808 GOV-001"),
    encoded("2021-13-31 1 GOV-001"),
    encoded("0000-01-01 1 GOV-001"),
    encoded("2021-12-31 -1 GOV-001"),
    encoded("2021-12-31 1 GOV-001\0"),
    encoded("2021-12-31 1 ²"),
    "A" * 500,
]


@pytest.mark.parametrize("cursor", WRONG)
def test_what_no_list_gave_is_refused(cursor: str) -> None:
    for read in (listed_at, ranked_at):
        with pytest.raises(InvalidProblem) as refused:
            read(cursor)
        assert [error.where for error in refused.value.errors] == ["query.cursor"]


@given(st.text(max_size=500) | st.binary(max_size=300).map(encoded) | st.text(max_size=300).map(encoded))
def test_anything_is_a_place_or_refused(cursor: str) -> None:
    for parts in (f"({PLAN})", r"(\d{1,10})"):
        try:
            position = position_of(cursor, parts)
        except InvalidProblem:
            continue
        assert all(part.isascii() and part.isprintable() for part in position)


def test_no_cursor_is_the_first_page() -> None:
    assert position_of(None, "(x)") == ()
    assert ranked_at(None) is None
    assert listed_at(None) is None
