"""The live snapshot of a plan, maintained incrementally: only programs that a fact touches are counted again.

Its `as_of` reads no clock: it is the latest date that had begun anywhere on earth (UTC+14) when the last fact was
received. So every accepted report counts, since none was in the future when it was received.
"""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

import msgspec

from realization.cells import GROUPINGS, ProgramCounts, budget_to, membership, part_of, weight_of
from realization.future_dates import latest_date
from realization.plan_facts import PlanFacts, Version
from schemas.facts import COUNTS, Snapshot

SNAPSHOT_LIMIT = 8 * 1024
OVERALL = "overall"
NOTHING = (0,) * len(COUNTS)


class _CountedProgram(NamedTuple):
    """The part of a program's counts that does not depend on its claim, and the cells it is in."""

    weight: int
    budget: int
    cells: tuple[list[int], ...]


class LiveCounts:
    """Running counts of one plan."""

    def __init__(self, plan_facts: PlanFacts) -> None:
        self._plan_facts = plan_facts
        self._cells: dict[str, dict[str, list[int]]] = {}  # grouping -> cell -> counts, in the order of COUNTS
        self._programs: dict[str, _CountedProgram] = {}
        self._parts: dict[str, ProgramCounts] = {}  # program -> what it now adds to its cells
        self._version: Version | None = None
        self._as_of = date.min
        self._dirty: set[str] | None = None  # None: everything

    def touch(self, programs: tuple[str, ...] | None) -> None:
        """Mark the programs that `PlanFacts.add` returned for recounting."""
        if programs is None:
            self._dirty = None
        elif self._dirty is not None:
            self._dirty.update(programs)

    def snapshot(self) -> Snapshot:
        """The state of the plan after all facts added so far."""
        as_of = latest_date(self._plan_facts.received_ms)
        version = self._plan_facts.version(as_of)
        if self._dirty is None or version is not self._version or as_of.year != self._as_of.year:
            self._recount(version, as_of)
        elif version is not None:
            for code in self._dirty & version.programs.keys():
                self._count(code, as_of)
        self._dirty, self._version, self._as_of = set(), version, as_of
        return self._written(version, as_of)

    def _recount(self, version: Version | None, as_of: date) -> None:
        self._cells, self._programs, self._parts = {OVERALL: {OVERALL: [*NOTHING]}}, {}, {}
        if version is None:
            return
        overall = self._cells[OVERALL][OVERALL]
        members = [(self._cells.setdefault(each, {}), membership(each, self._plan_facts, as_of)) for each in GROUPINGS]
        parts: dict[int, list[ProgramCounts]] = defaultdict(list)  # of each cell, by its id
        for code, program in version.programs.items():
            cells = [overall]
            for groups, keys in members:
                for key in keys(code, program):
                    cell = groups.get(key)
                    if cell is None:
                        cell = groups[key] = [*NOTHING]
                    cells.append(cell)
            counted = self._programs[code] = _CountedProgram(
                weight_of(program), budget_to(program, as_of.year), tuple(cells)
            )
            part = self._parts[code] = part_of(self._plan_facts.state(code, as_of), counted.weight, counted.budget)
            for cell in cells:
                parts[id(cell)].append(part)
        for groups in self._cells.values():
            for cell in groups.values():
                if parts[id(cell)]:  # a plan may have no programs
                    cell[:] = map(sum, zip(*parts[id(cell)], strict=True))

    def _count(self, code: str, as_of: date) -> None:
        weight, budget, cells = self._programs[code]
        before, part = self._parts[code], part_of(self._plan_facts.state(code, as_of), weight, budget)
        if part == before:
            return
        changes = [(at, new - old) for at, (new, old) in enumerate(zip(part, before, strict=True)) if new != old]
        for cell in cells:
            for at, change in changes:
                cell[at] += change
        self._parts[code] = part

    def _written(self, version: Version | None, as_of: date) -> Snapshot:
        snapshot = Snapshot(
            plan=self._plan_facts.plan,
            seq=self._plan_facts.seq,
            received_ms=self._plan_facts.received_ms,
            as_of=as_of,
            plan_version=version.number if version else None,
            cells={},
        )
        cells: dict[str, dict[str, tuple[int, ...]]] = {}
        omitted: list[str] = []
        size = len(snapshot.model_dump_json()) + 100
        for grouping, groups in self._cells.items():
            written = {key: tuple(counts) for key, counts in groups.items()}
            more = len(msgspec.json.encode({grouping: written}))
            if size + more > SNAPSHOT_LIMIT and grouping != OVERALL:
                omitted.append(grouping)
            else:
                size += more
                cells[grouping] = written
        return snapshot.model_copy(update={"cells": cells, "omitted": tuple(omitted)})
