"""Claims: what reports say of a program."""

from datetime import date

import msgspec

from schemas.codec import FlatReport
from schemas.vocabulary import Status


class Claim(msgspec.Struct, frozen=True, order=True, gc=False):
    """A report as the fold uses it. Claims are ordered by their first four fields; the last one of a program stands.

    There is one for every report, so it is a msgspec struct: a tuple takes half as much memory again, and the garbage
    collector tracks it.
    """

    effective_on: date
    time_us: int
    source: str
    id: str
    seq: int
    status: Status
    physical: int  # 1/100 percent
    spent: int | None  # rupiah, cumulative
    period: str
    received_ms: int


def claim_of(report: FlatReport, seq: int, received_ms: int) -> Claim:
    """The claim of a report that is a fact with this `seq` and time of receipt."""
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
