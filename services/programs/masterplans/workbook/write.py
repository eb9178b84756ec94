"""Writes a plan version as a workbook that a planning office can edit, print, and import again."""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.pagebreak import Break, ColBreak
from openpyxl.worksheet.worksheet import Worksheet

from presentation.words import both, label
from schemas.masterplan import Department, MasterplanVersion
from schemas.vocabulary import SUB_DIMENSIONS, Dimension
from services.programs.masterplans.workbook import columns, look, text
from services.programs.masterplans.workbook.columns import Column
from services.programs.masterplans.workbook.department_names import DepartmentNames
from services.programs.masterplans.workbook.guide import RULES
from services.programs.masterplans.workbook.layout import Value, budget_years, program_values
from services.programs.masterplans.workbook.read import NONE_GIVEN

HEADING_ROW: Final = 6  # of the programs sheet; above it the title block
SMALL_HEADING_ROW: Final = 4  # of the other tables
ROOM: Final = 500  # rows below the last program that also have the lists of choices
SAFE_INTEGER: Final = 10**15  # a spreadsheet keeps 15 digits
FIRST_EXCEL_DAY: Final = date(1900, 3, 1)  # spreadsheets disagree on earlier days
FORMULA_LIKE: Final = re.compile(r"[=+\-@]")
UNCHANGING: Final = (1980, 1, 1, 0, 0, 0)  # the time of every part, so that the same version gives the same bytes
LISTS: Final = columns.LISTS.title
PLAN_WIDTHS: Final = (38, 48, 88)
PROGRAMS_SCALE: Final = 61  # percent: three sheets of A4 side by side
TEMPLATE_YEARS: Final = (2025, 2034)


class WorkbookContent(NamedTuple):
    """The content of a workbook: of a version, or of an empty template."""

    title: str
    subtitle: str
    illustrative: bool
    lines: dict[str, Any]
    departments: Sequence[Department]
    programs: Sequence[dict[str, Value]]
    years: Sequence[str]
    target_rows: Sequence[Sequence[Value]]
    made_on: date


def write_workbook(plan: str, version: MasterplanVersion) -> bytes:
    """The workbook of a version. The same version gives the same bytes.

    Raises ValueError where a list of partners is too long for a cell.
    """
    department_names = DepartmentNames(version.departments)
    shown = {entry.key: department_names.shown(entry) for entry in version.departments}
    years = budget_years(version)
    return _bytes(
        WorkbookContent(
            title=version.name.id,
            subtitle=f"{version.city} · versi {version.version}, berlaku mulai {version.effective_from.isoformat()}",
            illustrative=version.illustrative,
            lines=_lines(plan, version),
            departments=version.departments,
            programs=[program_values(program, years, shown) for program in version.programs],
            years=years,
            target_rows=_target_rows(version),
            made_on=version.effective_from,
        )
    )


def template() -> bytes:
    """An empty workbook with every column explained."""
    first, last = TEMPLATE_YEARS
    years = [str(year) for year in range(first, last + 1)]
    return _bytes(
        WorkbookContent(
            title="Rencana induk (masterplan) smart city",
            subtitle="Isi lembar Rencana, Perangkat Daerah, Target, lalu Program",
            illustrative=False,
            lines={},
            departments=(),
            programs=(),
            years=years,
            target_rows=[[int(year)] for year in years],
            made_on=date(first, 1, 1),
        )
    )


def _lines(plan: str, version: MasterplanVersion) -> dict[str, Any]:
    return {
        "plan": plan,
        "version": version.version,
        "expects": version.expects,
        "effective_from": version.effective_from,
        "city": text.encode(version.city),
        "region_code": version.region_code,
        "name_id": text.encode(version.name.id),
        "name_en": text.encode(version.name.en),
        "start_year": version.start_year,
        "end_year": version.end_year,
        "time_zone": version.time_zone,
        "illustrative": "ya" if version.illustrative else "tidak",
        "report_due_day": version.report_due_day,
        "punctual_by_receipt_from": version.punctual_by_receipt_from,
    }


def _target_rows(version: MasterplanVersion) -> list[list[Value]]:
    """A row per year; a dimension that has its own targets, but none for any year, gets a dash."""
    series = [version.targets, *(version.dimension_targets.get(key) for key in Dimension)]
    of_plan = {str(year) for year in range(version.start_year, version.end_year + 1)}
    rows: list[list[Value]] = []
    for year in sorted(of_plan.union(*(one or {} for one in series))):
        row: list[Value] = [int(year), version.targets.get(year)]
        row += [NONE_GIVEN if one == {} and not rows else (one or {}).get(year) for one in series[1:]]
        rows.append(row)
    return rows


