"""The live snapshot of a plan, kept up incrementally: only programs that a fact touched are counted again.

Its `as_of` is no clock's: it is the latest date that had begun anywhere on earth (UTC+14) when the last fact was
received, so that every accepted report, which by then was not in the future, is in it.
"""

import json
from datetime import date

from realization.book import EVERYTHING, PlanBook, ProgramState, Version
from realization.cells import GROUPINGS, Counts, Membership, membership
from realization.receipt import latest_date
from schemas.book import Snapshot

SNAPSHOT_LIMIT = 8 * 1024
OVERALL = "overall"


class Live:
    """Running counts of one plan."""

    def __init__(self, book: PlanBook) -> None:
        self._book = book
        self._states: dict[str, ProgramState] = {}
        self._cells: dict[str, dict[str, Counts]] = {}
        self._members: dict[str, Membership] = {}
        self._version: Version | None = None
        self._as_of = date.min
        self._dirty: set[str] | None = None  # None: everything

    def touch(self, programs: tuple[str, ...] | None) -> None:
        """Remember what `PlanBook.add` said a fact may have changed."""
        if programs is None:
            self._dirty = None
        elif self._dirty is not None:
            self._dirty.update(programs)

    def snapshot(self) -> Snapshot:
        """The state of the plan after all facts added so far."""
        as_of = latest_date(self._book.received_ms)
        version = self._book.version(as_of)
        if self._dirty is None or version is not self._version or as_of.year != self._as_of.year:
            self._recount(version, as_of)
        elif version is not None:
            for code in self._dirty & version.programs.keys():
                self._count(code, version, as_of)
        self._dirty, self._version, self._as_of = set(), version, as_of
        return self._written(version, as_of)

    def _recount(self, version: Version | None, as_of: date) -> None:
        self._states, self._cells = {}, {OVERALL: {OVERALL: Counts()}}
        if version is None:
            return
        self._members = {OVERALL: lambda *_: (OVERALL,)}
        self._members |= {grouping: membership(grouping, self._book, as_of) for grouping in GROUPINGS}
        for code in version.programs:
            self._count(code, version, as_of)

    def _count(self, code: str, version: Version, as_of: date) -> None:
        program, before = version.programs[code], self._states.get(code)
        after = self._book.state(code, version, as_of, EVERYTHING)
        for grouping, members in self._members.items():
            cells = self._cells.setdefault(grouping, {})
            for key in members(code, program):
                counts = cells.setdefault(key, Counts())
                if before is not None:
                    counts.take(program, before, as_of.year, sign=-1)
                counts.take(program, after, as_of.year)
        self._states[code] = after

    def _written(self, version: Version | None, as_of: date) -> Snapshot:
        snapshot = Snapshot(
            plan=self._book.plan,
            seq=self._book.seq,
            received_ms=self._book.received_ms,
            as_of=as_of,
            plan_version=version.number if version else None,
            cells={},
        )
        cells: dict[str, dict[str, tuple[int, ...]]] = {}
        omitted: list[str] = []
        size = len(snapshot.model_dump_json()) + 100
        for grouping, groups in self._cells.items():
            written = {key: counts.integers() for key, counts in groups.items()}
            more = len(json.dumps({grouping: written}, separators=(",", ":"), ensure_ascii=False).encode())
            if size + more > SNAPSHOT_LIMIT and grouping != OVERALL:
                omitted.append(grouping)
            else:
                size += more
                cells[grouping] = written
        return snapshot.model_copy(update={"cells": cells, "omitted": tuple(omitted)})
