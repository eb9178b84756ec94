"""The masterplan as a workbook: what is exported imports, what is certain is taken, the rest is named cell by cell."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from samples.generate import FIRST_WORKBOOK
from schemas.fields import FIRST_DAY, LAST_DAY, TEXT
from schemas.masterplan import Department, MasterplanVersion, Names, Program
from schemas.vocabulary import SUB_DIMENSIONS, Dimension
from services.programs.masterplans.workbook import (
    ReadResult,
    read_csv,
    read_workbook,
    template,
    write_csv,
    write_workbook,
)
from services.programs.masterplans.workbook import columns as known
from services.programs.masterplans.workbook.sheets import LIMIT
from services.programs.masterplans.workbook.write import HEADING_ROW

PLAN = "kota-pontianak-2019-2028"
FIRST_ROW = HEADING_ROW + 1

WRITTEN = settings().max_examples // 3  # to write a workbook and read it takes 0.1 s

# --- any version

AWKWARD = ("=1+1", "+62", "-", "@kota", "'=x", "#N/A", " spasi ", "a;b", "a\nb", "a\rb", "_x000A_", "_x005F_x000A_", "TOTAL", "007", "1.250")  # fmt: skip
TEXTS = st.one_of(st.sampled_from(AWKWARD), st.text(min_size=1, max_size=40).filter(re.compile(TEXT).fullmatch))
NAMES = st.builds(Names, id=TEXTS, en=TEXTS)
KEYS = st.from_regex(r"[a-z][a-z0-9-]{0,6}[a-z0-9]", fullmatch=True)
YEARS = st.integers(2015, 2032)
BUDGET_YEARS = st.sampled_from(("2000", "2019", "2020", "2028", "2199"))
AMOUNTS = st.one_of(st.integers(0, 10**10), st.sampled_from((0, 10**15, 10**15 + 1, 9 * 10**15)))
WEIGHTS = st.decimals(0, 100, places=4)
TARGETS = st.lists(st.decimals(0, 100, places=2), max_size=4).map(
    lambda shares: {str(2019 + at): share for at, share in enumerate(sorted(shares))}
)


@st.composite
def programs(draw: st.DrawFn, code: str, departments: list[str], years: tuple[int, int]) -> Program:
    sub = draw(st.sampled_from(sorted(SUB_DIMENSIONS)))
    start, finish = sorted(draw(st.tuples(st.integers(*years), st.integers(*years))))
    return Program(
        code=code,
        name=draw(NAMES),
        dimension=SUB_DIMENSIONS[sub],
        sub_dimension=sub,
        department=draw(st.sampled_from(departments)),
        supporting=tuple(draw(st.lists(st.sampled_from(departments), max_size=3))),
        partners=tuple(draw(st.lists(TEXTS, max_size=3))),
        weight=draw(WEIGHTS),
        start_year=start,
        finish_year=finish,
        budget=draw(st.dictionaries(BUDGET_YEARS, AMOUNTS, max_size=3)),
        quick_win_years=tuple(draw(st.lists(YEARS, max_size=2))),
        priority_problem=draw(st.none() | TEXTS),
        leading_sector=draw(st.none() | TEXTS),
    )


@st.composite
def versions(draw: st.DrawFn) -> MasterplanVersion:
    """Any valid version that has a program."""
    start, end = sorted(draw(st.tuples(YEARS, YEARS)))
    departments = draw(st.lists(KEYS, min_size=1, max_size=4, unique=True))
    codes = draw(st.lists(st.sampled_from(("GOV-001", "A", "TOTAL", "1", "X.2", "JUMLAH")), min_size=1, max_size=4, unique=True))  # fmt: skip
    number = draw(st.integers(1, 40))
    return MasterplanVersion(
        version=number,
        expects=number - 1 or None,
        effective_from=draw(st.dates(FIRST_DAY, LAST_DAY)),
        city=draw(TEXTS),
        region_code=draw(st.sampled_from((None, "61", "61.70", "61.71"))),
        name=draw(NAMES),
        start_year=start,
        end_year=end,
        time_zone=draw(st.sampled_from(("Asia/Jakarta", "Asia/Pontianak", "UTC"))),
        illustrative=draw(st.booleans()),
        report_due_day=draw(st.integers(1, 28)),
        punctual_by_receipt_from=draw(st.none() | st.dates(FIRST_DAY, LAST_DAY)),
        targets=draw(TARGETS),
        dimension_targets=draw(st.dictionaries(st.sampled_from(list(Dimension)), TARGETS, max_size=3)),
        departments=tuple(Department(key=key, name=draw(NAMES)) for key in departments),
        programs=tuple(draw(programs(code, departments, (start, end))) for code in codes),
    )


@settings(max_examples=WRITTEN)
@given(versions())
def test_what_is_exported_imports(version: MasterplanVersion) -> None:
    found = read_workbook(write_workbook(PLAN, version))

    assert found.errors == ()
    assert (found.plan, found.version) == (PLAN, version)


@given(versions())
def test_what_is_exported_as_csv_replaces_the_programs_by_themselves(version: MasterplanVersion) -> None:
    fields = {"plan": PLAN, "version": str(version.version + 1), "expects": str(version.version), "effective_from": "2030-01-31"}  # fmt: skip

    found = read_csv(write_csv(version), fields, version)

    changed = {"version": version.version + 1, "expects": version.version, "effective_from": date(2030, 1, 31)}
    assert found.errors == ()
    assert found.version == version.model_copy(update=changed)


@pytest.fixture(scope="module")
def sample() -> MasterplanVersion:
    found = read_workbook(FIRST_WORKBOOK.read_bytes()).version
    assert found is not None
    return found


def test_the_same_version_is_the_same_bytes(sample: MasterplanVersion) -> None:
    assert write_workbook(PLAN, sample) == write_workbook(PLAN, sample)


def test_a_version_with_weights_that_do_not_sum_to_100_is_taken_with_a_warning(sample: MasterplanVersion) -> None:
    one_less = sample.model_copy(update={"programs": sample.programs[1:]})

    found = read_workbook(write_workbook(PLAN, one_less))

    assert found.version == one_less
    (warning,) = found.warnings
    assert (warning.where, warning.expected) == ("Program", "100")


# --- a workbook that was edited by hand


class DraftWorkbook:
    """A small workbook to be spoilt: three programs, two departments."""

    def __init__(self) -> None:
        self.version = MasterplanVersion(
            version=1,
            effective_from=date(2019, 1, 1),
            city="Kota Uji",
            name=Names(id="Rencana uji", en="Test plan"),
            start_year=2019,
            end_year=2021,
            targets={"2019": Decimal(10), "2020": Decimal(20)},
            departments=(
                Department(key="dinkes", name=Names(id="Dinas Kesehatan", en="Health Office")),
                Department(key="dishub", name=Names(id="Dinas Perhubungan", en="Transport Office")),
            ),
            programs=tuple(
                Program(
                    code=f"P-{number}",
                    name=Names(id=f"Program {number}", en=f"Programme {number}"),
                    dimension=Dimension.LIVING,
                    sub_dimension="health",
                    department="dinkes",
                    weight=Decimal(weight),
                    start_year=2019,
                    finish_year=2020,
                    budget={"2019": 1_000_000, "2020": 2_000_000},
                )
                for number, weight in ((1, 50), (2, 25), (3, 25))
            ),
        )
        self.workbook: Workbook = load_workbook(io.BytesIO(write_workbook(PLAN, self.version)))

    def sheet(self, title: str = "Program") -> Worksheet:
        sheet = self.workbook[title]
        assert isinstance(sheet, Worksheet)
        return sheet

    def place(self, field: str, row: int = 0) -> str:
        """Where a field of a program stands, like F7."""
        at = [column.field for column in known.PROGRAM_COLUMNS].index(field)
        return f"{'ABCDEFGHIJKLMN'[at]}{FIRST_ROW + row}"

    def put(self, field: str, value: Any, row: int = 0) -> None:
        """Write into a program's cell, as a text or number, never a formula."""
        cell = self.sheet()[self.place(field, row)]
        cell.value = value
        if isinstance(value, str) and not value.startswith("=SUM"):
            cell.data_type = "s"

    def read(self) -> ReadResult:
        out = io.BytesIO()
        self.workbook.save(out)
        return read_workbook(out.getvalue())

    def first(self) -> Program:
        found = self.read()
        assert found.version is not None, found.errors
        return found.version.programs[0]