def _bytes(content: WorkbookContent) -> bytes:
    workbook = Workbook()
    workbook.properties.creator = "Pantau"
    workbook.properties.title = text.encode(content.title)
    first = workbook.active
    assert isinstance(first, Worksheet)
    first.title = columns.PLAN.title
    _plan_sheet(first, content)
    _departments_sheet(workbook.create_sheet(columns.DEPARTMENTS.title), content)
    _targets_sheet(workbook.create_sheet(columns.TARGETS.title), content)
    _programs_sheet(workbook.create_sheet(columns.PROGRAMS.title), content)
    _help_sheet(workbook.create_sheet(columns.HELP.title), content)
    _lists_sheet(workbook, content)
    packed = io.BytesIO()
    workbook.save(packed)
    return _unchanging(packed, content.made_on)


def _unchanging(packed: io.BytesIO, made_on: date) -> bytes:
    """The same archive without its time of creation."""
    moment = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")
    out = io.BytesIO()
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "docProps/core.xml":
                part = moment.sub(rb"\g<1>" + f"{made_on.isoformat()}T00:00:00Z".encode(), part)
            entry = zipfile.ZipInfo(name, UNCHANGING)
            target.writestr(entry, part, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def _put(sheet: Worksheet, row: int, column: int, value: Any, **style: Any) -> Cell:
    """Write a value with its own type: text stays text, whatever it begins with."""
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell)
    if isinstance(value, date) and value < FIRST_EXCEL_DAY:
        value = value.isoformat()
    if isinstance(value, int) and abs(value) > SAFE_INTEGER:
        value = str(value)
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = bool(FORMULA_LIKE.match(value))
    for name, setting in style.items():
        setattr(cell, name, setting)
    return cell


def _title(sheet: Worksheet, content: WorkbookContent, what: str) -> None:
    _put(sheet, 1, 1, text.encode(f"{what}: {content.title}"), font=look.TITLE)
    _put(sheet, 2, 1, text.encode(content.subtitle), font=look.SUBTITLE)
    if content.illustrative:
        _put(sheet, 3, 1, both("workbook", "illustrative"), font=look.NOTICE)  # fmt: skip
    sheet.row_dimensions[1].height = 21


def _headings(sheet: Worksheet, row: int, headings: Iterable[str]) -> None:
    for at, heading in enumerate(headings, start=1):
        _put(
            sheet, row, at, heading, font=look.HEADING, fill=look.HEADING_FILL, alignment=look.CENTERED, border=look.BOX
        )
    sheet.row_dimensions[row].height = 30


def _widths(sheet: Worksheet, widths: Iterable[float]) -> None:
    for at, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = width


def _plan_sheet(sheet: Worksheet, content: WorkbookContent) -> None:
    _title(sheet, content, "Rencana induk")
    for row, line in enumerate(columns.PLAN_LINES, start=5):
        value = content.lines.get(line.field)
        _put(
            sheet, row, 1, line.heading, font=look.STRONG, fill=look.LABEL_FILL, border=look.BOX, alignment=look.WRAPPED
        )
        cell = _put(sheet, row, 2, value, font=look.BODY, border=look.BOX, alignment=look.WRAPPED)
        if isinstance(value, date):
            cell.number_format = look.DATE_FORMAT
            cell.alignment = look.LEFT
        elif isinstance(value, int):
            cell.alignment = look.LEFT
        must = both("workbook", "must") if line.required else both("workbook", "may")
        remark = f"{line.expected} ({must})"
        _put(sheet, row, 3, remark, font=look.REMARK, alignment=look.WRAPPED)
        lines = max(look.lines_needed(remark, PLAN_WIDTHS[2]), look.lines_needed(str(value), PLAN_WIDTHS[1]))
        sheet.row_dimensions[row].height = look.LINE_POINTS * lines + 4
    _widths(sheet, PLAN_WIDTHS)
    look.print_landscape(sheet, 1, content.title)


def _departments_sheet(sheet: Worksheet, content: WorkbookContent) -> None:
    _title(sheet, content, "Perangkat daerah")
    _headings(sheet, SMALL_HEADING_ROW, [column.heading for column in columns.DEPARTMENT_COLUMNS])
    for row, department in enumerate(content.departments, start=SMALL_HEADING_ROW + 1):
        cells = (department.key, text.encode(department.name.id), text.encode(department.name.en))
        for at, value in enumerate(cells, start=1):
            _put(sheet, row, at, value, font=look.BODY, border=look.BOX, alignment=look.WRAPPED)
    _widths(sheet, (column.width for column in columns.DEPARTMENT_COLUMNS))
    sheet.freeze_panes = f"A{SMALL_HEADING_ROW + 1}"
    look.print_landscape(sheet, SMALL_HEADING_ROW, content.title)


