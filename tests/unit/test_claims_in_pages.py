"""Pages of claims hold every report's content, and are the same bytes in however many pieces facts came."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.large_log import LargeLog
from realization.claims import claim_of
from schemas.codec import ReportFact, read_fact
from schemas.facts import Fact, UnknownFact
from services.aggregator.api.claim_pages import PAGE_FACTS, Page, begins_page, page_of, unpack

PLAN = "kota-000"
FACTS = [read_fact(value) for _, value in LargeLog(plans=1, reports=2 * PAGE_FACTS).facts(PLAN)]


def written(pieces: Sequence[Sequence[ReportFact | Fact | UnknownFact]]) -> list[bytes]:
    """The pages after each piece was added to what was written of the last page, as a projection does it."""
    kept: dict[int, bytes] = {}
    for piece in pieces:
        pages: dict[int, Page] = {}
        for fact in piece:
            number = page_of(fact.seq)
            if number not in pages:
                pages[number] = Page() if begins_page(fact.seq) else Page(kept[number])
            pages[number].add(fact)
        kept |= {number: page.value() for number, page in pages.items()}
    return list(kept.values())


def test_every_claim_is_that_of_its_report() -> None:
    columns = unpack(PLAN, written([FACTS]))

    reports = [fact for fact in FACTS if isinstance(fact, ReportFact)]
    assert list(columns.received_ms) == [fact.received_ms for fact in FACTS]
    assert columns.program == [fact.report.program for fact in reports]
    assert [columns.claim(row) for row in range(len(reports))] == [
        claim_of(fact.report, fact.seq, fact.received_ms) for fact in reports
    ]
    for fact in reports:
        assert columns.program_of(fact.report.source, fact.report.id) == fact.report.program
    assert columns.program_of(reports[0].report.source, "no-such-report") is None


@given(st.lists(st.integers(0, len(FACTS)), max_size=4))
def test_the_pieces_in_which_facts_came_leave_no_trace(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(FACTS)]

    assert written([FACTS[a:b] for a, b in itertools.pairwise(edges)]) == written([FACTS])


def test_a_page_takes_no_fact_but_the_next() -> None:
    page = Page()
    page.add(FACTS[0])
    for wrong in (FACTS[0], FACTS[2]):
        with pytest.raises(ValueError, match="does not come after"):
            page.add(wrong)