@pytest.fixture
def draft() -> DraftWorkbook:
    return DraftWorkbook()


def test_every_error_of_every_row_is_reported_at_once(draft: DraftWorkbook) -> None:
    draft.put("code", "p 1", 0)
    draft.put("dimension", "Udara", 0)
    draft.put("weight", "berat", 0)
    draft.put("department", "Dinas Sihir", 1)
    draft.put("finish_year", 2018, 1)
    draft.put("sub_dimension", "Energi", 2)
    draft.put("code", "P-2", 2)
    draft.sheet("Rencana")["B6"] = "satu"
    draft.sheet("Target")["B6"] = 5
    draft.sheet("Perangkat Daerah")["A6"] = "dinkes"

    found = draft.read()

    assert found.version is None
    assert found.plan == PLAN
    assert {error.where for error in found.errors} == {
        "Rencana!B6", "Perangkat Daerah!A6", "Target!B6",
        *(f"Program!{draft.place(field, row)}" for field, row in (
            ("code", 0), ("dimension", 0), ("weight", 0), ("department", 1), ("finish_year", 1), ("sub_dimension", 2), ("code", 2),
        )),
    }  # fmt: skip
    for error in found.errors:
        assert error.what
        assert error.expected
        assert error.value is not None


CERTAIN: list[tuple[str, Any, Callable[[Program], Any], Any]] = [
    ("weight", "0,25", lambda program: program.weight, Decimal("0.25")),
    ("weight", "0.25 %", lambda program: program.weight, Decimal("0.25")),
    ("weight", 0.1 + 0.2, lambda program: program.weight, Decimal("0.3")),
    ("start_year", "2019", lambda program: program.start_year, 2019),
    ("start_year", 2019.0, lambda program: program.start_year, 2019),
    ("dimension", "smart LIVING", lambda program: program.dimension, Dimension.LIVING),
    ("sub_dimension", "Health", lambda program: program.sub_dimension, "health"),
    ("department", "DINAS  perhubungan", lambda program: program.department, "dishub"),
    ("department", "Transport Office", lambda program: program.department, "dishub"),
    ("department", "dishub", lambda program: program.department, "dishub"),
    ("supporting", "Dinas Perhubungan;dinkes\ndishub", lambda program: program.supporting, ("dishub", "dinkes", "dishub")),
    ("quick_win_years", 2020, lambda program: program.quick_win_years, (2020,)),
    ("quick_win_years", "2020, 2021", lambda program: program.quick_win_years, (2020, 2021)),
    ("name_id", 119, lambda program: program.name.id, "119"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "of", "meaning"), CERTAIN)
