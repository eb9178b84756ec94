"""Reads a workbook as a plan version. Every sheet is read to its end, whatever errors come before."""

from typing import Any, Final

from pydantic import ValidationError

from presentation.words import both
from schemas.masterplan import Department, MasterplanVersion, Program
from schemas.vocabulary import Dimension
from services.programs.masterplans.workbook import columns, text, values
from services.programs.masterplans.workbook.columns import Column, SheetKind
from services.programs.masterplans.workbook.department_names import DepartmentNames
from services.programs.masterplans.workbook.problems import Problems, ReadResult
from services.programs.masterplans.workbook.programs import check_weights, read_programs
from services.programs.masterplans.workbook.sheets import FILL_DOWN, MERGED, Sheet, open_sheets
from services.programs.masterplans.workbook.table import Heads, Row, heads, recognized, take
from services.programs.masterplans.workbook.values import Parser, SheetCell

HEADINGS_WITHIN = 30  # first rows of a sheet, in which its headings are searched
NONE_GIVEN = "-"  # no value; in a column of targets: this dimension has its own targets, but none for this year
MAY_BE_NONE = frozenset({"expects", "region_code", "punctual_by_receipt_from"})

PLAN_PARSERS: Final[dict[str, Parser]] = {
    "plan": values.plan_id,
    "version": values.whole,
    "expects": values.whole,
    "effective_from": values.day,
    "city": values.name,
    "region_code": values.region_code,
    "name_id": values.name,
    "name_en": values.name,
    "start_year": values.year,
    "end_year": values.year,
    "time_zone": values.time_zone,
    "illustrative": values.yes_or_no,
    "report_due_day": values.due_day,
    "punctual_by_receipt_from": values.day,
}


def read_workbook(data: bytes) -> ReadResult:
    """Read a workbook. Raises nothing for any bytes: what can't be read is in `errors`."""
    problems = Problems()
    sheets = _by_kind(open_sheets(data, problems), problems)
    if not sheets:
        return problems.answer(None, None)
    plan = read_plan_lines(_lines(sheets.get(columns.PLAN), problems), problems)
    departments = _departments(sheets.get(columns.DEPARTMENTS), problems)
    targets = _targets(sheets.get(columns.TARGETS), problems)
    programs: tuple[Program, ...] = ()
    sheet = _needed(sheets.get(columns.PROGRAMS), columns.PROGRAMS, problems)
    if sheet is not None:
        rows = _table(sheet, columns.PROGRAM_COLUMNS, problems, budget=True)
        programs = read_programs(rows or (), DepartmentNames(departments), years_of(plan), problems)
        if rows == []:
            problems.error(sheet.title, both("workbook", "no_programs"), both("workbook", "a_row_per_program"))
        elif not problems.errors:
            check_weights(programs, sheet.title, problems)
    version = assemble(plan, departments or (), targets, programs, problems)
    return problems.answer(version, plan.get("plan"))


def years_of(plan: dict[str, Any]) -> tuple[int, int] | None:
    """First and last year of a plan, where both are known."""
    start, end = plan.get("start_year"), plan.get("end_year")
    return (start, end) if start is not None and end is not None else None


def assemble(
    plan: dict[str, Any],
    departments: tuple[Department, ...],
    targets: dict[str, Any],
    programs: tuple[Program, ...],
    problems: Problems,
) -> MasterplanVersion | None:
    """The version, where its parts have no errors."""
    if problems.errors:
        return None
    fields = {field: value for field, value in plan.items() if value is not None}
    plan_name = {"id": fields.pop("name_id"), "en": fields.pop("name_en", None)}
    plan_name["en"] = plan_name["en"] or plan_name["id"]
    fields.pop("plan")
    try:
        return MasterplanVersion.model_validate(
            {**fields, **targets, "name": plan_name, "departments": departments, "programs": programs}
        )
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            place = ".".join(str(step) for step in problem["loc"])
            problems.error(columns.PLAN.title, f"{place}: {problem['msg']}" if place else problem["msg"], "")
        return None


