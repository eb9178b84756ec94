"""The sheets, their columns, and what each is called: written as a planning office would, recognized in several ways.

Headings are compared by `text.plain`: case, spaces, punctuation and brackets don't matter.
"""

import re
from typing import NamedTuple

from schemas.vocabulary import DIMENSIONS, SUB_DIMENSIONS, Dimension
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

YEAR = "tahun empat angka / a year of four digits"
YES_NO = "ya atau tidak / yes or no"
DATE = "tanggal, misalnya 2021-07-01 atau 1 Juli 2021 / a date like 2021-07-01"
PERCENT = "angka 0 sampai 100 / a number from 0 to 100"
SEVERAL = "dipisahkan titik koma / separated by semicolons"

PLAN_LINES = (
    Column("plan", "Kode rencana", ("plan", "plan id", "id rencana"), "huruf kecil, angka, tanda hubung / small letters, digits, hyphens", "kota-contoh-2025-2034", 0, required=True),
    Column("version", "Versi", ("version", "nomor versi"), "bilangan bulat mulai 1 / a whole number from 1", "1", 0, required=True),
    Column("expects", "Menggantikan versi", ("expects", "replaces", "replaces version"), "versi sebelumnya; kosong untuk versi 1 / the version before; empty for version 1", "", 0),
    Column("effective_from", "Berlaku mulai", ("effective from", "mulai berlaku"), DATE, "2025-01-01", 0, required=True),
    Column("city", "Kota", ("city", "kota kabupaten", "kabupaten"), "nama kota / the city's name", "Kota Contoh", 0, required=True),
    Column("region_code", "Kode wilayah", ("region code", "kode wilayah kemendagri"), "misalnya 61.71 / like 61.71", "61.71", 0),
    Column("name_id", "Nama rencana", ("name id", "name indonesian", "nama rencana indonesia"), "teks / text", "Contoh Smart City 2025-2034", 0, required=True),
    Column("name_en", "Nama rencana (Inggris)", ("name en", "name english", "plan name english"), "teks / text", "Example Smart City 2025-2034", 0),
    Column("start_year", "Tahun mulai", ("start year", "first year"), YEAR, "2025", 0, required=True),
    Column("end_year", "Tahun selesai", ("end year", "last year", "tahun akhir"), YEAR, "2034", 0, required=True),
    Column("time_zone", "Zona waktu", ("time zone", "timezone"), "Asia/Jakarta, Asia/Pontianak, Asia/Makassar, Asia/Jayapura", "Asia/Jakarta", 0),
    Column("illustrative", "Data ilustratif", ("illustrative", "ilustratif"), YES_NO, "tidak", 0),
    Column("report_due_day", "Tanggal batas lapor", ("report due day", "due day", "batas lapor"), "hari 1 sampai 28 pada bulan berikutnya / a day from 1 to 28 of the next month", "10", 0),
    Column("punctual_by_receipt_from", "Ketepatan dinilai dari penerimaan sejak", ("punctual by receipt from",), DATE + "; boleh kosong / may be empty", "", 0),
)  # fmt: skip

