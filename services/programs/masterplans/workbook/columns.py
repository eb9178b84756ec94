"""The sheets and columns of the workbook: the names that are written, and the aliases that are also recognized.

Headings are compared by `text.plain`: case, spaces, punctuation and brackets don't matter.
"""

import re
from typing import NamedTuple

from presentation.words import both, label
from schemas.vocabulary import SUB_DIMENSIONS, Dimension
from services.programs.masterplans.workbook.text import plain


class Column(NamedTuple):
    """One column, or one line of the key/value sheet. `aliases` are in the form `plain` gives."""

    field: str
    heading: str
    aliases: tuple[str, ...]
    expected: str
    example: str
    width: float
    required: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (plain(self.heading), *self.aliases)


class SheetKind(NamedTuple):
    """A sheet: its name, and what else it may be called."""

    title: str
    aliases: tuple[str, ...]


PLAN = SheetKind("Rencana", ("plan", "masterplan", "rencana induk"))
PROGRAMS = SheetKind("Program", ("programs", "daftar program", "program list"))
DEPARTMENTS = SheetKind("Perangkat Daerah", ("opd", "departments", "department", "daftar perangkat daerah"))
TARGETS = SheetKind("Target", ("targets", "target tahunan", "yearly targets"))
HELP = SheetKind("Petunjuk", ("instructions", "help"))
LISTS = SheetKind("Daftar", ("lists",))

SHEETS = (PLAN, PROGRAMS, DEPARTMENTS, TARGETS, HELP, LISTS)

YEAR = both("workbook", "a_year")
YES_NO = both("workbook", "yes_or_no")
DATE = both("workbook", "a_date")
PERCENT = both("workbook", "a_percentage")
SEVERAL = both("workbook", "separated_by_semicolons")

PLAN_LINES = (
    Column("plan", "Kode rencana", ("plan", "plan id", "id rencana"), both("workbook", "a_key"), "kota-contoh-2025-2034", 0, required=True),
    Column("version", "Versi", ("version", "nomor versi"), both("workbook", "a_number_from_1"), "1", 0, required=True),
    Column("expects", "Menggantikan versi", ("expects", "replaces", "replaces version"), both("workbook", "the_version_before"), "", 0),
    Column("effective_from", "Berlaku mulai", ("effective from", "mulai berlaku"), DATE, "2025-01-01", 0, required=True),
    Column("city", "Kota", ("city", "kota kabupaten", "kabupaten"), both("workbook", "the_name_of_the_city"), "Kota Contoh", 0, required=True),
    Column("region_code", "Kode wilayah", ("region code", "kode wilayah kemendagri"), both("workbook", "a_region_code"), "61.71", 0),
    Column("name_id", "Nama rencana", ("name id", "name indonesian", "nama rencana indonesia"), both("workbook", "text"), "Contoh Smart City 2025-2034", 0, required=True),
    Column("name_en", "Nama rencana (Inggris)", ("name en", "name english", "plan name english"), both("workbook", "text"), "Example Smart City 2025-2034", 0),
    Column("start_year", "Tahun mulai", ("start year", "first year"), YEAR, "2025", 0, required=True),
    Column("end_year", "Tahun selesai", ("end year", "last year", "tahun akhir"), YEAR, "2034", 0, required=True),
    Column("time_zone", "Zona waktu", ("time zone", "timezone"), "Asia/Jakarta, Asia/Pontianak, Asia/Makassar, Asia/Jayapura", "Asia/Jakarta", 0),
    Column("illustrative", "Data ilustratif", ("illustrative", "ilustratif"), YES_NO, "tidak", 0),
    Column("report_due_day", "Tanggal batas lapor", ("report due day", "due day", "batas lapor"), both("workbook", "a_day_of_the_next_month"), "10", 0),
    Column("punctual_by_receipt_from", "Ketepatan dinilai dari penerimaan sejak", ("punctual by receipt from",), DATE + "; " + both("workbook", "may_be_empty"), "", 0),
)  # fmt: skip

