"""Types of single fields: bounded so that every database can store them, and with one canonical form for each value.

Every type has the same rules in Pydantic and in the generated JSON Schema. Texts contain no character that PostgreSQL
or SQLite can't store (U+0000, lone surrogates). Keys are short enough for an index row of PostgreSQL (2,704 bytes).
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.sources import PLAN, SOURCE

NO_CONTROLS = r"\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff"  # what CloudEvents forbids in a string
EVENT_ID = rf"^[^{NO_CONTROLS}]+$"
EVENT_ID_CHARACTERS = 256
TEXT = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]+$"  # with tabs and line breaks, as cells of a sheet have
FIRST_DAY, LAST_DAY = date(1000, 1, 1), date(2999, 12, 31)  # what a period can name
DAY = r"^[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
MOMENT = (
    r"^[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
LARGEST_INTEGER = 2**53  # up to which a JSON number with a fraction or exponent is exact

_DAY, _MOMENT = re.compile(DAY), re.compile(MOMENT)
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


def microseconds(moment: datetime) -> int:
    """An aware datetime as whole microseconds since 1970."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def by_key(entries: dict[Key, Value]) -> dict[Key, Value]:
    """The same entries sorted by key: their order is not part of the content."""
    return dict(sorted(entries.items()))


def plain(number: Decimal) -> Decimal:
    """The same number in canonical form: no exponent, no trailing zeros, no minus before zero (45.50 becomes 45.5)."""
    return Decimal(f"{number.normalize() + 0:f}")


def read_day(text: str) -> date:
    """A full-date of RFC 3339. Raises ValueError for anything else, such as 20210108."""
    if not _DAY.fullmatch(text):
        raise ValueError("is not a date like 2020-12-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is not a day of the calendar") from None


def read_moment(text: str) -> datetime:
    """A date-time of RFC 3339, in its own offset, truncated to microseconds. Raises ValueError for anything else."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("is not a time with its offset, like 2021-01-08T15:30:00+07:00")
    upper = text.upper()
    clock, dot, rest = upper.partition(".")
    if dot:
        digits = re.match("[0-9]+", rest)
        assert digits is not None
        upper = f"{clock}.{digits[0][:6]}{rest[digits.end() :]}"
    try:
        return datetime.fromisoformat(upper)
    except ValueError:
        raise ValueError(f"{text} is not a time of the calendar") from None


def _day(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return read_day(value)
    raise PydanticCustomError("date_type", "is not a date like 2020-12-31")


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        moment = read_moment(value)
        if not FIRST_DAY <= moment.astimezone(UTC).date() <= LAST_DAY:
            raise ValueError(f"in UTC it is not between {FIRST_DAY} and {LAST_DAY}")
        return moment
    raise PydanticCustomError("datetime_type", "is not a time with its offset, like 2021-01-08T15:30:00+07:00")


def _integer(value: Any) -> Any:
    """JSON knows one kind of number: 1.25E9 is as much an integer as 1250000000."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_INTEGER else value


def _decimal(value: Any) -> Any:
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise ValueError("is not a decimal number like 45.5, in the digits 0 to 9")
        return Decimal(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(repr(value))
    if isinstance(value, Decimal):
        return value
    raise PydanticCustomError("decimal_type", "is not a decimal number like 45.5")


def decimal_schema(most: int, whole_digits: int, places: int, description: str = "") -> WithJsonSchema:
    """The JSON Schema of a decimal between 0 and `most`, as text or number. A number with more places is refused, which
    the schema can't express: `multipleOf` is computed in binary fractions."""
    digits = f"(?:0|[1-9][0-9]{{0,{whole_digits - 1}}})"
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": most},
                {
                    "type": "string",
                    "pattern": rf"^(?:{digits}(?:\.[0-9]{{1,{places}}}0*)?|{most}(?:\.0+)?)$",
                },
            ]
        }
        | ({"description": description} if description else {})
    )


AnInteger = BeforeValidator(_integer)  # after the bounds, or the JSON Schema would lack them
ADecimal = BeforeValidator(_decimal)

Day = Annotated[
    date,
    BeforeValidator(_day),
    Field(ge=FIRST_DAY, le=LAST_DAY),
    WithJsonSchema({"type": "string", "format": "date", "pattern": DAY}),
]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": MOMENT}),
]
EventId = Annotated[str, Field(pattern=EVENT_ID, max_length=EVENT_ID_CHARACTERS)]
SourceText = Annotated[str, Field(pattern=SOURCE, max_length=160)]
PlanId = Annotated[str, Field(pattern=f"^(?:{PLAN})$")]
Text = Annotated[str, Field(pattern=TEXT, max_length=4000)]
Name = Annotated[str, Field(pattern=TEXT, max_length=300)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MediaType = Annotated[str, Field(pattern=r"^[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+$", max_length=100)]
WebAddress = Annotated[
    str, Field(pattern=r"^https?://[^\u0000-\u0020\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]+$", max_length=2000)
]
Percent = Annotated[
    Decimal,
    Field(ge=0, le=100, max_digits=5, decimal_places=2),  # before the conversion: so Pydantic checks them natively
    ADecimal,
    AfterValidator(plain),
    decimal_schema(100, 2, 2),
]
Version = Annotated[int, Field(ge=1, le=100_000), AnInteger]
Year = Annotated[int, Field(ge=2000, le=2100), AnInteger]
Rupiah = Annotated[int, Field(ge=0, le=9 * 10**15, description="Whole rupiah."), AnInteger]
