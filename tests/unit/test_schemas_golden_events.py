"""Every version of every event, as examples that must keep their meaning: tests/golden/<type>.json.

An example that no longer parses, or that normalizes to other bytes, is a change of the contract: facts in the book would
be lost or become conflicts with themselves. Such a change needs a new type, and readers upcast the old.
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from schemas.book import Fact, Progress, RejectHeaders, Snapshot, content, digest, fact_key, fact_value
from schemas.events import EVENT, EVENT_CLASSES, event_type
from schemas.topics import INPUTS
from tests.oracle import ENTERS_BY, HAPPENED_ON, SAID_BY, Json
from tests.strategies import written

GOLDEN = Path(__file__).parent.parent / "golden"
JSON_SCHEMAS = Path(__file__).parent.parent.parent / "schemas" / "jsonschema"
TYPES = [event_type(cls) for cls in EVENT_CLASSES]
MAPS = {"budget", "targets", "dimension_targets"}  # objects whose keys are years or dimensions, not fields


def golden(kind: str) -> Json:
    found: Json = json.loads((GOLDEN / f"{kind}.json").read_text("utf-8"))
    return found


EXAMPLES = [(kind, name) for kind in TYPES for name in ("minimal", "full")]


def test_every_type_of_event_has_its_golden_examples() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(TYPES)


@pytest.mark.parametrize(("kind", "name"), EXAMPLES)
def test_an_event_published_once_parses_for_ever_and_normalizes_to_the_same_bytes(kind: str, name: str) -> None:
    example = golden(kind)[name]

    event = EVENT.validate_json(written(example["event"]))

    assert event.type == kind
    assert content(event).decode() == example["normalized"]
    assert content(EVENT.validate_json(example["normalized"])).decode() == example["normalized"]


@pytest.mark.parametrize(("kind", "name"), EXAMPLES)
def test_the_generated_json_schema_takes_what_the_models_take(kind: str, name: str) -> None:
    schema = json.loads((JSON_SCHEMAS / f"{kind}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    example = golden(kind)[name]

    validator.validate(example["event"])
    validator.validate(json.loads(example["normalized"]))


@pytest.mark.parametrize("kind", TYPES)
def test_the_full_example_names_every_field_there_is(kind: str) -> None:
    schema = json.loads((JSON_SCHEMAS / f"{kind}.json").read_text("utf-8"))
    named = {key for _, fields in objects(golden(kind)["full"]["event"]) for key in fields}
    fields = {field for each in (schema, *schema["$defs"].values()) for field in each.get("properties", ())}

    assert fields - named <= {"attestedrole", "datacontenttype", "data_base64"}


def objects(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """Every object inside a JSON value that has fields, with its path."""
    if isinstance(value, dict):
        if not path or path[-1] not in MAPS:
            yield path, value
            for key, each in value.items():
                yield from objects(each, (*path, key))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from objects(each, (*path, at))


def with_a_new_field(event: Json, path: tuple[str | int, ...]) -> Json:
    changed: Any = copy.deepcopy(event)
    place = changed
    for step in path:
        place = place[step]
    place["field_of_a_later_version"] = {"x": 1}
    return changed  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", TYPES)
def test_an_unknown_field_in_data_is_refused_at_entry_and_ignored_by_readers_of_the_book(kind: str) -> None:
    normalized = json.loads(golden(kind)["full"]["normalized"])
    event = EVENT.validate_json(written(normalized))
    places = [path for path, _ in objects(normalized) if path and path[0] == "data"]
    assert places
    for path in places:
        later = with_a_new_field(normalized, path)
        with pytest.raises(ValidationError, match="field_of_a_later_version"):
            EVENT.validate_json(written(later))
        assert EVENT.validate_json(written(later), extra="ignore") == event
        fact = {"seq": 1, "received_ms": 0, "topic": ENTERS_BY[kind], "partition": 0, "offset": 0, "digest": ""}
        read = Fact.model_validate_json(written(fact | {"event": later, "later": 1}), extra="ignore")
        assert read.event == event


@pytest.mark.parametrize("kind", TYPES)
def test_an_unknown_attribute_of_the_envelope_is_an_extension_and_no_content(kind: str) -> None:
    example = golden(kind)["minimal"]

    event = EVENT.validate_json(written(with_a_new_field(example["event"], ())))

    assert content(event).decode() == example["normalized"]


@pytest.mark.parametrize("kind", TYPES)
def test_each_required_field_is_missed_when_it_is_not_there(kind: str) -> None:
    event = golden(kind)["minimal"]["event"]
    for field in event:
        if field == "data":
            for inner in event["data"]:
                left = {key: value for key, value in event["data"].items() if key != inner}
                with pytest.raises(ValidationError):
                    EVENT.validate_json(written(event | {"data": left}))
        with pytest.raises(ValidationError):
            EVENT.validate_json(written({key: value for key, value in event.items() if key != field}))


def test_every_error_is_told_at_once() -> None:
    event = golden("id.pantau.program.status.reported.v1")["minimal"]["event"]
    wrong = event | {"id": "", "time": "yesterday", "data": event["data"] | {"physical": 101, "spent": -1, "x": 1}}

    with pytest.raises(ValidationError) as caught:
        EVENT.validate_json(written(wrong))

    told = {str(error["loc"][-1]) for error in caught.value.errors()}
    assert told == {"id", "time", "physical", "spent", "x"}


def test_each_type_enters_by_one_topic_and_is_said_by_whom_the_design_says() -> None:
    assert {event_type(cls): cls.KIND.topic for cls in EVENT_CLASSES} == ENTERS_BY
    assert {event_type(cls): set(cls.KIND.sources) for cls in EVENT_CLASSES} == SAID_BY
    assert set(ENTERS_BY.values()) == set(INPUTS)
    assert len({cls.KIND.kind for cls in EVENT_CLASSES}) == len(EVENT_CLASSES)
    assert HAPPENED_ON.keys() < ENTERS_BY.keys()


# --- what the aggregator writes


def test_a_fact_has_one_form_and_is_read_back_whole() -> None:
    example = golden("id.pantau.program.status.reported.v1")["minimal"]
    event = EVENT.validate_json(written(example["event"]))
    inside = content(event)

    value = fact_value(8123, 1795435200000, "program-status", 3, 42, digest(inside), inside)

    assert value.decode() == (
        '{"seq":8123,"received_ms":1795435200000,"topic":"program-status","partition":3,"offset":42,'
        '"digest":"4cc4c725c10cc52bdc0b1a972b8e664d","event":' + example["normalized"] + "}"
    )
    assert (
        fact_key(event.plan, event.KIND.kind, event.source, event.id)
        == b"kota-pontianak-2019-2028/report/plans/kota-pontianak-2019-2028/departments/dinkes/r-1"
    )
    fact = Fact.model_validate_json(value)
    assert (fact.seq, fact.received_ms, fact.topic, fact.partition, fact.offset) == (
        8123, 1795435200000, "program-status", 3, 42,
    )  # fmt: skip
    assert fact.event == event
    assert bytes.fromhex(fact.digest) == digest(inside)


WRITTEN: list[tuple[type[Snapshot] | type[Progress] | type[RejectHeaders], Json]] = [
    (
        Snapshot,
        {
            "plan": "p", "seq": 1, "received_ms": 5, "as_of": "2020-12-31", "plan_version": 1,
            "cells": {"overall": {"overall": [1, 1, 0, 0, 10000, 0, 0, 4550, 0, 0]}},
        },
    ),
    (
        Progress,
        {
            "partition": 3, "next_offsets": {"masterplans": 1, "program-status": 2, "evaluations": 3},
            "outcomes": {"masterplans": {"accepted": 1}}, "facts_end": 7, "rejected_end": 0,
        },
    ),
    (
        RejectHeaders,
        {
            "reason": "not_json", "detail": "?", "topic": "evaluations", "partition": 0, "offset": 1, "received_ms": 2,
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "example"), WRITTEN, ids=[model.__name__ for model, _ in WRITTEN])
def test_what_a_later_version_writes_beside_is_ignored(
    model: type[Snapshot] | type[Progress] | type[RejectHeaders], example: Json
) -> None:
    assert model.model_validate_json(written(example | {"later": [1]})) == model.model_validate_json(written(example))


# --- gaps in the contract, found by these tests; each mark goes when its gap is closed


def report(time: str = "2021-01-08T08:30:00Z", **data: Any) -> bytes:
    event = golden("id.pantau.program.status.reported.v1")["minimal"]["event"]
    said = {key: value for key, value in event["data"].items() if key != "period"} | data
    return written(event | {"time": time, "data": said})


@pytest.mark.parametrize("day", ["1000-01-01", "2999-12-31"])
def test_whatever_is_accepted_can_be_read_back_out_of_the_book(day: str) -> None:
    event = EVENT.validate_json(report(effective_on=day))

    assert EVENT.validate_json(content(event)) == event


@pytest.mark.parametrize("day", ["0999-12-31", "3000-01-01"])
def test_a_day_that_no_period_can_name_is_of_the_wrong_shape(day: str) -> None:
    with pytest.raises(ValidationError):
        EVENT.validate_json(report(effective_on=day))


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_outside_the_calendar_is_of_the_wrong_shape(time: str) -> None:
    with pytest.raises(ValidationError):
        EVENT.validate_json(report(time=time, effective_on="2020-12-31"))


def test_the_order_of_the_years_of_a_budget_is_no_content() -> None:
    event = golden("id.pantau.masterplan.version.published.v1")["full"]["event"]
    turned = event | {"data": event["data"] | {"targets": dict(reversed(event["data"]["targets"].items()))}}

    assert content(EVENT.validate_json(written(turned))) == content(EVENT.validate_json(written(event)))