def _targets_sheet(sheet: Worksheet, content: WorkbookContent) -> None:
    _title(sheet, content, "Target kumulatif per akhir tahun")
    _headings(sheet, SMALL_HEADING_ROW, [column.heading for column in columns.TARGET_COLUMNS])
    for row, values in enumerate(content.target_rows, start=SMALL_HEADING_ROW + 1):
        for at, value in enumerate([*values, *[None] * (len(columns.TARGET_COLUMNS) - len(values))], start=1):
            cell = _put(sheet, row, at, value, font=look.BODY, border=look.BOX, alignment=look.MIDDLE)
            if at > 1:
                cell.number_format = look.TARGET_FORMAT
    _widths(sheet, (column.width for column in columns.TARGET_COLUMNS))
    sheet.freeze_panes = f"B{SMALL_HEADING_ROW + 1}"
    look.print_landscape(sheet, SMALL_HEADING_ROW, content.title)


_MIDDLE_FIELDS: Final = frozenset({"code", "start_year", "finish_year", "quick_win_years"})
_PAGE_ENDS_AFTER: Final = ("department", "leading_sector")


def _programs_sheet(sheet: Worksheet, content: WorkbookContent) -> None:
    _title(sheet, content, "Daftar program")
    budget = [columns.BUDGET_HEADING.format(year=year) for year in content.years]
    known = columns.PROGRAM_COLUMNS
    _headings(sheet, HEADING_ROW, [*(column.heading for column in known), *budget])
    _widths(sheet, [*(column.width for column in known), *[columns.BUDGET_WIDTH] * len(budget)])
    first, last = HEADING_ROW + 1, HEADING_ROW + max(len(content.programs), 1)
    for row, values in enumerate(content.programs, start=first):
        _program_row(sheet, row, list(values.values()))
    _weights_total(sheet, first, last)
    _choices(sheet, first, last + ROOM, content)
    sheet.freeze_panes = f"C{first}"
    sheet.auto_filter.ref = f"A{HEADING_ROW}:{get_column_letter(len(known) + len(budget))}{last}"
    look.print_landscape(sheet, HEADING_ROW, content.title, scale=PROGRAMS_SCALE)
    sheet.print_title_cols = "A:B"
    sheet.col_breaks = ColBreak()
    for field in _PAGE_ENDS_AFTER:
        sheet.col_breaks.append(Break(id=_at(field)))


def _at(field: str) -> int:
    """The position of a field's column, from 1."""
    return next(at for at, column in enumerate(columns.PROGRAM_COLUMNS, start=1) if column.field == field)


def _program_row(sheet: Worksheet, row: int, values: list[Value]) -> None:
    known = columns.PROGRAM_COLUMNS
    lines = 1
    for at, value in enumerate(values, start=1):
        column: Column | None = known[at - 1] if at <= len(known) else None
        cell = _put(sheet, row, at, value, font=look.BODY, border=look.BOX, alignment=look.WRAPPED)
        if column is None:
            cell.number_format = look.MONEY_FORMAT
        elif isinstance(value, Decimal):
            cell.number_format = look.WEIGHT_FORMAT
        elif isinstance(value, str):
            lines = max(lines, look.lines_needed(value, column.width))
        if column is not None and column.field in _MIDDLE_FIELDS:
            cell.alignment = look.MIDDLE
    if values[_at("quick_win_years") - 1] is not None:
        for field in ("code", "quick_win_years"):
            sheet.cell(row, _at(field)).fill = look.QUICK_WIN_FILL
    sheet.row_dimensions[row].height = look.LINE_POINTS * min(lines, 12) + 2


def _weights_total(sheet: Worksheet, first: int, last: int) -> None:
    """The sum of the weights, above the headings, where no import reads it as a program."""
    record = get_column_letter(_at("weight"))
    _put(sheet, HEADING_ROW - 1, 1, "Baris berwarna kuning: program percepatan (Quick Win)", font=look.SUBTITLE)
    _put(sheet, HEADING_ROW - 1, _at("weight") - 1, "Jumlah bobot", font=look.STRONG, alignment=look.MIDDLE)
    total = sheet.cell(HEADING_ROW - 1, _at("weight"))
    total.value = f"=SUM({record}{first}:{record}{last})"
    total.font, total.number_format = look.STRONG, look.WEIGHT_FORMAT


