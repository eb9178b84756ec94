"""The masterplan as a planning office keeps it: an XLSX workbook, or its programs sheet as CSV. Export = import.

`read_workbook(write_workbook(plan, version)).version == version` for every version. Reading is tolerant where the
meaning is certain, and never guesses: it reports everything else at once, cell by cell. Pure: bytes in, bytes out.
"""

from services.programs.masterplans.workbook.csv_file import read_csv, write_csv
from services.programs.masterplans.workbook.problems import CellError, ReadResult
from services.programs.masterplans.workbook.read import read_workbook
from services.programs.masterplans.workbook.write import template, write_workbook

__all__ = ["CellError", "ReadResult", "read_csv", "read_workbook", "template", "write_csv", "write_workbook"]
