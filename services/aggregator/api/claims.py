"""What a plan's reports claim, packed in pages: a book is opened by reading a few blobs, and no event of a report.

Page n of a plan is about the `PAGE_FACTS` facts after `seq` n * PAGE_FACTS, column by column. The same facts are the
same bytes, in however many pieces they came.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cache, partial
from typing import NamedTuple

import msgspec

from realization.book import Claim
from schemas.book import Fact
from schemas.reading import ReportFact
from schemas.sources import department, parse_source
from schemas.vocabulary import Status

PAGE_FACTS = 256  # more are read faster; the last page is written anew with each fact that comes


class Page(msgspec.Struct, array_like=True):
    """Columns. `received_ms` is of every fact, in the order of `seq`; the others are of the reports among them."""

    received_ms: list[int] = []
    seq: list[int] = []
    program: list[str] = []
    effective_on: list[int] = []  # as `date.toordinal` counts
    time_us: list[int] = []
    department: list[str] = []  # of the source
    id: list[str] = []
    status: list[Status] = []
    physical: list[int] = []
    spent: list[int | None] = []
    period: list[str] = []

    def add(self, fact: ReportFact | Fact) -> None:
        """Take the fact after the last one. Raises ValueError for any other."""
        if fact.seq % PAGE_FACTS != (len(self.received_ms) + 1) % PAGE_FACTS:
            raise ValueError(f"seq {fact.seq} does not come after fact {len(self.received_ms)} of its page")
        self.received_ms.append(fact.received_ms)
        if isinstance(fact, Fact):
            return
        report = fact.report
        self.seq.append(fact.seq)
        self.program.append(report.program)
        self.effective_on.append(report.effective_on.toordinal())
        self.time_us.append(report.time_us)
        self.department.append(parse_source(report.source).office)
        self.id.append(report.id)
        self.status.append(report.status)
        self.physical.append(report.physical)
        self.spent.append(report.spent)
        self.period.append(report.period)


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Page).decode


def page_of(seq: int) -> int:
    """The number of the page that is about a fact."""
    return (seq - 1) // PAGE_FACTS


def begins_page(seq: int) -> bool:
    """Whether a fact is the first of its page."""
    return (seq - 1) % PAGE_FACTS == 0


class Claims(NamedTuple):
    """What pages say: when each fact was received, in the order of `seq`, and the claims on each program."""

    received_ms: list[int]
    by_program: dict[str, list[Claim]]


_day = cache(date.fromordinal)


def unpack(plan: str, pages: Iterable[Page]) -> Claims:
    """All pages of a plan, in their order. One object for each source, date and period, which come again and again."""
    claims = Claims([], defaultdict(list))
    source, periods = cache(partial(department, plan)), dict[str, str]()
    for page in pages:
        claims.received_ms.extend(page.received_ms)
        made = map(
            Claim,
            map(_day, page.effective_on),
            page.time_us,
            map(source, page.department),
            page.id,
            page.seq,
            page.status,
            page.physical,
            page.spent,
            map(periods.setdefault, page.period, page.period),
            [claims.received_ms[seq - 1] for seq in page.seq],
        )
        for program, claim in zip(page.program, made, strict=True):
            claims.by_program[program].append(claim)
    return claims