PROGRAM_COLUMNS = (
    Column("code", "Kode", ("code", "kode program", "program code", "program"), "huruf besar, angka, titik, tanda hubung, misalnya GOV-001 / capitals, digits, dots, hyphens", "GOV-001", 10, required=True),
    Column("name_id", "Nama program", ("name", "nama", "name id", "program name", "name indonesian"), "teks / text", "Mal Pelayanan Publik", 44, required=True),
    Column("name_en", "Nama program (Inggris)", ("name en", "name english", "program name english", "nama inggris"), "teks / text", "Public Service Mall", 38),
    Column("dimension", "Dimensi", ("dimension",), ", ".join(label.id for label in DIMENSIONS.values()), "Tata kelola", 13, required=True),
    Column("sub_dimension", "Subdimensi", ("sub dimensi", "sub dimension", "subdimension"), "subdimensi dari dimensinya / a sub-dimension of its dimension", "Layanan publik", 20, required=True),
    Column("department", "Perangkat daerah", ("department", "opd", "opd penanggung jawab", "perangkat daerah penanggung jawab", "lead department"), "kunci atau nama dari sheet Perangkat Daerah / a key or name of the sheet Perangkat Daerah", "dpmptsp", 30, required=True),
    Column("supporting", "Perangkat daerah pendukung", ("supporting", "supporting departments", "opd pendukung"), f"kunci atau nama, {SEVERAL}", "diskominfo; setda", 20),
    Column("partners", "Mitra", ("partners", "partner", "mitra kerja"), SEVERAL, "Ombudsman RI", 24),
    Column("weight", "Bobot (%)", ("weight", "bobot persen"), "angka 0 sampai 100, paling banyak 4 desimal / a number from 0 to 100, at most 4 decimals", "0,25", 9, required=True),
    Column("start_year", "Tahun mulai", ("start year", "mulai", "start"), YEAR, "2025", 8, required=True),
    Column("finish_year", "Tahun selesai", ("finish year", "selesai", "finish", "tahun akhir", "end year"), YEAR, "2026", 8, required=True),
    Column("quick_win_years", "Quick Win", ("quick win years", "program percepatan", "program percepatan quick win", "tahun quick win"), f"tahun, {SEVERAL}", "2025", 10),
    Column("priority_problem", "Masalah prioritas", ("priority problem",), "teks / text", "Genangan dan banjir", 20),
    Column("leading_sector", "Sektor unggulan", ("leading sector",), "teks / text", "Perdagangan dan jasa", 20),
)  # fmt: skip
BUDGET_HEADING = "Pagu {year} (Rp)"
BUDGET_EXPECTED = "rupiah bulat, misalnya 1250000 atau Rp1.250.000 / whole rupiah"
BUDGET_WIDTH = 12.5
_BUDGET = re.compile(
    r"(?:pagu|pagu anggaran|anggaran|budget|budget ceiling|ceiling)(?: tahun)? (2[01]\d\d)(?: rp| rupiah)?"
)

DEPARTMENT_COLUMNS = (
    Column("key", "Kunci", ("key", "kode", "department", "kunci opd"), "huruf kecil, angka, tanda hubung, misalnya diskominfo / small letters, digits, hyphens", "diskominfo", 24, required=True),
    Column("name_id", "Nama perangkat daerah", ("name", "nama", "name id", "name indonesian"), "teks / text", "Dinas Komunikasi dan Informatika", 58, required=True),
    Column("name_en", "Nama perangkat daerah (Inggris)", ("name en", "name english", "nama inggris"), "teks / text", "Communication and Informatics Office", 58),
)  # fmt: skip

OVERALL = "overall"
TARGET_COLUMNS = (
    Column("year", "Tahun", ("year",), YEAR, "2025", 10, required=True),
    Column(OVERALL, "Keseluruhan (%)", ("overall", "target", "seluruh program", "target kumulatif"), PERCENT, "10", 16),
    *(
        Column(key.value, f"{label.id} (%)", (plain(label.en), key.value), PERCENT, "", 14)
        for key, label in DIMENSIONS.items()
    ),
)  # fmt: skip

IGNORED = frozenset({"no", "nomor", "nr", "number"})  # a running number says nothing
REMARKS = frozenset({"keterangan", "catatan", "remarks", "notes", "note"})  # not kept, which is said
TOTALS = frozenset({"jumlah", "total", "jumlah total", "total jumlah", "grand total", "jumlah bobot", "total bobot"})


def by_name(columns: tuple[Column, ...]) -> dict[str, Column]:
    """Every name a column goes by."""
    return {name: column for column in columns for name in column.names}


def budget_year(heading: object) -> str | None:
    """The fiscal year of a heading like "Pagu 2021 (Rp)"."""
    found = _BUDGET.fullmatch(plain(heading))
    return found[1] if found else None


def sheet_kind(title: str) -> SheetKind | None:
    """Which of our sheets a title names."""
    name = plain(title)
    return next((kind for kind in SHEETS if name in {plain(kind.title), *kind.aliases}), None)


def _vocabulary() -> tuple[dict[str, Dimension], dict[str, str]]:
    dimensions = {
        name: key
        for key, label in DIMENSIONS.items()
        for word in (key.value, label.id, label.en)
        for name in (plain(word), f"smart {plain(word)}")
    }
    subs = {plain(word): key for key, (_, label) in SUB_DIMENSIONS.items() for word in (key.replace("_", " "), *label)}
    return dimensions, subs | {"tata kelola sampah limbah": "waste"}


DIMENSION_NAMES, SUB_DIMENSION_NAMES = _vocabulary()
