"""The shortcut by which reports are read says what the models say, or nothing."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.book import content, parse_fact
from schemas.book import written as published
from schemas.events import EVENT
from schemas.fields import TEXT
from schemas.reading import Report, ReportFact, read_fact, read_report, report_of
from schemas.reports import StatusReported
from tests import oracle
from tests.parts.facts import FactsLog
from tests.strategies import Dice, Said, dice, histories, in_other_words, poisons, written
from tests.unit.plans import report

Json = dict[str, Any]
GOOD: Json = report("GOV-001", "2020-12-31").event

# JSON texts that a field may hold, as they stand in the bytes: usual ones, and those on which readers differ.
TEXTS = [
    "null", "true", "0", "-0", "-0.0", "1", "100", "100.0", "1e2", "1E+2", "10.50", "10.500", "10.001", "100.01", "-1",
    "99.99", "1.5", "0.1", "12.340000000000000001", "1e400", "9007199254740993", "10000000000000000", "10000000000000001",
    "18446744073709551616", "5.0", "NaN", '"NaN"', '"0"', '"-0"', '"+1"', '" 1"', '"1 "', '"01.5"', '"1_0"', '"1e1"', '"10.50"',
    '"\\u0661"', '""', '"x"', '"X"', '"P-1"', '"p-1"', '"P-"', '"A.B"', '"P-1\\n"', '"2020-12"', '"2020-Q4"', '"2020-13"', '"0999-12"',
    '"2020-12-31"', '"2020-02-30"', '"2020-12-31T00:00:00"', '"2020-12-31T00:00:00Z"', '"1609372800"', '"0999-12-31"', '"3000-01-01"',
    '"realized"', '"blocked"', '"Realized"', '"1.0"', '"application/json"', '"administrator"', '"a"', '"a\\n"', '"a b"', '"' + "a" * 128 + '"',
    '"' + "a" * 129 + '"', '"/plans/kota/departments/dinkes"', '"/plans/kota/departments/dinkes\\n"', '"/plans/kota/council"',
    '"/plans/kota/evaluators/m"', '"/plans/Kota/departments/d"', '"2021-01-01T00:00:00Z"', '"2021-01-01T00:00:00.1Z"',
    '"2021-01-01T00:00:00.123456Z"', '"2021-01-01T00:00:00.1234567Z"', '"2021-01-01T07:00:00.100+07:00"', '"2021-01-01T00:00:00-00:00"',
    '"2021-01-01T00:00:00+23:59"', '"2021-01-01T00:00:00+24:00"', '"2021-01-01T00:00:00+0700"', '"2021-01-01T00:00:00"', '"2021-01-01T24:00:00Z"',
    '"2021-01-01T00:00:60Z"', '"2021-01-01t00:00:00z"', '"2021-01-01 00:00:00Z"', '"0001-01-01T00:00:00+07:00"', '"9999-12-31T23:59:59-07:00"',
    '"2021-02-29T00:00:00Z"', '"tab\\t, newline\\n, \\u0000\\u001f\\u007f, quote \\", \\\\ \\/ \\u00e9 \\ud83d\\ude00"', '"\\ud800"', '"kendala: \u00e9 \u2028 \U0001f600"',
    '"' + "n" * 4000 + '"', '"' + "n" * 4001 + '"', '"' + "\U0001f600" * 4000 + '"', "[]", "{}", "[null]",
    '[{"title": "Foto", "sha256": "' + "0" * 64 + '"}]', '[{"title": "Foto", "sha256": "' + "0" * 64 + '\\n"}]',
    '[{"title": "Foto", "sha256": "' + "F" * 64 + '"}]', '[{"title": "", "sha256": "' + "0" * 64 + '"}]',
    '[{"title": "F", "sha256": "' + "0" * 64 + '", "url": "ftp://x"}]', '[{"title": "F", "sha256": "' + "0" * 64 + '", "url": ""}]',
    '[{"title": "F", "sha256": "' + "0" * 64 + '", "url": "https://x", "media_type": "image/png"}]',
    '[{"title": "F", "sha256": "' + "0" * 64 + '", "more": 1}]', "[" + ", ".join(['{"title": "F", "sha256": "' + "1" * 64 + '"}'] * 51) + "]",
]  # fmt: skip
ENVELOPE = ("specversion", "id", "source", "time", "datacontenttype", "attestedrole", "type", "data", "traceparent")
DATA = ("program", "status", "physical", "spent", "period", "effective_on", "evidence", "obstacle", "note", "more")


def with_text(text: str, *path: str) -> bytes:
    """A good report in which one field has a text of JSON."""
    told: Json = json.loads(json.dumps(GOOD))
    place = told if len(path) == 1 else told[path[0]]
    place[path[-1]] = "(here)"
    return json.dumps(told).replace('"(here)"', text).encode()


def same_as_the_models(value: bytes) -> bool:
    """Hold the shortcut against the models. Says whether it had an answer."""
    found = read_report(value)
    if found is None:
        return False
    event = EVENT.validate_json(value)  # else it took what the models refuse
    assert isinstance(event, StatusReported)
    assert found.report == report_of(event)
    assert found.written() == published(event)
    assert found.content() == content(event)
    return True


@pytest.mark.parametrize("path", [(name,) for name in ENVELOPE] + [("data", name) for name in DATA], ids=".".join)
def test_whatever_stands_in_a_field(path: tuple[str, ...]) -> None:
    for text in TEXTS:
        same_as_the_models(with_text(text, *path))


@given(
    text=st.sampled_from(TEXTS), other=st.sampled_from(TEXTS), path=st.sampled_from(DATA), also=st.sampled_from(DATA)
)
def test_whatever_stands_in_two_fields(text: str, other: str, path: str, also: str) -> None:
    value = with_text(text, "data", path).decode().replace("{", '{"' + also + '": ' + other + ", ", 2)
    same_as_the_models(value.encode())
    same_as_the_models(with_text(f'{text}, "{also}": {other}', "data", path))


@given(physical=st.floats(allow_nan=False) | st.decimals(0, 100, places=2) | st.integers(-1, 101), quoted=st.booleans())
def test_whatever_number_physical_progress_is(physical: float, quoted: bool) -> None:
    same_as_the_models(with_text(f'"{physical}"' if quoted else str(physical), "data", "physical"))


@given(note=st.text(max_size=40), escaped=st.booleans())
def test_whatever_is_written_in_a_note(note: str, escaped: bool) -> None:
    value = with_text(json.dumps(note, ensure_ascii=escaped), "data", "note")
    assert same_as_the_models(value) == (re.fullmatch(TEXT, note) is not None)


@given(when=st.datetimes(timezones=st.timezones()))
def test_whatever_time_it_is(when: Any) -> None:
    same_as_the_models(with_text(f'"{when.isoformat()}"', "time"))


@given(raw=st.binary(max_size=20), at=st.integers(0, 400))
def test_whatever_bytes_stand_anywhere(raw: bytes, at: int) -> None:
    value = written(GOOD)
    same_as_the_models(value[:at] + raw + value[at:])
    same_as_the_models(value[:at] + raw + value[at + len(raw) :])


@given(history=histories, rolled=dice(400))
def test_reports_as_departments_write_them_are_read_by_the_shortcut(history: list[Said], rolled: Dice) -> None:
    for said in history:
        is_report = said.event["type"] == oracle.REPORT
        assert same_as_the_models(written(said.event)) == is_report
        same_as_the_models(in_other_words(rolled, said.event))
        assert same_as_the_models(published(EVENT.validate_json(written(said.event)))) == is_report


@pytest.mark.parametrize("name", list(poisons()))
def test_poison(name: str) -> None:
    topic, value = poisons()[name]
    if value is not None and topic == "program-status":
        same_as_the_models(value)


@given(history=histories)
def test_a_fact_read_back_is_the_fact(history: list[Said]) -> None:
    log = FactsLog()
    for said in history:
        event = EVENT.validate_json(written(said.event))
        value = log.add(event, said.received_ms, 3).value
        whole, found = parse_fact(value), read_fact(value)
        if isinstance(event, StatusReported):
            assert isinstance(found, ReportFact)
            about = (whole.seq, said.received_ms, whole.topic, bytes.fromhex(whole.digest))
            assert found == (*about, report_of(event), whole.link)
        else:
            assert found == whole


def test_a_fact_with_fields_of_a_later_version_is_read() -> None:
    value = FactsLog().add(EVENT.validate_json(written(GOOD)), 5).value
    value = value.replace(b'"data":{', b'"later":1,"data":{"later":[2],')
    found = read_fact(value[:-1] + b',"later":{}}')
    assert isinstance(found, ReportFact)
    assert isinstance(found.report, Report)
    with pytest.raises(msgspec.ValidationError):
        read_fact(b'{"seq":1}')