def test_what_has_one_meaning_only_is_taken(
    draft: DraftWorkbook, field: str, value: Any, of: Callable[[Program], Any], meaning: Any
) -> None:
    draft.put(field, value)

    assert of(draft.first()) == meaning


def test_a_weight_in_a_cell_formatted_as_a_percentage_is_what_is_shown(draft: DraftWorkbook) -> None:
    draft.put("weight", 0.5)
    draft.sheet()[draft.place("weight")].number_format = "0.00%"

    assert draft.first().weight == 50


NOON = datetime(2021, 7, 1, 12)  # noqa: DTZ001 - a spreadsheet knows no zones
UNCERTAIN = [
    ("weight", "seperempat"),
    ("weight", "0,123456"),
    ("weight", 101),
    ("weight", -1),
    ("weight", True),
    ("weight", NOON),
    ("start_year", "19"),
    ("start_year", 2019.5),
    ("code", "gov-1"),
    ("code", 1.5),
    ("department", "Dinas"),
    ("quick_win_years", "2020 dan 2021"),
    ("name_id", None),
    ("name_id", "x" * 301),
    ("supporting", "dinkes; bukan"),
]


@pytest.mark.parametrize(("field", "value"), UNCERTAIN)
def test_what_is_uncertain_is_refused_where_it_stands(draft: DraftWorkbook, field: str, value: Any) -> None:
    draft.put(field, value)

    (error,) = draft.read().errors
    assert error.where == f"Program!{draft.place(field)}"


MONEY = {
    1250000.0: 1_250_000, "1250000": 1_250_000, "Rp1.250.000": 1_250_000, "Rp. 1.250.000,00": 1_250_000,
    "Rp 1.250.000,-": 1_250_000, "1,250,000": 1_250_000, "1.250": 1_250, "1 250 000": 1_250_000, "IDR 1,250,000.00": 1_250_000,
    "1,250": None, "1,25 miliar": None, "1.25": None, "1.250.00": None, 0.5: None, "-5": None, "12.50.000": None, "10" * 9: None,
}  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), MONEY.items())
def test_money_is_taken_where_it_can_be_one_amount_only(draft: DraftWorkbook, written: Any, meant: int | None) -> None:
    cell = draft.sheet().cell(FIRST_ROW, len(known.PROGRAM_COLUMNS) + 1)
    cell.value = written

    found = draft.read()

    if meant is None:
        assert [error.where for error in found.errors] == [f"Program!{cell.coordinate}"]
    else:
        assert found.version is not None
        assert found.version.programs[0].budget["2019"] == meant


