"""Reads a workbook's bytes as sheets of cells: limited in size, formulas by their last value, hidden rows included."""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from presentation.words import both
from schemas.topics import MIB
from services.programs.masterplans.workbook.problems import Expectation, Problems
from services.programs.masterplans.workbook.values import Raw, SheetCell

LIMIT: Final = 16 * MIB
UNPACKED_LIMIT: Final = 96 * MIB  # 20,000 programs need about 40
MEMBERS_LIMIT: Final = 2_000
_CHUNK: Final = 256 * 1024
_DOCTYPE = re.compile("|".join(re.escape(word) for word in ("<!DOCTYPE", "<!ENTITY")).encode(), re.IGNORECASE)
_LONGEST: Final = 20  # bytes of a forbidden word in UTF-16, so that one split over two chunks is found

FILL_DOWN: Final = frozenset({"dimension", "sub_dimension", "department", "supporting", "priority_problem", "leading_sector"})  # fmt: skip
AN_XLSX = both("workbook", "an_xlsx_file")
NO_VALUE = Expectation(both("workbook", "formula_without_value"), both("workbook", "a_value"))  # fmt: skip
FAILED = Expectation(both("workbook", "formula_failed"), both("workbook", "a_value"))
MERGED = Expectation(both("workbook", "merged_cell"), both("workbook", "a_value_per_row"))  # fmt: skip


class Sheet(NamedTuple):
    """One sheet: its cells that are not empty, by row and column (1 is the first), and which of them are merged."""

    title: str
    cells: dict[tuple[int, int], SheetCell]
    merged: dict[tuple[int, int], tuple[int, int]]  # cell -> the first cell of its merged range

    def cell(self, row: int, column: int) -> SheetCell:
        found = self.cells.get((row, column))
        return found or SheetCell(f"{self.title}!{get_column_letter(column)}{row}")

    @property
    def width(self) -> int:
        return max((column for _, column in self.cells), default=0)

    def rows(self) -> Iterator[int]:
        """The numbers of rows that are not empty."""
        yield from sorted({row for row, _ in self.cells})

    def row(self, number: int) -> list[SheetCell]:
        return [self.cell(number, column) for column in range(1, self.width + 1)]


def open_sheets(data: bytes, problems: Problems) -> list[Sheet]:
    """The sheets of a workbook; empty when the bytes are not a workbook, with an error in `problems`."""
    trouble = _unfit(data)
    if trouble is not None:
        problems.error("", *trouble)
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about drawings and extensions we don't read
            written = load_workbook(io.BytesIO(data), keep_links=False)
            formulas = any(cell.data_type == "f" for sheet in written.worksheets for cell in _held(sheet))
            computed = load_workbook(io.BytesIO(data), keep_links=False, data_only=True) if formulas else written
    except Exception as error:
        problems.error("", both("workbook", "broken_file"), AN_XLSX, type(error).__name__)
        return []
    return [_sheet(sheet, computed) for sheet in written.worksheets]


def _unfit(data: bytes) -> tuple[str, str] | None:
    """Why these bytes are not opened at all."""
    if len(data) > LIMIT:
        return both("workbook", "file_too_large"), both("workbook", "at_most_mib", mib=LIMIT // MIB)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return both("workbook", "old_or_locked"), AN_XLSX
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_LIMIT or sum(member.file_size for member in members) > UNPACKED_LIMIT:
                return (
                    both("workbook", "content_too_large"),
                    both("workbook", "at_most_mib", mib=UNPACKED_LIMIT // MIB),
                )
            if "[Content_Types].xml" not in archive.namelist():
                return both("workbook", "not_a_workbook"), AN_XLSX
            if any(_declares_entities(archive, member) for member in members):
                return both("workbook", "forbidden_xml"), AN_XLSX
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError, zlib.error):
        return both("workbook", "not_a_workbook"), AN_XLSX
    return None


def _declares_entities(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether a part declares a document type: no valid workbook does, but an XML bomb does.

    Reads the part whole, so that a part larger than declared is found here: zipfile then raises BadZipFile.
    """
    xml = member.filename.lower().endswith((".xml", ".rels"))
    with archive.open(member) as part:
        tail = b""
        while chunk := part.read(_CHUNK):
            if xml and _DOCTYPE.search((tail + chunk).replace(b"\0", b"")):
                return True
            tail = chunk[-_LONGEST:]
    return False


def _held(sheet: Worksheet) -> Iterator[Any]:
    """The cells of a sheet. Not `iter_rows`, which makes a cell for every position up to the last one."""
    yield from sheet._cells.values()


def _sheet(sheet: Worksheet, computed: Workbook) -> Sheet:
    values = {(cell.row, cell.column): cell for cell in _held(computed[sheet.title])}
    cells = {}
    for cell in _held(sheet):
        at = (cell.row, cell.column)
        where = f"{sheet.title}!{get_column_letter(cell.column)}{cell.row}"
        value: Raw = values[at].value if at in values else None
        if cell.data_type == "f" and value is None:
            cells[at] = SheetCell(where, str(cell.value), trouble=NO_VALUE)
        elif values.get(at, cell).data_type == "e":
            cells[at] = SheetCell(where, str(value), trouble=FAILED)
        elif value is not None:
            cells[at] = SheetCell(where, value, percent="%" in (cell.number_format or ""))
    merged = {}
    for span in sheet.merged_cells.ranges:
        for row in range(span.min_row, min(span.max_row, span.min_row + 20_000) + 1):
            for column in range(span.min_col, min(span.max_col, span.min_col + 200) + 1):
                merged[row, column] = (span.min_row, span.min_col)
    return Sheet(sheet.title, cells, merged)
