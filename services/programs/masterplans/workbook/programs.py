"""Converts rows of the programs sheet, or of its CSV form, to programs of a plan."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from presentation.words import both, label
from schemas.masterplan import Program
from schemas.vocabulary import SUB_DIMENSIONS, Dimension
from services.programs.masterplans.workbook import columns, values
from services.programs.masterplans.workbook.columns import PROGRAM_COLUMNS
from services.programs.masterplans.workbook.department_names import DepartmentNames
from services.programs.masterplans.workbook.problems import Problems
from services.programs.masterplans.workbook.table import Row, take
from services.programs.masterplans.workbook.values import Parser

_COLUMNS: Final = {column.field: column for column in PROGRAM_COLUMNS}
MOST_PROGRAMS: Final = 20_000


def _parsers(department_names: DepartmentNames) -> dict[str, Parser]:
    return {
        "code": values.code,
        "name_id": values.name,
        "name_en": values.name,
        "dimension": values.dimension,
        "sub_dimension": values.sub_dimension,
        "department": department_names.one,
        "supporting": department_names.several,
        "partners": values.names,
        "weight": values.weight,
        "start_year": values.year,
        "finish_year": values.year,
        "quick_win_years": values.years,
        "priority_problem": values.name,
        "leading_sector": values.name,
    }


def read_programs(
    rows: Iterable[Row], department_names: DepartmentNames, years: tuple[int, int] | None, problems: Problems
) -> tuple[Program, ...]:
    """Every valid program, in the order of the rows; the errors of the others go to `problems`.

    `years`: first and last year of the plan, where they are known.
    """
    parsers = _parsers(department_names)
    programs: list[Program] = []
    first_seen: dict[str, str] = {}
    borrowed = 0
    for row in rows:
        if row.is_total:
            continue
        if len(programs) >= MOST_PROGRAMS:
            problems.error(row.first.where, both("workbook", "too_many_programs"), both("workbook", "at_most", most=MOST_PROGRAMS))  # fmt: skip
            break
        before = len(problems.errors)
        found = {field: row.take(column, parsers[field], problems) for field, column in _COLUMNS.items()}
        budget = {
            year: amount
            for year, cell in row.budget.items()
            if (amount := take(cell, columns.BUDGET_EXPECTED, values.rupiah, problems)) is not None
        }
        _check(row, found, years, first_seen, problems)
        if len(problems.errors) > before:
            continue
        if found["name_en"] is None:
            borrowed += 1
        program = _program(row, found, budget, problems)
        if program is not None:
            programs.append(program)
    if borrowed:
        problems.warn(
            _COLUMNS["name_en"].heading,
            both("workbook", "programs_without_english", programs=borrowed),
            _COLUMNS["name_en"].expected,
        )
    return tuple(programs)


def _check(
    row: Row, found: dict[str, Any], years: tuple[int, int] | None, first_seen: dict[str, str], problems: Problems
) -> None:
    """Check the values of a row against each other."""

    def wrong(field: str, what: str, expected: str) -> None:
        cell = row.cells[field]
        problems.error(cell.where, what, expected, cell.value)

    code, dimension, sub = found["code"], found["dimension"], found["sub_dimension"]
    if code is not None:
        where = row.cells["code"].where
        if code in first_seen:
            wrong("code", both("workbook", "code_twice", where=first_seen[code]), both("workbook", "a_code_of_its_own"))  # fmt: skip
        first_seen.setdefault(code, where)
    if dimension is not None and sub is not None and SUB_DIMENSIONS[sub] is not dimension:
        wrong("sub_dimension", both("workbook", "not_of_dimension", dimension=label("dimension", dimension)), _subs_of(dimension))  # fmt: skip
    start, finish = found["start_year"], found["finish_year"]
    if start is not None and finish is not None and finish < start:
        wrong("finish_year", both("workbook", "before_start_year"), both("workbook", "year_or_later", year=start))  # fmt: skip
    if years is not None:
        span = both("workbook", "within_years", first=years[0], last=years[1])
        if start is not None and start < years[0]:
            wrong("start_year", both("workbook", "before_the_plan"), span)
        if finish is not None and finish > years[1]:
            wrong("finish_year", both("workbook", "after_the_plan"), span)


def _subs_of(dimension: Dimension) -> str:
    return ", ".join(label("sub_dimension", key).id for key, of in SUB_DIMENSIONS.items() if of is dimension)


def _program(row: Row, found: dict[str, Any], budget: dict[str, int], problems: Problems) -> Program | None:
    names = {"id": found.pop("name_id"), "en": found.pop("name_en")}
    names["en"] = names["en"] or names["id"]
    lists = {field: found.pop(field) or () for field in ("supporting", "partners", "quick_win_years")}
    try:
        return Program.model_validate({**found, **lists, "name": names, "budget": budget})
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            column = _COLUMNS.get(str(problem["loc"][0]) if problem["loc"] else "code", _COLUMNS["code"])
            where = row.cells[column.field].where if column.field in row.cells else row.first.where
            problems.error(where, problem["msg"], column.expected, problem["input"])
        return None


def check_weights(programs: tuple[Program, ...], where: str, problems: Problems) -> None:
    """Warn where the weights do not sum to 100: the plan is accepted, but has no weighted figure (domain.md)."""
    total = sum((program.weight for program in programs), Decimal())
    if total != 100:
        problems.warn(where, both("workbook", "weights_not_100"), "100", f"{total:f}")  # fmt: skip
