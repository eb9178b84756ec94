"""What reports claim."""

from datetime import date

import msgspec

from schemas.codec import FlatReport
from schemas.vocabulary import Status


class Claim(msgspec.Struct, frozen=True, order=True, gc=False):
    """A report as the fold sees it. Its first four fields are the order in which reports of a program stand.

    There are as many as reports: hence no tuple, which takes half as much room again and the collector's time.
    """

    effective_on: date
    time_us: int
    source: str
    id: str
    seq: int
    status: Status
    physical: int  # 1/100 percent
    spent: int | None  # rupiah, from the beginning
    period: str
    received_ms: int


def claim_of(report: FlatReport, seq: int, received_ms: int) -> Claim:
    """What a report claims, once it has its place in the book."""
    return Claim(
        report.effective_on,
        report.time_us,
        report.source,
        report.id,
        seq,
        report.status,
        report.physical,
        report.spent,
        report.period,
        received_ms,
    )
