"""How the workbook looks: fonts, fills, borders, number formats, and paper."""

from typing import Final

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

FONT: Final = "Calibri"
TITLE: Final = Font(name=FONT, size=14, bold=True, color="1F3864")
SUBTITLE: Final = Font(name=FONT, size=10, color="44546A")
REMARK: Final = Font(name=FONT, size=9, italic=True, color="44546A")
NOTICE: Final = Font(name=FONT, size=10, bold=True, color="9C0006")
HEADING: Final = Font(name=FONT, size=9, bold=True, color="FFFFFF")
BODY: Final = Font(name=FONT, size=9)
STRONG: Final = Font(name=FONT, size=9, bold=True)

HEADING_FILL: Final = PatternFill("solid", fgColor="1F3864")
LABEL_FILL: Final = PatternFill("solid", fgColor="E8EDF4")
QUICK_WIN_FILL: Final = PatternFill("solid", fgColor="FFE699")

_LINE = Side(style="thin", color="A6B1C2")
BOX: Final = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)

CENTERED: Final = Alignment(horizontal="center", vertical="center", wrap_text=True)
WRAPPED: Final = Alignment(vertical="top", wrap_text=True)
LEFT: Final = Alignment(horizontal="left", vertical="top", wrap_text=True)
MIDDLE: Final = Alignment(horizontal="center", vertical="top", wrap_text=True)

MONEY_FORMAT: Final = "#,##0"
WEIGHT_FORMAT: Final = "0.0000"
TARGET_FORMAT: Final = "0.00"
DATE_FORMAT: Final = "[$-421]d mmmm yyyy"  # in Indonesian: 1 Juli 2021
TEXT_FORMAT: Final = "@"

LINE_POINTS: Final = 12.5  # height of one line of 9 points
A4: Final = "9"


def lines_needed(text: str, width: float) -> int:
    """About how many lines a text of 9 points takes in a column, whose width is in characters of 11 points."""
    return sum(1 + int((len(line) - 1) / max(width * 1.22, 1)) for line in text.split("\n"))


def print_landscape(sheet: Worksheet, heading_row: int, footer: str, *, scale: int | None = None) -> None:
    """A4 landscape with the headings on every page; one page wide unless a scale in percent is given."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = A4
    if scale is None:
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    else:
        sheet.page_setup.scale = scale
    sheet.print_title_rows = f"{heading_row}:{heading_row}"
    margins = sheet.page_margins
    margins.left = margins.right = 0.4
    margins.top, margins.bottom = 0.5, 0.6
    below = sheet.oddFooter
    assert below is not None and below.left is not None and below.right is not None
    below.left.text = "".join(record for record in footer if record.isprintable() and record != "&")[:120]  # & commands
    below.right.text = "Halaman &P dari &N"
    below.left.size = below.right.size = 8
