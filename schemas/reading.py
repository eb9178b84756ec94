"""Reads reports, which are nearly all of the mail and of the book, without building the models of `schemas.events`.

The models are the contract; this is a shortcut through them for what is well written. `read_report` says of a report's
bytes exactly what `EVENT.validate_json` and `content` say, or nothing (None): then ask the models, which also tell
everything that is wrong. What a field may hold is decided by the field's own model, once for each text, and remembered.
A test holds both against each other (tests/unit/test_schemas_reading.py).

Measured on a report of 400 bytes: 3 us instead of 17 us with the models.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta
from pydantic import TypeAdapter

from schemas.book import Fact, InputTopic
from schemas.envelope import EVENT_ID, SourceText, microseconds
from schemas.reports import EffectiveOn, Period, Physical, ProgramCode, StatusReported, period_end
from schemas.sources import parse_source
from schemas.vocabulary import Status

REMEMBERED = 65_536  # texts of each field
RUPIAH_LIMIT = 10**16
UNSURE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)  # ValueError: of the models, too

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-5][0-9])"
)
_SOME_DAY = date(2000, 1, 2)
_ID = re.compile(EVENT_ID.removeprefix("^").removesuffix("$"))
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Report(msgspec.Struct, frozen=True, gc=False):
    """A report on a program as the fold needs it, flat."""

    source: str
    plan: str
    id: str
    time_us: int
    program: str
    status: Status
    physical: int  # 1/100 percent
    spent: int | None  # rupiah, from the beginning
    period: str
    effective_on: date


class ReportFact(NamedTuple):
    """A fact that holds a report. `digest` is that of its content, 16 bytes."""

    seq: int
    received_ms: int
    topic: InputTopic
    digest: bytes
    report: Report


def report_of(event: StatusReported) -> Report:
    """The report an event of the models holds."""
    data = event.data
    return Report(
        event.source,
        event.plan,
        event.id,
        microseconds(event.time),
        data.program,
        data.status,
        int(data.physical * 100),
        data.spent,
        data.reported_period,
        data.effective,
    )


# ── as it is sent ────────────────────────────────────────────────────────────────────────────────────────────────────

Name = Annotated[str, Meta(min_length=1, max_length=300)]
Text = Annotated[str, Meta(min_length=1, max_length=4000)]


class _Evidence(msgspec.Struct, forbid_unknown_fields=True):
    title: Name
    sha256: str
    media_type: Annotated[str, Meta(max_length=100)] | None = None
    url: Annotated[str, Meta(max_length=2000)] | None = None


class _Data(msgspec.Struct, forbid_unknown_fields=True):
    program: str
    status: Status
    physical: str | int | float
    spent: Annotated[int, Meta(ge=0, le=RUPIAH_LIMIT)] | None = None
    period: str | None = None
    effective_on: str | None = None
    evidence: Annotated[tuple[_Evidence, ...], Meta(max_length=50)] = ()
    obstacle: Text | None = None
    note: Text | None = None


class _Sent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A report as it is sent, in the order in which its content is written.

    Attributes that CloudEvents allows and nobody looks at are left to the models, which look at what is in them; so is
    a role that is attested, which intake must see.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    time: str  # once it was read, as it is written in UTC
    datacontenttype: Literal["application/json"] = "application/json"
    attestedrole: None = None
    type: Literal["id.pantau.program.status.reported.v1"]
    data: _Data


_DECODE_SENT = msgspec.json.Decoder(_Sent).decode
_ENCODE = msgspec.json.Encoder().encode


def read_report(value: bytes) -> tuple[Report, bytes] | None:
    """A report and its content (`schemas.book.content`), when `value` surely is one the models take; else None."""
    try:
        sent = _DECODE_SENT(value)
        data = sent.data
        if not _ID.fullmatch(sent.id):
            return None
        source, plan = _source(sent.source)
        sent.time, time_us = _moment(sent.time)
        program = _program(data.program)
        data.physical, physical = _physical(data.physical)
        if data.status is Status.REALIZED and physical != 10_000:
            return None
        period, effective_on = data.period, data.effective_on
        if effective_on is not None:
            day, data.effective_on, month = _day(effective_on)
            if period is None:
                data.period = month
            else:
                data.period, _, _ = _period(period)
        elif period is not None:
            data.period, day, data.effective_on = _period(period)
        else:
            return None
        for each in data.evidence:
            if not _SHA256.fullmatch(each.sha256):
                return None
            if each.url is not None and not each.url.startswith(("http://", "https://")):
                return None
        content = _ENCODE(sent)
    except UNSURE:
        return None
    assert data.period is not None
    return Report(source, plan, sent.id, time_us, program, data.status, physical, data.spent, data.period, day), content


# ── as the book has it ───────────────────────────────────────────────────────────────────────────────────────────────


class _Kept(msgspec.Struct):
    """The data of a report in the book, as far as the fold needs it. Fields of later versions are ignored."""

    program: str
    status: Status
    physical: str
    spent: int | None
    period: str
    effective_on: str


class _KeptEvent(msgspec.Struct):
    id: str
    source: str
    time: str
    type: Literal["id.pantau.program.status.reported.v1"]
    data: _Kept


class _KeptFact(msgspec.Struct):
    seq: int
    received_ms: int
    topic: InputTopic
    digest: str
    event: _KeptEvent


_DECODE_FACT = msgspec.json.Decoder(_KeptFact).decode


def read_fact(value: bytes) -> ReportFact | Fact:
    """A fact of the book: of a report what the fold needs, of anything else the whole. Raises ValidationError."""
    try:
        fact = _DECODE_FACT(value)
        event, data = fact.event, fact.event.data
        source, plan = _source(event.source)
        report = Report(
            source,
            plan,
            event.id,
            _moment(event.time)[1],
            _program(data.program),
            data.status,
            _physical(data.physical)[1],
            data.spent,
            _period(data.period)[0],
            _day(data.effective_on)[0],
        )
        return ReportFact(fact.seq, fact.received_ms, fact.topic, bytes.fromhex(fact.digest), report)
    except UNSURE:
        return Fact.model_validate_json(value, extra="ignore")


# ── fields, each by the word of its own model ────────────────────────────────────────────────────────────────────────

_SOURCE: TypeAdapter[str] = TypeAdapter(SourceText)
_PROGRAM: TypeAdapter[str] = TypeAdapter(ProgramCode)
_PERIOD: TypeAdapter[str] = TypeAdapter(Period)
_PHYSICAL = TypeAdapter(Physical)
_DAY: TypeAdapter[date] = TypeAdapter(EffectiveOn)


@lru_cache(REMEMBERED)
def _source(text: str) -> tuple[str, str]:
    """A source, one object for each, and its plan."""
    return _SOURCE.validate_python(text), parse_source(text).plan


@lru_cache(REMEMBERED)
def _program(text: str) -> str:
    return _PROGRAM.validate_python(text)


@lru_cache(REMEMBERED)
def _period(text: str) -> tuple[str, date, str]:
    """A period, its last day, and that day as it is written."""
    end = period_end(_PERIOD.validate_python(text))
    return text, end, end.isoformat()


@lru_cache(REMEMBERED)
def _day(text: str) -> tuple[date, str, str]:
    """A date, how it is written, and its month as a period."""
    day = _DAY.validate_json(msgspec.json.encode(text), strict=True)
    return day, day.isoformat(), f"{day:%Y-%m}"


@lru_cache(REMEMBERED)
def _physical(written: str | float) -> tuple[str, int]:
    """Physical progress as it is written, and in 1/100 percent."""
    percent = _PHYSICAL.validate_json(msgspec.json.encode(written), strict=True)
    return str(percent), int(percent * 100)


def _moment(text: str) -> tuple[str, int]:
    """A time as it is written in UTC, and its microseconds since 1970. Raises ValueError for any unusual form."""
    day, clock = text[:10], text[10:]
    since_midnight, days_off, clock_utc = _clock(clock)
    time_us = _midnight(day) + since_midnight
    return (_day_off(day, days_off) if days_off else day) + clock_utc, time_us


@lru_cache(REMEMBERED)
def _midnight(day: str) -> int:
    """The microseconds since 1970 at which a day begins in UTC."""
    return microseconds(_read_time(f"{day}T00:00:00Z"))


@lru_cache(REMEMBERED)
def _clock(text: str) -> tuple[int, int, str]:
    """A time of day with its offset, such as T03:04:05+07:00: the microseconds since midnight in UTC, by how many days
    the date differs in UTC, and how it is written there."""
    moment = _read_time(f"{_SOME_DAY}{text}").astimezone(UTC)
    days_off = (moment.date() - _SOME_DAY).days
    return microseconds(moment) - _midnight(f"{_SOME_DAY}"), days_off, _ENCODE(moment).decode().strip('"')[10:]


@lru_cache(REMEMBERED)
def _day_off(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


def _read_time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise ValueError("a time in another form")
    return datetime.fromisoformat(text)
