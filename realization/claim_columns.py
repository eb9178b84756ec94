"""The reports of a plan in columns: a third of the room that claims take, and there by copying instead of by making each.

A claim is made when it is asked for. Of the reports on a program a question needs one or two.
"""

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cache

from realization.claims import Claim
from schemas.vocabulary import Status

UNKNOWN = -1  # money spent that no report says


class Columns:
    """Reports, a row each, in the order of `seq`."""

    def __init__(self) -> None:
        self.received_ms = array("q")  # of every fact, at seq - 1; all that follow are of reports
        self.seq = array("i")
        self.program: list[str] = []
        self.effective_on = array("i")  # as `date.toordinal` counts
        self.time_us = array("q")
        self.source: list[str] = []
        self.ids = ""  # one after the other
        self.id_end = array("I")  # in `ids`
        self.status: list[Status] = []
        self.physical = array("h")
        self.spent = array("q")
        self.period: list[str] = []

    def id(self, row: int) -> str:
        """The id of a report."""
        return self.ids[self.id_end[row - 1] if row else 0 : self.id_end[row]]

    def claim(self, row: int) -> Claim:
        """What a report claims."""
        seq, spent = self.seq[row], self.spent[row]
        return Claim(
            _day(self.effective_on[row]),
            self.time_us[row],
            self.source[row],
            self.id(row),
            seq,
            self.status[row],
            self.physical[row],
            None if spent == UNKNOWN else spent,
            self.period[row],
            self.received_ms[seq - 1],
        )

    def by_program(self) -> dict[str, "Packed"]:
        """The claims on each program."""
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for row, program in enumerate(self.program):
            rows[program].append(row)
        return {program: Packed(self, found) for program, found in rows.items()}

    def program_of(self, source: str, event_id: str) -> str | None:
        """The program a report is about; None for a report that is not there."""
        at = self.ids.find(event_id)
        while at >= 0:
            row = bisect_right(self.id_end, at)
            if self.id(row) == event_id and self.source[row] == source:
                return self.program[row]
            at = self.ids.find(event_id, at + 1)
        return None

    def last_received(self) -> dict[str, int]:
        """When the last report of each source was received."""
        last: dict[str, int] = {}
        for source, seq in zip(self.source, self.seq, strict=True):
            last[source] = max(last.get(source, 0), self.received_ms[seq - 1])
        return last


class Packed:
    """The claims on one program, in the order in which they stand."""

    __slots__ = ("_columns", "_rows")

    def __init__(self, columns: Columns, rows: list[int]) -> None:
        self._columns = columns
        day = columns.effective_on.__getitem__
        one_a_day = len(set(map(day, rows))) == len(rows)
        rows.sort(key=day if one_a_day else self._order)  # the second says the same and takes ten times as long
        self._rows = array("i", rows)

    def _order(self, row: int) -> tuple[int, int, str, str]:
        columns = self._columns
        return columns.effective_on[row], columns.time_us[row], columns.source[row], columns.id(row)

    def newest_first(self, as_of: date, known_at: int) -> Iterator[Claim]:
        """The claims up to a date, as far as they are known."""
        columns, rows = self._columns, self._rows
        for at in range(bisect_right(rows, as_of.toordinal(), key=columns.effective_on.__getitem__) - 1, -1, -1):
            row = rows[at]
            if columns.seq[row] <= known_at:
                yield columns.claim(row)

    def claims(self) -> list[Claim]:
        """All of them."""
        return [self._columns.claim(row) for row in self._rows]


_day = cache(date.fromordinal)
