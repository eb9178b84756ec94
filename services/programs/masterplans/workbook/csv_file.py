"""The programs sheet as CSV; the plan's own fields are passed separately.

Read: UTF-8 or UTF-16, separated by comma, semicolon or tab. Written: UTF-8 with semicolons and decimal commas, as a
spreadsheet set to Indonesian opens it.
"""

import csv
import io
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from presentation.words import both
from schemas.masterplan import Department, MasterplanVersion, Names, Program
from schemas.sources import ORGANIZATION
from schemas.topics import MIB
from services.programs.masterplans.workbook import columns, text
from services.programs.masterplans.workbook.department_names import DepartmentNames
from services.programs.masterplans.workbook.layout import budget_years, program_values
from services.programs.masterplans.workbook.problems import Problems, ReadResult
from services.programs.masterplans.workbook.programs import check_weights, read_programs
from services.programs.masterplans.workbook.read import assemble, read_plan_lines, years_of
from services.programs.masterplans.workbook.sheets import LIMIT
from services.programs.masterplans.workbook.table import Row, heads, recognized
from services.programs.masterplans.workbook.values import SheetCell

SEPARATORS: Final = (";", ",", "\t")
A_CSV = both("workbook", "a_csv_file")


def read_csv(data: bytes, fields: Mapping[str, str], current: MasterplanVersion | None = None) -> ReadResult:
    """Read a CSV file of programs, with the plan's own `fields` (named as in `columns.PLAN_LINES`).

    Departments, targets and missing `fields` are taken from `current`, the version that is replaced. Without one, the
    departments are the keys in the file.
    """
    problems = Problems()
    given = {field: SheetCell(f"?{field}", value) for field, value in fields.items()}
    for field in given.keys() - {line.field for line in columns.PLAN_LINES}:
        problems.error(f"?{field}", both("workbook", "unknown"), ", ".join(line.field for line in columns.PLAN_LINES))
    plan = read_plan_lines({**_carried(current), **given}, problems)
    records = _records(data, problems)
    departments = current.departments if current else ()
    programs: tuple[Program, ...] = ()
    if records:
        used = {at for record in records[1:] for at, cell in enumerate(record) if not cell.empty}
        found = heads(records[0], used, columns.PROGRAM_COLUMNS, problems, budget=True)
        rows = [row for record in records[1:] if (row := found.row(record)) is not None]
        if current is None:
            departments = _named_in(rows, problems)
        department_names = DepartmentNames(departments)
        programs = read_programs(rows, department_names, years_of(plan), problems)
        if not rows:
            problems.error("baris 2", both("workbook", "no_programs"), both("workbook", "a_row_per_program"))
        elif not problems.errors:
            check_weights(programs, columns.PROGRAM_COLUMNS[8].heading, problems)
    targets = {
        "targets": current.targets if current else {},
        "dimension_targets": current.dimension_targets if current else {},
    }
    return problems.answer(assemble(plan, departments, targets, programs, problems), plan["plan"])


def _named_in(rows: list[Row], problems: Problems) -> tuple[Department, ...]:
    """The departments whose keys are in the rows. A CSV file lacks their names, which is a warning."""
    keys: dict[str, None] = {}
    for row in rows:
        for field in ("department", "supporting"):
            cell = row.cells.get(field)
            if cell is not None and isinstance(cell.value, str):
                keys |= dict.fromkeys(key for key in text.decode_list(cell.value) if re.fullmatch(ORGANIZATION, key))
    if keys:
        problems.warn("CSV", both("workbook", "departments_without_names"), "XLSX", ", ".join(keys))  # fmt: skip
    return tuple(Department(key=key, name=Names(id=key, en=key)) for key in keys)


def _carried(current: MasterplanVersion | None) -> dict[str, SheetCell]:
    """The fields taken from the previous version unless they are given: all but the version numbers and the date of
    effect."""
    if current is None:
        return {}
    values: dict[str, Any] = {
        "city": current.city,
        "region_code": current.region_code,
        "name_id": current.name.id,
        "name_en": current.name.en,
        "start_year": current.start_year,
        "end_year": current.end_year,
        "time_zone": current.time_zone,
        "illustrative": current.illustrative,
        "report_due_day": current.report_due_day,
        "punctual_by_receipt_from": current.punctual_by_receipt_from,
    }
    return {
        field: SheetCell(f"?{field}", text.encode(value) if isinstance(value, str) else value)
        for field, value in values.items()
    }


def _records(data: bytes, problems: Problems) -> list[list[SheetCell]]:
    """The records of a file, each of the same length, its headings first; empty where there are none."""
    written = _decoded(data, problems)
    if written is None:
        return []
    best: list[list[SheetCell]] = []
    most = 0
    for separator in SEPARATORS:
        records = _separated(written, separator)
        score = recognized(records[0], columns.PROGRAM_COLUMNS) if records else 0
        if score > most:
            best, most = records, score
    if most < 2:
        problems.error("baris 1", both("workbook", "no_headings"), ", ".join(column.heading for column in columns.PROGRAM_COLUMNS))  # fmt: skip
        return []
    return best


def _decoded(data: bytes, problems: Problems) -> str | None:
    if len(data) > LIMIT:
        problems.error("", both("workbook", "file_too_large"), both("workbook", "at_most_mib", mib=LIMIT // MIB))
        return None
    try:
        written = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError as error:
        problems.error(both("workbook", "at_byte", byte=error.start), both("workbook", "not_utf_8"), A_CSV)
        return None
    if "\0" in written:
        problems.error("", both("workbook", "not_csv"), A_CSV)
        return None
    first, _, rest = written.partition("\n")
    return rest if first.strip().casefold() in {"sep=;", "sep=,", "sep=\t", "sep="} else written


def _separated(written: str, separator: str) -> list[list[SheetCell]]:
    """Every record that is not empty. Its line is that of its first character."""
    reader = csv.reader(io.StringIO(written, newline=""), delimiter=separator)
    records: list[list[SheetCell]] = []
    line = 1
    try:
        for record in reader:
            if any(value.strip() for value in record):
                cells = enumerate(record, start=1)
                records.append([SheetCell(f"baris {line}, kolom {at}", text.armed(value)) for at, value in cells])
            line = reader.line_num + 1
    except csv.Error:
        return []
    wide = max((len(record) for record in records), default=0)
    return [
        [*record, *(SheetCell(f"{_line(record)}, kolom {at + 1}") for at in range(len(record), wide))]
        for record in records
    ]


def _line(record: list[SheetCell]) -> str:
    return record[0].where.partition(",")[0]


def write_csv(version: MasterplanVersion) -> bytes:
    """The programs of a version. Text that a spreadsheet would interpret as a formula is escaped."""
    years = budget_years(version)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    department_names = DepartmentNames(version.departments)
    headings = None
    for program in version.programs:
        values = program_values(
            program, years, {entry.key: department_names.shown(entry) for entry in version.departments}
        )
        if headings is None:
            headings = list(values)
            writer.writerow(headings)
        writer.writerow([_written(value) for value in values.values()])
    return out.getvalue().encode("utf-8-sig")


def _written(value: str | int | Decimal | None) -> str:
    match value:
        case None:
            return ""
        case str():
            return text.defused(value)
        case Decimal():
            return f"{value:f}".replace(".", ",")
    return str(value)