def read_plan_lines(lines: dict[str, SheetCell], problems: Problems) -> dict[str, Any]:
    """The plan's own fields by name: None where empty or wrong."""
    plan: dict[str, Any] = {}
    for line in columns.PLAN_LINES:
        cell = lines.get(line.field)
        if cell is None:
            if line.required:
                problems.error(columns.PLAN.title, both("workbook", "line_missing", line=line.heading), line.expected)
            plan[line.field] = None
            continue
        if cell.value == NONE_GIVEN and line.field in MAY_BE_NONE:
            plan[line.field] = None
            continue
        plan[line.field] = take(cell, line.expected, PLAN_PARSERS[line.field], problems, required=line.required)
    _check_plan(plan, lines, problems)
    return plan


def _check_plan(plan: dict[str, Any], lines: dict[str, SheetCell], problems: Problems) -> None:
    version, expects = plan["version"], plan["expects"]
    if version is not None and (expects or 0) + 1 != version:
        cell = lines.get("expects") or lines["version"]
        before = str(version - 1) if version > 1 else both("workbook", "empty")
        problems.error(cell.where, both("workbook", "not_the_version_before"), before, expects)
    start, end = plan["start_year"], plan["end_year"]
    if start is not None and end is not None and end < start:
        problems.error(lines["end_year"].where, both("workbook", "before_first_year"), both("workbook", "year_or_later", year=start), end)  # fmt: skip


def _by_kind(sheets: list[Sheet], problems: Problems) -> dict[SheetKind, Sheet]:
    found: dict[SheetKind, Sheet] = {}
    for sheet in sheets:
        kind = columns.sheet_kind(sheet.title)
        if kind is None and sheet.cells:
            expected = ", ".join(known.title for known in columns.SHEETS)
            problems.warn(sheet.title, both("workbook", "sheet_unknown"), expected)
        elif kind is not None and kind in found:
            problems.error(sheet.title, both("workbook", "sheet_twice", sheet=found[kind].title), kind.title)
        elif kind is not None:
            found[kind] = sheet
    if sheets and not found:
        problems.error("", both("workbook", "no_known_sheet"), ", ".join(k.title for k in columns.SHEETS))
    return found


def _needed(sheet: Sheet | None, kind: SheetKind, problems: Problems) -> Sheet | None:
    if sheet is None:
        problems.error(kind.title, both("workbook", "sheet_missing"), kind.title)
    elif not sheet.cells:
        problems.error(sheet.title, both("workbook", "sheet_empty"), kind.title)
        return None
    return sheet


def _lines(sheet: Sheet | None, problems: Problems) -> dict[str, SheetCell]:
    """The key/value sheet: the cell to the right of each heading we know."""
    sheet = _needed(sheet, columns.PLAN, problems)
    known = columns.by_name(columns.PLAN_LINES)
    lines: dict[str, SheetCell] = {}
    if sheet is None:
        return {line.field: SheetCell(columns.PLAN.title, "-") for line in columns.PLAN_LINES if not line.required}
    for row in sheet.rows():
        cells = sheet.row(row)
        at, head = next(((at, cell) for at, cell in enumerate(cells) if not cell.empty))
        line = known.get(text.plain(head.value))
        value = sheet.cell(row, at + 2)
        if line is None:
            if not value.empty:
                problems.error(head.where, both("workbook", "line_unknown"), ", ".join(k.heading for k in columns.PLAN_LINES), head.value)  # fmt: skip
        elif line.field in lines:
            problems.error(head.where, both("workbook", "line_twice", where=lines[line.field].where), both("workbook", "once"), head.value)  # fmt: skip
        else:
            lines[line.field] = value
    return lines


def _table(sheet: Sheet, known: tuple[Column, ...], problems: Problems, *, budget: bool = False) -> list[Row] | None:
    """The rows below a sheet's headings; None, and an error, where there are no headings."""
    candidates = [row for row in sheet.rows() if row <= HEADINGS_WITHIN]
    score, negative = max(((recognized(sheet.row(row), known), -row) for row in candidates), default=(0, 0))
    at = -negative
    if score < min(2, len(known)):
        problems.error(f"{sheet.title}!A1", both("workbook", "no_headings"), ", ".join(column.heading for column in known))  # fmt: skip
        return None
    used = {column - 1 for row, column in sheet.cells if row > at}
    found = heads(sheet.row(at), used, known, problems, budget=budget)
    rows = (found.row(_unmerged(sheet, number, found)) for number in sheet.rows() if number > at)
    return [row for row in rows if row is not None]