PROGRAM_COLUMNS = (
    Column("code", "Kode", ("code", "kode program", "program code", "program"), both("workbook", "a_program_code"), "GOV-001", 10, required=True),
    Column("name_id", "Nama program", ("name", "nama", "name id", "program name", "name indonesian"), both("workbook", "text"), "Mal Pelayanan Publik", 44, required=True),
    Column("name_en", "Nama program (Inggris)", ("name en", "name english", "program name english", "nama inggris"), both("workbook", "text"), "Public Service Mall", 38),
    Column("dimension", "Dimensi", ("dimension",), ", ".join(label("dimension", key).id for key in Dimension), "Tata kelola", 13, required=True),
    Column("sub_dimension", "Subdimensi", ("sub dimensi", "sub dimension", "subdimension"), both("workbook", "a_sub_dimension"), "Layanan publik", 20, required=True),
    Column("department", "Perangkat daerah", ("department", "opd", "opd penanggung jawab", "perangkat daerah penanggung jawab", "lead department"), both("workbook", "a_department"), "dpmptsp", 30, required=True),
    Column("supporting", "Perangkat daerah pendukung", ("supporting", "supporting departments", "opd pendukung"), f"kunci atau nama, {SEVERAL}", "diskominfo; setda", 20),
    Column("partners", "Mitra", ("partners", "partner", "mitra kerja"), SEVERAL, "Ombudsman RI", 24),
    Column("weight", "Bobot (%)", ("weight", "bobot persen"), both("workbook", "a_weight"), "0,25", 9, required=True),
    Column("start_year", "Tahun mulai", ("start year", "mulai", "start"), YEAR, "2025", 8, required=True),
    Column("finish_year", "Tahun selesai", ("finish year", "selesai", "finish", "tahun akhir", "end year"), YEAR, "2026", 8, required=True),
    Column("quick_win_years", "Quick Win", ("quick win years", "program percepatan", "program percepatan quick win", "tahun quick win"), f"tahun, {SEVERAL}", "2025", 10),
    Column("priority_problem", "Masalah prioritas", ("priority problem",), both("workbook", "text"), "Genangan dan banjir", 20),
    Column("leading_sector", "Sektor unggulan", ("leading sector",), both("workbook", "text"), "Perdagangan dan jasa", 20),
)  # fmt: skip
BUDGET_HEADING = "Pagu {year} (Rp)"
BUDGET_EXPECTED = both("workbook", "whole_rupiah")
BUDGET_WIDTH = 12.5
_BUDGET = re.compile(
    r"(?:pagu|pagu anggaran|anggaran|budget|budget ceiling|ceiling)(?: tahun)? (2[01]\d\d)(?: rp| rupiah)?"
)

DEPARTMENT_COLUMNS = (
    Column("key", "Kunci", ("key", "kode", "department", "kunci opd"), both("workbook", "a_department_key"), "diskominfo", 24, required=True),
    Column("name_id", "Nama perangkat daerah", ("name", "nama", "name id", "name indonesian"), both("workbook", "text"), "Dinas Komunikasi dan Informatika", 58, required=True),
    Column("name_en", "Nama perangkat daerah (Inggris)", ("name en", "name english", "nama inggris"), both("workbook", "text"), "Communication and Informatics Office", 58),
)  # fmt: skip

OVERALL = "overall"
TARGET_COLUMNS = (
    Column("year", "Tahun", ("year",), YEAR, "2025", 10, required=True),
    Column(OVERALL, "Keseluruhan (%)", ("overall", "target", "seluruh program", "target kumulatif"), PERCENT, "10", 16),
    *(
        Column(key.value, f"{label('dimension', key).id} (%)", (plain(label("dimension", key).en), key.value), PERCENT, "", 14)
        for key in Dimension
    ),
)  # fmt: skip

IGNORED = frozenset({"no", "nomor", "nr", "number"})  # running numbers are ignored
REMARKS = frozenset({"keterangan", "catatan", "remarks", "notes", "note"})  # not stored, with a warning
TOTALS = frozenset({"jumlah", "total", "jumlah total", "total jumlah", "grand total", "jumlah bobot", "total bobot"})


def by_name(columns: tuple[Column, ...]) -> dict[str, Column]:
    """Every name of a column."""
    return {name: column for column in columns for name in column.names}


def budget_year(heading: object) -> str | None:
    """The fiscal year of a heading like "Pagu 2021 (Rp)"."""
    found = _BUDGET.fullmatch(plain(heading))
    return found[1] if found else None


def sheet_kind(title: str) -> SheetKind | None:
    """The kind of sheet that a title names."""
    name = plain(title)
    return next((kind for kind in SHEETS if name in {plain(kind.title), *kind.aliases}), None)


def _vocabulary() -> tuple[dict[str, Dimension], dict[str, str]]:
    dimensions = {
        name: key
        for key in Dimension
        for word in (key.value, *label("dimension", key))
        for name in (plain(word), f"smart {plain(word)}")
    }
    subs = {
        plain(word): key for key in SUB_DIMENSIONS for word in (key.replace("_", " "), *label("sub_dimension", key))
    }
    return dimensions, subs | {"tata kelola sampah limbah": "waste"}


DIMENSION_NAMES, SUB_DIMENSION_NAMES = _vocabulary()