def _choices(sheet: Worksheet, first: int, last: int, content: WorkbookContent) -> None:
    """Lists of choices, and bounds of numbers. They help while typing; the import checks everything again."""
    dimension = get_column_letter(_at("dimension"))
    rules = [
        ("dimension", DataValidation("list", formula1=f"{LISTS}!$A$2:$A${1 + len(Dimension)}")),
        ("sub_dimension", DataValidation("list", formula1=f'INDIRECT(SUBSTITUTE(${dimension}{first}," ","_"))')),
        ("weight", DataValidation("decimal", operator="between", formula1="0", formula2="100")),
        ("start_year", DataValidation("whole", operator="between", formula1="2000", formula2="2100")),
        ("finish_year", DataValidation("whole", operator="between", formula1="2000", formula2="2100")),
    ]
    if content.departments:
        end = 1 + len(content.departments)
        rules.append(("department", DataValidation("list", formula1=f"{LISTS}!$B$2:$B${end}")))
    by_field = {column.field: column for column in columns.PROGRAM_COLUMNS}
    for field, rule in rules:
        record = get_column_letter(_at(field))
        rule.allow_blank = True
        rule.showErrorMessage = True
        rule.errorTitle = by_field[field].heading
        rule.error = by_field[field].expected[:220]
        rule.add(f"{record}{first}:{record}{last}")
        sheet.add_data_validation(rule)


def _lists_sheet(workbook: Workbook, content: WorkbookContent) -> None:
    """A hidden sheet with the entries of the lists: dimensions, departments, and the sub-dimensions of each dimension,
    as a named range whose name is made from the dimension's label."""
    sheet = workbook.create_sheet(LISTS)
    sheet.sheet_state = "hidden"
    department_names = DepartmentNames(content.departments)
    offered: dict[str, list[str]] = {
        "Dimensi": [label("dimension", key).id for key in Dimension],
        "Perangkat daerah": [text.encode(department_names.shown(department)) for department in content.departments],
    }
    for dimension in Dimension:
        of_it = [key for key, of in SUB_DIMENSIONS.items() if of is dimension]
        offered[label("dimension", dimension).id] = [label("sub_dimension", key).id for key in of_it]
    for at, (heading, items) in enumerate(offered.items(), start=1):
        _put(sheet, 1, at, heading, font=look.STRONG)
        for row, item in enumerate(items, start=2):
            _put(sheet, row, at, item, font=look.BODY)
        record = get_column_letter(at)
        if at > 2:
            name = heading.replace(" ", "_")
            workbook.defined_names[name] = DefinedName(
                name, attr_text=f"{LISTS}!${record}$2:${record}${1 + len(items)}"
            )
        sheet.column_dimensions[record].width = 32


def _help_sheet(sheet: Worksheet, content: WorkbookContent) -> None:
    _title(sheet, content, "Petunjuk pengisian")
    row = 5
    for rule in RULES:
        _put(sheet, row, 1, rule, font=look.BODY, alignment=look.WRAPPED)
        sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=5)
        sheet.row_dimensions[row].height = look.LINE_POINTS * look.lines_needed(rule, 150) + 3
        row += 1
    row += 1
    _headings(sheet, row, ("Lembar", "Kolom", "Wajib", "Isi yang diterima", "Contoh"))
    money = Column(
        "budget", columns.BUDGET_HEADING.format(year="<tahun>"), (), columns.BUDGET_EXPECTED, "1250000000", 0
    )
    explained = (
        *((columns.PLAN, column) for column in columns.PLAN_LINES),
        *((columns.DEPARTMENTS, column) for column in columns.DEPARTMENT_COLUMNS),
        *((columns.TARGETS, column) for column in columns.TARGET_COLUMNS),
        *((columns.PROGRAMS, column) for column in (*columns.PROGRAM_COLUMNS, money)),
    )
    for kind, column in explained:
        row += 1
        must = "ya" if column.required else ""
        cells = (kind.title, column.heading, must, column.expected, column.example)
        for at, value in enumerate(cells, start=1):
            _put(sheet, row, at, value, font=look.BODY, border=look.BOX, alignment=look.WRAPPED)
        sheet.row_dimensions[row].height = look.LINE_POINTS * look.lines_needed(column.expected, 70) + 2
    _widths(sheet, (18, 38, 8, 70, 32))
    look.print_landscape(sheet, 1, content.title)
