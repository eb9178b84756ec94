"""Reads one value of a cell: accepted where its meaning is certain, else refused with what was expected."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from presentation.words import both
from schemas.fields import Name, Percent, PlanId, Rupiah, Year
from schemas.masterplan import MasterplanVersion, OrganizationKey, Weight
from schemas.reports import ProgramCode
from schemas.vocabulary import Dimension
from services.programs.masterplans.workbook import columns, text
from services.programs.masterplans.workbook.problems import Expectation, RefusedError

Raw = str | int | float | bool | datetime | date | time | timedelta | None


class SheetCell(NamedTuple):
    """A cell: its place, its value, whether it is formatted as a percentage, and why it can't be read."""

    where: str
    value: Raw = None
    percent: bool = False
    trouble: Expectation | None = None

    @property
    def empty(self) -> bool:
        return self.trouble is None and (self.value is None or (isinstance(self.value, str) and not self.value.strip()))


_CODE: Final = TypeAdapter[str](ProgramCode)
_NAME: Final = TypeAdapter[str](Name)
_DEPARTMENT_KEY: Final = TypeAdapter[str](OrganizationKey)
_PLAN: Final = TypeAdapter[str](PlanId)
_WEIGHT: Final = TypeAdapter[Decimal](Weight)
_PERCENT: Final = TypeAdapter[Decimal](Percent)
_RUPIAH: Final = TypeAdapter[int](Rupiah)
_YEAR: Final = TypeAdapter[int](Year)
_FIELDS: Final = MasterplanVersion.model_fields
_REGION: Final = TypeAdapter[str](_FIELDS["region_code"].rebuild_annotation())
_DUE_DAY: Final = TypeAdapter[int](_FIELDS["report_due_day"].rebuild_annotation())
_ZONE: Final = TypeAdapter[str](_FIELDS["time_zone"].rebuild_annotation())

NOT_TEXT = both("workbook", "not_text")
NOT_A_NUMBER = both("workbook", "not_a_number")
NOT_WHOLE = both("workbook", "not_whole")
NOT_A_DATE = both("workbook", "not_a_date")
OUTSIDE = both("workbook", "outside")
EMPTY = both("workbook", "required")
UNKNOWN = both("workbook", "unknown")