DAYS = {
    "2021-07-01": date(2021, 7, 1), "1 Juli 2021": date(2021, 7, 1), "01-agt-2021": date(2021, 8, 1), "31/07/2021": date(2021, 7, 31),
    "7/7/2021": date(2021, 7, 7), NOON: date(2021, 7, 1), "1/7/2021": None, "31 Juni 2021": None, "kemarin": None, 44378: None,
}  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), DAYS.items())
def test_a_date_is_taken_where_it_can_be_one_day_only(draft: DraftWorkbook, written: Any, meant: date | None) -> None:
    cell = draft.sheet("Rencana")["B8"]
    cell.value = written
    if not isinstance(written, datetime):
        cell.number_format = "General"

    found = draft.read()

    if meant is None:
        assert [error.where for error in found.errors] == ["Rencana!B8"]
    else:
        assert found.version is not None
        assert found.version.effective_from == meant


def test_headings_are_known_by_their_english_names_in_any_order_and_case(draft: DraftWorkbook) -> None:
    sheet = draft.sheet()
    for column, heading in (
        ("A", " CODE "),
        ("B", "program  name"),
        ("F", "Lead department"),
        ("I", "WEIGHT"),
        ("O", "Budget 2019"),
    ):
        sheet[f"{column}{HEADING_ROW}"] = heading
    sheet.title = "programs"

    found = draft.read()

    assert found.errors == ()
    assert found.version == draft.version


def test_columns_unknown_missing_and_twice_are_reported(draft: DraftWorkbook) -> None:
    sheet = draft.sheet()
    sheet[f"I{HEADING_ROW}"] = "Berat"
    sheet[f"Q{HEADING_ROW}"] = "Pagu 2020"

    found = {error.where: error.what for error in draft.read().errors}

    assert "tidak dikenal" in found[f"Program!I{HEADING_ROW}"]
    assert "ganda" in found[f"Program!Q{HEADING_ROW}"]
    assert '"Bobot (%)" tidak ada' in found[f"Program!A{HEADING_ROW}"]


def test_a_running_number_and_remarks_are_let_be_and_remarks_are_reported_as_not_kept(draft: DraftWorkbook) -> None:
    sheet = draft.sheet()
    sheet[f"R{HEADING_ROW}"], sheet[f"R{FIRST_ROW}"] = "No.", 1
    sheet[f"S{HEADING_ROW}"], sheet[f"S{FIRST_ROW}"] = "Keterangan", "lanjutan"

    found = draft.read()

    assert found.version == draft.version
    assert [warning.where for warning in found.warnings] == [f"Program!S{HEADING_ROW}"]


def test_hidden_rows_are_read_and_empty_ones_skipped(draft: DraftWorkbook) -> None:
    draft.sheet().row_dimensions[FIRST_ROW].hidden = True
    draft.sheet().insert_rows(FIRST_ROW + 1, 3)

    assert draft.read().version == draft.version


def test_a_closing_row_of_totals_is_no_program(draft: DraftWorkbook) -> None:
    draft.sheet()[f"B{FIRST_ROW + 3}"] = "Jumlah"
    draft.put("weight", 100, 3)

    assert draft.read().version == draft.version


def test_a_dimension_or_department_merged_over_rows_counts_for_each_but_a_weight_does_not(draft: DraftWorkbook) -> None:
    for field in ("dimension", "department", "weight"):
        draft.sheet().merge_cells(f"{draft.place(field)}:{draft.place(field, 2)}")

    found = draft.read()

    assert {error.where for error in found.errors} == {f"Program!{draft.place('weight', row)}" for row in range(3)}


def test_a_formula_counts_by_its_last_value_and_is_reported_where_it_has_none(draft: DraftWorkbook) -> None:
    draft.put("weight", "=SUM(1,49)")

    (error,) = draft.read().errors
    assert (error.where, "rumus tanpa hasil" in error.what) == (f"Program!{draft.place('weight')}", True)

    out = io.BytesIO()
    draft.workbook.save(out)
    computed = _replaced(out.getvalue(), b"<f>SUM(1,49)</f><v></v>", b"<f>SUM(1,49)</f><v>50</v>")
    computed = _replaced(computed, b"<f>SUM(1,49)</f><v />", b"<f>SUM(1,49)</f><v>50</v>")
    assert read_workbook(computed).version == draft.version