def _unmerged(sheet: Sheet, row: int, found: Heads) -> list[SheetCell]:
    """The cells of a row. A cell merged down counts for each of its rows where that is certain (a dimension, a
    department), and is refused elsewhere: a weight merged over three programs may be one weight or three."""
    cells = sheet.row(row)
    fields = {at: field for field, at in found.fields.items()}
    for at, cell in enumerate(cells):
        first = sheet.merged.get((row, at + 1))
        if first is None or (at not in fields and at not in found.budget.values()):
            continue
        source = sheet.cell(*first)
        if source.empty:
            continue
        if fields.get(at) in FILL_DOWN and first[1] == at + 1:
            cells[at] = source._replace(where=cell.where)
        else:
            cells[at] = SheetCell(cell.where, source.value, trouble=MERGED)
    return cells


def _departments(sheet: Sheet | None, problems: Problems) -> tuple[Department, ...] | None:
    """Every valid department; None where the sheet can't be read at all."""
    sheet = _needed(sheet, columns.DEPARTMENTS, problems)
    if sheet is None:
        return None
    key, name_id, name_en = columns.DEPARTMENT_COLUMNS
    seen: dict[str, str] = {}
    departments = []
    rows = _table(sheet, columns.DEPARTMENT_COLUMNS, problems)
    if rows == []:
        problems.error(sheet.title, both("workbook", "no_departments"), both("workbook", "a_row_per_department"))  # fmt: skip
    for row in rows or ():
        department_key = row.take(key, values.department_key, problems)
        name = row.take(name_id, values.name, problems)
        english = row.take(name_en, values.name, problems)
        if department_key is None:
            continue
        where = row.cells["key"].where
        if department_key in seen:
            problems.error(where, both("workbook", "key_twice", where=seen[department_key]), both("workbook", "once"), department_key)  # fmt: skip
            continue
        seen[department_key] = where
        departments.append(
            Department.model_validate(
                {"key": department_key, "name": {"id": name or department_key, "en": english or name or department_key}}
            )
        )
    return tuple(departments) if rows else None


def _targets(sheet: Sheet | None, problems: Problems) -> dict[str, dict[Any, Any]]:
    """`targets` and `dimension_targets`. A plan may have none: then its target is linear."""
    overall: dict[str, Any] = {}
    by_dimension: dict[Any, dict[str, Any]] = {}
    if sheet is None or not sheet.cells:
        return {"targets": overall, "dimension_targets": by_dimension}
    year_column, overall_column, *dimension_columns = columns.TARGET_COLUMNS
    seen: set[str] = set()
    cells: list[tuple[str, Row]] = []
    for row in _table(sheet, columns.TARGET_COLUMNS, problems) or ():
        year = row.take(year_column, values.year_key, problems)
        if year is not None and year in seen:
            problems.error(row.cells["year"].where, both("workbook", "year_twice"), both("workbook", "once"), year)
        elif year is not None:
            seen.add(year)
            cells.append((year, row))
    cells.sort(key=lambda entry: entry[0])
    _series(overall, overall_column, cells, problems)
    for dimension, column in zip(Dimension, dimension_columns, strict=True):
        series: dict[str, Any] = {}
        if _series(series, column, cells, problems):
            by_dimension[dimension] = series
    return {"targets": overall, "dimension_targets": by_dimension}


def _series(series: dict[str, Any], column: Column, cells: list[tuple[str, Row]], problems: Problems) -> bool:
    """Read one column of targets into `series`. Returns whether the column has any entry, even that there are none."""
    has_totals = False
    before: Any = None
    for year, row in cells:
        cell = row.cells.get(column.field)
        if cell is None or cell.empty:
            continue
        has_totals = True
        if cell.value == NONE_GIVEN:
            continue
        value = row.take(column, values.percent, problems)
        if value is None:
            continue
        if before is not None and value < before:
            problems.error(cell.where, both("workbook", "target_falls"), both("workbook", "percent_or_more", percent=before), cell.value)  # fmt: skip
        before = series[year] = value
    return has_totals