_DIGITS = 15  # significant digits that a spreadsheet stores of a number
_PLAIN_DECIMAL = re.compile(r"\d+(?:[.,]\d+)?")
_MONEY = (  # unambiguous ways to write whole rupiah
    re.compile(r"\d+(?:,-|,00?|\.00?)?"),  # 1250000  1250000,00
    re.compile(r"\d{1,3}(?:\.\d{3})+(?:,-|,00?)?"),  # 1.250.000  1.250.000,00
    re.compile(r"\d{1,3}(?:,\d{3}){2,}(?:\.00?)?|\d{1,3},\d{3}\.00?"),  # 1,250,000  1,250.00
    re.compile(r"\d{1,3}(?: \d{3})+"),  # 1 250 000
)
_CENTS = re.compile(r"(?:,-|,00?|\.00?)$")
_CURRENCY = re.compile(r"^(?:rp\.?|idr)\s*", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_WITH_MONTH = re.compile(r"(\d{1,2})[ -]([a-z]+)[ -](\d{4})")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januari january jan", "februari february feb", "maret march mar", "april apr", "mei may", "juni june jun",
            "juli july jul", "agustus august agu agt aug", "september sept sep", "oktober october okt oct",
            "november nov", "desember december des dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_YES = frozenset({"ya", "yes", "y", "true", "benar", "1"})
_NO = frozenset({"tidak", "no", "n", "false", "salah", "bukan", "0"})


T = TypeVar("T")


def _checked(adapter: TypeAdapter[T], value: Any, expected: str) -> T:
    """The value if the contract accepts it."""
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError:
        raise RefusedError(OUTSIDE, expected) from None


def _text(cell: SheetCell, expected: str) -> str:
    """The text of a cell: a whole number becomes its digits, anything else that is not text is refused."""
    match cell.value:
        case str():
            return text.decode(cell.value)
        case bool():
            raise RefusedError(NOT_TEXT, expected)
        case int():
            return str(cell.value)
        case float() if cell.value.is_integer():
            return str(int(cell.value))
    raise RefusedError(NOT_TEXT, expected)


def name(cell: SheetCell, expected: str) -> str:
    return _checked(_NAME, _text(cell, expected), expected)


def code(cell: SheetCell, expected: str) -> str:
    """A program's code. Lower case is refused, not corrected: reports would name another code."""
    return _checked(_CODE, _text(cell, expected), expected)


def department_key(cell: SheetCell, expected: str) -> str:
    return _checked(_DEPARTMENT_KEY, _text(cell, expected), expected)


def plan_id(cell: SheetCell, expected: str) -> str:
    return _checked(_PLAN, _text(cell, expected), expected)


def time_zone(cell: SheetCell, expected: str) -> str:
    return _checked(_ZONE, _text(cell, expected), expected)


def region_code(cell: SheetCell, expected: str) -> str:
    """A region code such as 61.71, which a spreadsheet may store as a number."""
    if isinstance(cell.value, float) and not cell.value.is_integer():
        return _checked(_REGION, f"{cell.value:.2f}", expected)
    return _checked(_REGION, _text(cell, expected), expected)


def _decimal(cell: SheetCell, expected: str) -> Decimal:
    """A percentage. A single comma or dot is the decimal separator, since there are no thousands below 100."""
    match cell.value:
        case bool():
            pass
        case int() | float():
            number = Decimal(f"{cell.value:.{_DIGITS}g}")  # without the rounding error of binary fractions
            return number * 100 if cell.percent else number
        case str():
            written = cell.value.strip().removesuffix("%").strip()
            if _PLAIN_DECIMAL.fullmatch(written):
                return Decimal(written.replace(",", "."))
    raise RefusedError(NOT_A_NUMBER, expected)


def weight(cell: SheetCell, expected: str) -> Decimal:
    return _checked(_WEIGHT, _without_exponent(_decimal(cell, expected)), expected)


def percent(cell: SheetCell, expected: str) -> Decimal:
    return _checked(_PERCENT, _without_exponent(_decimal(cell, expected)), expected)


def _without_exponent(number: Decimal) -> Decimal:
    return Decimal(f"{number.normalize():f}")


def _whole(cell: SheetCell, expected: str) -> int:
    match cell.value:
        case bool():
            pass
        case int():
            return cell.value
        case float() if cell.value.is_integer():
            return int(cell.value)
        case str() if cell.value.strip().isascii() and cell.value.strip().isdigit():
            return int(cell.value)
    raise RefusedError(NOT_WHOLE, expected)


def whole(cell: SheetCell, expected: str) -> int:
    """A version number."""
    number = _whole(cell, expected)
    if not 1 <= number <= 1_000_000:
        raise RefusedError(OUTSIDE, expected)
    return number


def due_day(cell: SheetCell, expected: str) -> int:
    return _checked(_DUE_DAY, _whole(cell, expected), expected)


def year(cell: SheetCell, expected: str) -> int:
    return _checked(_YEAR, _whole(cell, expected), expected)


def year_key(cell: SheetCell, expected: str) -> str:
    """A year of a target or ceiling, which may lie outside the years of the plan."""
    number = _whole(cell, expected)
    if not 2000 <= number <= 2199:
        raise RefusedError(OUTSIDE, expected)
    return str(number)


def years(cell: SheetCell, expected: str) -> tuple[int, ...]:
    """One year as a number, or several as text."""
    if not isinstance(cell.value, str):
        return (year(cell, expected),)
    return tuple(
        year(SheetCell(cell.where, item), expected) for item in re.split(r"[;,\s]+", cell.value.strip()) if item
    )


def rupiah(cell: SheetCell, expected: str) -> int:
    """Whole rupiah. "1,250" is refused: it may mean 1250 or 1.25."""
    if not isinstance(cell.value, str):
        return _checked(_RUPIAH, _whole(cell, expected), expected)
    written = _CURRENCY.sub("", cell.value.strip().replace("\xa0", " "))
    if not written.isascii() or not any(form.fullmatch(written) for form in _MONEY):
        raise RefusedError(both("workbook", "not_whole_rupiah"), expected)
    return _checked(_RUPIAH, int(re.sub(r"\D", "", _CENTS.sub("", written))), expected)


def day(cell: SheetCell, expected: str) -> date:
    """A date cell, or text that is an unambiguous date: 2021-07-01, 1 Juli 2021, 31/07/2021, but not 01/07/2021."""
    match cell.value:
        case datetime():
            return cell.value.date()
        case date():
            return cell.value
        case str():
            found = _written_day(cell.value.strip().casefold())
            if found is not None:
                return found
    raise RefusedError(NOT_A_DATE, expected)


def _written_day(written: str) -> date | None:
    try:
        if found := _WITH_MONTH.fullmatch(written):
            month = _MONTHS.get(found[2])
            return date(int(found[3]), month, int(found[1])) if month else None
        if found := _DAY_FIRST.fullmatch(written):
            first, second, in_year = (int(part) for part in found.groups())
            return date(in_year, second, first) if first > 12 or first == second else None
        return date.fromisoformat(written) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written) else None
    except ValueError:
        return None


def yes_or_no(cell: SheetCell, expected: str) -> bool:
    if isinstance(cell.value, bool):
        return cell.value
    answer = str(cell.value).strip().casefold()
    if answer not in _YES | _NO:
        raise RefusedError(both("workbook", "neither_yes_nor_no"), expected)
    return answer in _YES


def dimension(cell: SheetCell, expected: str) -> Dimension:
    found = columns.DIMENSION_NAMES.get(text.plain(cell.value))
    if found is None:
        raise RefusedError(f"dimensi {UNKNOWN} dimension", expected)
    return found


def sub_dimension(cell: SheetCell, expected: str) -> str:
    found = columns.SUB_DIMENSION_NAMES.get(text.plain(cell.value))
    if found is None:
        raise RefusedError(f"subdimensi {UNKNOWN} sub-dimension", expected)
    return found


def names(cell: SheetCell, expected: str) -> tuple[str, ...]:
    """A list of texts."""
    items = text.decode_list(cell.value) if isinstance(cell.value, str) else (_text(cell, expected),)
    return tuple(_checked(_NAME, item, expected) for item in items)


Parser = Callable[[SheetCell, str], Any]
