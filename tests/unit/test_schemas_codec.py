"""The fast decoding of reports gives what the models give, or nothing."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import FlatReport, ReportFact, read_fact, read_report, report_of
from schemas.facts import content, parse_fact
from schemas.facts import written as published
from schemas.fields import TEXT
from schemas.registry import EVENT
from schemas.reports import StatusReported
from tests import oracle
from tests.parts.facts import FactsLog
from tests.strategies import Dice, ReceivedEvent, dice, histories, in_other_words, poisons, written
from tests.unit.example_plans import report
from tests.unit.json_texts import TEXTS

Json = dict[str, Any]
GOOD: Json = report("GOV-001", "2020-12-31").event

ENVELOPE = ("specversion", "id", "source", "time", "datacontenttype", "attestedrole", "type", "data", "traceparent")
DATA = ("program", "status", "physical", "spent", "period", "effective_on", "evidence", "obstacle", "note", "more")


def with_text(text: str, *path: str) -> bytes:
    """A good report in which one field has a text of JSON."""
    changed: Json = json.loads(json.dumps(GOOD))
    place = changed if len(path) == 1 else changed[path[0]]
    place[path[-1]] = "(here)"
    return json.dumps(changed).replace('"(here)"', text).encode()


def same_as_the_models(value: bytes) -> bool:
    """Hold the shortcut against the models. Returns whether it had an answer."""
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
def test_reports_as_departments_write_them_are_read_by_the_shortcut(history: list[ReceivedEvent], rolled: Dice) -> None:
    for received_event in history:
        is_report = received_event.event["type"] == oracle.REPORT
        assert same_as_the_models(written(received_event.event)) == is_report
        same_as_the_models(in_other_words(rolled, received_event.event))
        assert same_as_the_models(published(EVENT.validate_json(written(received_event.event)))) == is_report


@pytest.mark.parametrize("name", list(poisons()))
def test_poison(name: str) -> None:
    topic, value = poisons()[name]
    if value is not None and topic == "program-status":
        same_as_the_models(value)


@given(history=histories)
def test_a_fact_read_back_is_the_fact(history: list[ReceivedEvent]) -> None:
    log = FactsLog()
    for received_event in history:
        event = EVENT.validate_json(written(received_event.event))
        value = log.add(event, received_event.received_ms, 3).value
        whole, found = parse_fact(value), read_fact(value)
        if isinstance(event, StatusReported):
            assert isinstance(found, ReportFact)
            about = (whole.seq, received_event.received_ms, whole.topic, bytes.fromhex(whole.digest))
            assert found == (*about, report_of(event), whole.link)
        else:
            assert found == whole


def test_a_fact_with_fields_of_a_later_version_is_read() -> None:
    value = FactsLog().add(EVENT.validate_json(written(GOOD)), 5).value
    value = value.replace(b'"data":{', b'"later":1,"data":{"later":[2],')
    found = read_fact(value[:-1] + b',"later":{}}')
    assert isinstance(found, ReportFact)
    assert isinstance(found.report, FlatReport)
    with pytest.raises(msgspec.ValidationError):
        read_fact(b'{"seq":1}')