def test_a_missing_and_an_empty_sheet_are_reported_beside_everything_else(draft: DraftWorkbook) -> None:
    del draft.workbook["Perangkat Daerah"]
    rows = draft.sheet().max_row
    draft.sheet().delete_rows(1, rows)
    draft.sheet("Rencana")["B9"] = None

    assert [error.where for error in draft.read().errors] == ["Rencana!B9", "Perangkat Daerah", "Program"]


def test_the_version_it_replaces_is_the_one_before(draft: DraftWorkbook) -> None:
    draft.sheet("Rencana")["B6"] = 3
    draft.sheet("Rencana")["B7"] = 1

    (error,) = draft.read().errors
    assert (error.where, error.expected) == ("Rencana!B7", "2")


def test_one_cell_edited_gives_just_that_difference(sample: MasterplanVersion) -> None:
    edited = load_workbook(FIRST_WORKBOOK)
    sheet = edited["Program"]
    assert isinstance(sheet, Worksheet)
    assert sheet["A107"].value == sample.programs[100].code
    sheet["B107"] = "Nama yang baru"
    out = io.BytesIO()
    edited.save(out)

    found = read_workbook(out.getvalue())

    assert found.errors == ()
    assert found.version is not None
    was = {program.code: program for program in sample.programs}
    assert [(program.code, program.name.id) for program in found.version.programs if program != was[program.code]] == [
        (sample.programs[100].code, "Nama yang baru")
    ]
    assert found.version.model_copy(update={"programs": sample.programs}) == sample


# --- what is no workbook


