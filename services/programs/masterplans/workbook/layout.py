"""The values of a program's row, in the order of the sheet's columns: the same for XLSX and CSV."""

from collections.abc import Mapping
from decimal import Decimal

from presentation.words import label
from schemas.masterplan import MasterplanVersion, Program
from services.programs.masterplans.workbook import columns, text

Value = str | int | Decimal | None


def budget_years(version: MasterplanVersion) -> list[str]:
    """The years that get a column: those of the plan, and any other with a ceiling."""
    of_plan = {str(year) for year in range(version.start_year, version.end_year + 1)}
    return sorted(of_plan.union(*(program.budget for program in version.programs)))


def program_values(program: Program, years: list[str], department_names: Mapping[str, str]) -> dict[str, Value]:
    """A program's values by heading. `department_names`: the name of each department, by key."""
    wins = program.quick_win_years
    of_field: dict[str, Value] = {
        "code": program.code,
        "name_id": text.encode(program.name.id),
        "name_en": text.encode(program.name.en),
        "dimension": label("dimension", program.dimension).id,
        "sub_dimension": label("sub_dimension", program.sub_dimension).id,
        "department": text.encode(department_names[program.department]),
        "supporting": text.encode_list(program.supporting) or None,
        "partners": text.encode_list(program.partners) or None,
        "weight": program.weight,
        "start_year": program.start_year,
        "finish_year": program.finish_year,
        "quick_win_years": wins[0] if len(wins) == 1 else text.LIST_SEPARATOR.join(map(str, wins)) or None,
        "priority_problem": text.encode(program.priority_problem) if program.priority_problem else None,
        "leading_sector": text.encode(program.leading_sector) if program.leading_sector else None,
    }
    ceilings: dict[str, Value] = {columns.BUDGET_HEADING.format(year=year): program.budget.get(year) for year in years}
    return {column.heading: of_field[column.field] for column in columns.PROGRAM_COLUMNS} | ceilings
