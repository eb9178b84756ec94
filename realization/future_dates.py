"""Finds what lies in the future when an event is received: dates that have not begun, and senders' clocks that run
ahead.

No clock is read here: the time of receipt is the broker's, and is passed in.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from schemas.codec import FlatReport
from schemas.fields import microseconds
from schemas.registry import Event, kind_of

EASTERNMOST = timedelta(hours=14)
CLOCK_TOLERANCE = timedelta(hours=24)

_EPOCH = date(1970, 1, 1)
_MILLISECOND, _MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)
_EASTERNMOST_MS, _DAY_MS = EASTERNMOST // _MILLISECOND, timedelta(days=1) // _MILLISECOND
_TOLERANCE_US = CLOCK_TOLERANCE // _MICROSECOND


class Ahead(NamedTuple):
    """A field whose value lies in the future, that value, and the latest possible one."""

    field: str
    stated: str
    latest: str


def latest_date(received_ms: int) -> date:
    """The latest date that has begun anywhere on earth (UTC+14) at a moment (milliseconds since 1970)."""
    return _date((received_ms + _EASTERNMOST_MS) // _DAY_MS)


@lru_cache(16)
def _date(days: int) -> date:
    return _EPOCH + timedelta(days)


def is_ahead(report: FlatReport, received_ms: int) -> bool:
    """Whether any date or time of a report lies in the future at its receipt; `ahead_of` lists them."""
    return report.effective_on > latest_date(received_ms) or report.time_us > received_ms * 1000 + _TOLERANCE_US


def ahead_of(event: Event, received_ms: int) -> list[Ahead]:
    """All dates and times of an event that lie in the future at its receipt (docs/decisions/0005)."""
    found = []
    stated, today = _stated_date(event), latest_date(received_ms)
    if stated is not None and stated[1] > today:
        found.append(Ahead(f"data.{stated[0]}", stated[1].isoformat(), today.isoformat()))
    if microseconds(event.time) > received_ms * 1000 + _TOLERANCE_US:
        latest = datetime.fromtimestamp(received_ms / 1000, UTC) + CLOCK_TOLERANCE
        found.append(Ahead("time", event.time.isoformat(), latest.isoformat(timespec="milliseconds")))
    return found


def _stated_date(event: Event) -> tuple[str, date] | None:
    """The name and value of the event's date that must have begun; None where it has none."""
    kind = kind_of(event)
    if kind.day is None or kind.day_may_come:
        return None
    return kind.day, getattr(event.data, kind.day)
