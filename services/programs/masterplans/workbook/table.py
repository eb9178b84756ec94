"""Reads a sheet with headings, or a CSV file, as rows of named cells; errors of its headings are reported once,
here."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from presentation.words import both
from services.programs.masterplans.workbook import columns, text, values
from services.programs.masterplans.workbook.columns import Column
from services.programs.masterplans.workbook.problems import Problems, RefusedError
from services.programs.masterplans.workbook.values import Parser, SheetCell

HEADINGS_SHOWN = 12


class Row(NamedTuple):
    """The cells of one row in known columns, by field; ceilings by year."""

    cells: Mapping[str, SheetCell]
    budget: Mapping[str, SheetCell]
    first: SheetCell  # the first cell that is not empty

    @property
    def is_total(self) -> bool:
        """Whether this is a closing row "Jumlah", which is not a program: it lacks a code or a name."""
        closing = isinstance(self.first.value, str) and text.plain(self.first.value) in columns.TOTALS
        return closing and any(field not in self.cells or self.cells[field].empty for field in ("code", "name_id"))

    def take(self, column: Column, parse: Parser, problems: Problems) -> Any:
        """The value of a column; None if it is empty or wrong, which is then reported."""
        cell = self.cells.get(column.field)
        if cell is None:  # the column is missing, which was reported once
            return None
        return take(cell, column.expected, parse, problems, required=column.required)


def take(cell: SheetCell, expected: str, parse: Parser, problems: Problems, *, required: bool = False) -> Any:
    """The value of one cell; None if it is empty or wrong, which is then reported."""
    if cell.trouble is not None:
        problems.error(cell.where, cell.trouble.what, cell.trouble.expected, cell.value)
        return None
    if cell.empty:
        if required:
            problems.error(cell.where, values.EMPTY, expected)
        return None
    try:
        return parse(cell, expected)
    except RefusedError as refused:
        problems.error(cell.where, refused.expectation.what, refused.expectation.expected, cell.value)
        return None


class Heads(NamedTuple):
    """The positions of columns (0 is the first) by field, and of ceilings by year."""

    fields: Mapping[str, int]
    budget: Mapping[str, int]

    def row(self, cells: list[SheetCell]) -> Row | None:
        """The row of these cells; None if nothing is in it."""
        first = next((cell for cell in cells if not cell.empty), None)
        if first is None:
            return None
        return Row(
            {field: cells[at] for field, at in self.fields.items()},
            {year: cells[at] for year, at in self.budget.items()},
            first,
        )


def recognized(headings: Iterable[SheetCell], known: tuple[Column, ...]) -> int:
    """How many cells of a row are known headings: the row with the most is the row of headings."""
    names = columns.by_name(known)
    return sum(1 for cell in headings if not cell.empty and text.plain(cell.value) in names)


def heads(
    headings: list[SheetCell],
    used: set[int],
    known: tuple[Column, ...],
    problems: Problems,
    *,
    budget: bool = False,
) -> Heads:
    """Read a row of headings. `used`: positions of columns that are not empty below."""
    names = columns.by_name(known)
    fields: dict[str, int] = {}
    years: dict[str, int] = {}
    expected = ", ".join(column.heading for column in known)
    for at, cell in enumerate(headings):
        if cell.empty:
            if at in used:
                problems.error(cell.where, both("workbook", "column_without_heading"), expected)
            continue
        heading = text.plain(cell.value)
        column, year = names.get(heading), columns.budget_year(cell.value) if budget else None
        seen: dict[str, int] = years if year else fields
        key = year or (column.field if column else None)
        if key is not None and key in seen:
            problems.error(cell.where, both("workbook", "heading_twice", where=headings[seen[key]].where), both("workbook", "once"), cell.value)  # fmt: skip
        elif key is not None:
            seen[key] = at
        elif heading in columns.REMARKS:
            if at in used:
                problems.warn(cell.where, both("workbook", "column_not_kept"), "", cell.value)
        elif heading not in columns.IGNORED and at in used:
            problems.error(cell.where, both("workbook", "column_unknown"), expected, cell.value)
    for column in known:
        if column.required and column.field not in fields:
            where = headings[0].where if headings else "1"
            problems.error(where, both("workbook", "column_missing", column=column.heading), column.expected)
    return Heads(fields, years)