def _replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """The archive with some bytes of its parts replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(old, new))
    return out.getvalue()


def _archive(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def _bomb() -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("[Content_Types].xml", "w") as part,
    ):
        for _ in range(120):
            part.write(bytes(1024 * 1024))
    return out.getvalue()


NO_WORKBOOKS = {
    "nothing": b"",
    "text": b"Kode,Nama\nGOV-001,Mal\n",
    "an old .xls, or a locked one": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
    "another archive": _archive(readme=b"x"),
    "an archive that says it is one": _archive(**{"[Content_Types].xml": b"<Types/>"}),
    "cut off": FIRST_WORKBOOK.read_bytes()[:40_000],
    "too large": bytes(LIMIT + 1),
    "a bomb": _bomb(),
    "one that declares entities": _replaced(
        FIRST_WORKBOOK.read_bytes(), b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aa">]><worksheet'
    ),
}


@pytest.mark.parametrize("data", NO_WORKBOOKS.values(), ids=NO_WORKBOOKS)
def test_what_is_no_workbook_is_refused_in_one_line(data: bytes) -> None:
    found = read_workbook(data)

    assert found.version is None
    assert len(found.errors) == 1


def _parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


PARTS = _parts(write_workbook(PLAN, DraftWorkbook().version))
PLACES = st.tuples(st.integers(0, 60_000), st.integers(0, 255))


@settings(max_examples=WRITTEN)
@given(st.sampled_from(sorted(PARTS)), st.lists(PLACES, min_size=1, max_size=6))
def test_no_damage_raises(part: str, places: list[tuple[int, int]]) -> None:
    damaged = bytearray(PARTS[part])
    for at, byte in places:
        damaged[at % len(damaged)] = byte

    found = read_workbook(_archive(**{**PARTS, part: bytes(damaged)}))

    assert (found.version is None) == bool(found.errors)


def test_a_cell_at_the_far_end_of_a_sheet_costs_nothing(draft: DraftWorkbook) -> None:
    draft.sheet("Petunjuk")["XFD1048576"] = "x"
    draft.sheet().cell(1_048_576, 2).number_format = "@"

    assert draft.read().version == draft.version


# --- what it looks like, and what it must not do


def test_no_text_becomes_a_formula(draft: DraftWorkbook) -> None:
    wicked = '=HYPERLINK("http://x.example","klik")'
    program = draft.version.programs[0].model_copy(
        update={"name": Names(id=wicked, en="@SUM(1)"), "partners": ("+1", "-1")}
    )
    version = draft.version.model_copy(update={"city": wicked, "programs": (program, *draft.version.programs[1:])})

    written = load_workbook(io.BytesIO(write_workbook(PLAN, version)))

    formulas = [
        cell.value for sheet in written.worksheets for row in sheet.iter_rows() for cell in row if cell.data_type == "f"
    ]
    assert formulas == ["=SUM(I7:I9)"]
    assert read_workbook(write_workbook(PLAN, version)).version == version
    in_csv = write_csv(version).decode("utf-8-sig").splitlines()[1].split(";")
    assert "'@SUM(1)" in in_csv
    assert not [field for field in in_csv if field.startswith(("=", "+", "-", "@"))]


def test_it_is_laid_out_for_people_and_paper() -> None:
    sheet = load_workbook(FIRST_WORKBOOK)["Program"]
    assert isinstance(sheet, Worksheet)

    assert sheet.freeze_panes == f"C{FIRST_ROW}"
    assert sheet.page_setup.orientation == "landscape"
    assert str(sheet.page_setup.paperSize) == "9"
    assert sheet.print_title_rows == f"${HEADING_ROW}:${HEADING_ROW}"
    rules = {str(rule.sqref).partition(":")[0]: rule.type for rule in sheet.data_validations.dataValidation}
    assert rules == {"D7": "list", "E7": "list", "F7": "list", "I7": "decimal", "J7": "whole", "K7": "whole"}
    assert "ILUSTRATIF" in str(sheet["A3"].value)


def test_the_template_explains_every_column_and_holds_nothing() -> None:
    sheet = load_workbook(io.BytesIO(template()))["Petunjuk"]
    explained = {(row[0].value, row[1].value) for row in sheet.iter_rows() if len(row) > 1}

    for kind, of_kind in (
        (known.PLAN, known.PLAN_LINES), (known.DEPARTMENTS, known.DEPARTMENT_COLUMNS), (known.TARGETS, known.TARGET_COLUMNS),
        (known.PROGRAMS, known.PROGRAM_COLUMNS),
    ):  # fmt: skip
        assert explained >= {(kind.title, column.heading) for column in of_kind}
    found = read_workbook(template())
    assert {error.where for error in found.errors} == {
        *(f"Rencana!B{row}" for row in (5, 6, 8, 9, 11, 13, 14)), "Perangkat Daerah", "Program",
    }  # fmt: skip


# --- CSV

HEAD = "Kode,Nama program,Dimensi,Subdimensi,Perangkat daerah,Bobot (%),Tahun mulai,Tahun selesai,Pagu 2019"
FIELDS = {
    "plan": "kota-uji", "version": "1", "effective_from": "2019-01-01", "city": "Kota Uji", "name_id": "Rencana", "start_year": "2019",
    "end_year": "2021",
}  # fmt: skip


def test_a_csv_file_names_line_and_column_of_every_error() -> None:
    rows = [
        'P-1,"Dua\nbaris",Kehidupan,Kesehatan,dinkes,abc,2019,2020,1.250',
        "P-1,Lain,Udara,Kesehatan,dinkes,1,2019,2030,",
    ]

    found = read_csv("\n".join((HEAD, *rows)).encode(), FIELDS)

    assert [error.where for error in found.errors] == [
        "baris 2, kolom 6", "baris 4, kolom 3", "baris 4, kolom 1", "baris 4, kolom 8",
    ]  # fmt: skip


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_file_is_known_by_its_headings(separator: str, encoding: str) -> None:
    text = f"{HEAD}\nP-1,Puskesmas Ā,Kehidupan,Kesehatan,dinkes,100,2019,2020,1.250\n".replace(",", separator)

    found = read_csv(text.encode(encoding), FIELDS)

    assert found.errors == ()
    assert found.version is not None
    assert found.version.programs[0].name.id == "Puskesmas Ā"
    assert found.version.programs[0].budget == {"2019": 1250}
    assert [department.key for department in found.version.departments] == ["dinkes"]


def test_a_csv_file_of_another_alphabet_or_without_headings_is_refused() -> None:
    assert len(read_csv("Kode,Näma".encode("latin-1"), FIELDS).errors) == 1
    assert len(read_csv(b"a,b\n1,2\n", FIELDS).errors) == 1
    assert len(read_csv(b"", FIELDS).errors) == 1
    assert read_csv(HEAD.encode(), FIELDS | {"kota": "x"}).errors[0].where == "?kota"


@given(st.binary(max_size=200), st.text(max_size=200))
def test_no_csv_raises(noise: bytes, text: str) -> None:
    assert read_csv(noise, FIELDS).version is None
    assert read_csv(f"{HEAD}\n{text}".encode(), FIELDS).errors
