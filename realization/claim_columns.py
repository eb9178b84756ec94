"""The reports of a plan in columns, which take a third of the memory of claims and are loaded by copying whole arrays.

A claim is made from its row on demand: a query needs one or two of a program's reports.
"""

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cache

from realization.claims import Claim
from schemas.vocabulary import Status

UNKNOWN = -1  # money spent, where the report does not state it


class Columns:
    """Reports, a row each, in the order of `seq`."""

    def __init__(self) -> None:
        self.received_ms = array("q")  # of every fact, at index seq - 1; all columns below have one entry per report
        self.seq = array("i")
        self.program: list[str] = []
        self.effective_on = array("i")  # as `date.toordinal` counts
        self.time_us = array("q")
        self.source: list[str] = []
        self.ids = ""  # all ids, concatenated
        self.id_end = array("I")  # where each id ends in `ids`
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
        """The program of a report; None where there is no such report."""
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
    """The claims on one program, in the order of claims."""

    __slots__ = ("_columns", "_rows")

    def __init__(self, columns: Columns, rows: list[int]) -> None:
        self._columns = columns
        day = columns.effective_on.__getitem__
        one_a_day = len(set(map(day, rows))) == len(rows)
        rows.sort(
            key=day if one_a_day else self._order
        )  # both give the same order, but `_order` takes ten times as long
        self._rows = array("i", rows)

    def _order(self, row: int) -> tuple[int, int, str, str]:
        columns = self._columns
        return columns.effective_on[row], columns.time_us[row], columns.source[row], columns.id(row)

    def newest_first(self, as_of: date, known_at: int) -> Iterator[Claim]:
        """The claims up to a date that are known at a `seq`, newest first."""
        columns, rows = self._columns, self._rows
        for at in range(bisect_right(rows, as_of.toordinal(), key=columns.effective_on.__getitem__) - 1, -1, -1):
            row = rows[at]
            if columns.seq[row] <= known_at:
                yield columns.claim(row)

    def claims(self) -> list[Claim]:
        """All claims on the program, oldest first."""
        return [self._columns.claim(row) for row in self._rows]


_day = cache(date.fromordinal)
