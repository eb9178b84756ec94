"""Every version of every event, as examples that must keep their meaning: tests/golden/<type>.json.

An example that no longer parses, or that normalizes to other bytes, is a change of the contract: facts in the facts log would
be lost or become conflicts with themselves. Such a change needs a new type, and readers upcast the old.
"""

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from pydantic import ValidationError, create_model

from schemas import codec as reading
from schemas.facts import (
    NO_LINK,
    EventContent,
    Fact,
    Progress,
    RejectHeaders,
    Snapshot,
    canonical,
    content,
    digest,
    fact_key,
    fact_record,
    link_of,
    parse_fact,
)
from schemas.facts import written as published
from schemas.private import put_private
from schemas.registry import BY_TYPE, EVENT, KINDS, kind_of
from schemas.topics import INPUTS
from tests.oracle import ENTERS_BY, HAPPENED_ON, SOURCES_OF, Json
from tests.parts.facts import FactsLog
from tests.strategies import written

GOLDEN = Path(__file__).parent.parent / "golden"
JSON_SCHEMAS = Path(__file__).parent.parent.parent / "schemas" / "jsonschema"
TYPES = [kind.event_type for kind in KINDS]
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
    again = EVENT.validate_json(example["normalized"])
    assert published(event).decode() == published(again).decode() == example["normalized"]
    assert content(event) == content(again) == content_of(example)


def content_of(example: Json) -> EventContent:
    return EventContent(example["public"].encode(), example["private"].encode())


@pytest.mark.parametrize(("kind", "name"), EXAMPLES)
def test_both_parts_together_are_the_whole_event_again(kind: str, name: str) -> None:
    example = golden(kind)[name]
    public = json.loads(example["public"])
    private = json.loads(example["private"] or "{}")

    whole = public | {"data": put_private(public["data"], private)}

    attestation = json.loads(example["normalized"]).get("attestation")
    assert whole | ({"attestation": attestation} if attestation else {}) == json.loads(example["normalized"])
    assert json.dumps(public, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == example["public"]


@pytest.mark.parametrize(("kind", "name"), EXAMPLES)
def test_a_new_optional_field_changes_no_content_and_no_digest(kind: str, name: str) -> None:
    """A later version of each model has a field more, in the envelope and in `data`."""
    cls, data_model = BY_TYPE[kind].model, BY_TYPE[kind].data
    data = create_model("Later", __base__=data_model, later=(str | None, None), flag=(bool, False))
    later: Any = create_model("LaterEvent", __base__=cls, later=(tuple[str, ...], ()), data=(data, ...))
    example = golden(kind)[name]

    event: Any = later.model_validate_json(written(example["event"]))

    assert "later" in type(event.data).model_fields
    assert content(event) == content_of(example)
    assert digest(content(event).public, None) == digest(example["public"].encode(), None)
    assert content(event.model_copy(update={"later": ("x",)})) != content_of(example)


def test_the_shortcut_writes_no_field_that_is_at_its_default() -> None:
    for struct in (
        reading._SentReport,
        reading._SentData,
        reading._Evidence,
        reading._PrivateData,
        reading._PrivateEvidence,
    ):
        assert struct.__struct_config__.omit_defaults
        names = [field.name for field in msgspec.structs.fields(struct)]
        assert names == sorted(names)


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

    assert fields - named <= {"attestedrole", "attestation", "datacontenttype", "data_base64"}


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
    return changed  # type: ignore[no-any-return]  # a copy of an event is one


@pytest.mark.parametrize("kind", TYPES)
def test_an_unknown_field_in_data_is_refused_at_entry_and_ignored_by_readers_of_facts(kind: str) -> None:
    normalized = json.loads(golden(kind)["full"]["normalized"])
    event = EVENT.validate_json(written(normalized))
    public = json.loads(golden(kind)["full"]["public"])
    stored = parse_fact(FactsLog().add(event, 0).value)
    assert isinstance(stored, Fact)
    places = [path for path, _ in objects(public) if path and path[0] == "data"]
    assert places
    for path in places:
        later = with_a_new_field(normalized, path)
        with pytest.raises(ValidationError, match="field_of_a_later_version"):
            EVENT.validate_json(written(later))
        assert EVENT.validate_json(written(later), extra="ignore") == event
        fact = {"seq": 1, "received_ms": 0, "topic": ENTERS_BY[kind], "partition": 0, "offset": 0, "digest": ""}
        fact |= {"link": "", "fold": True, "event": with_a_new_field(public, path), "later": 1}
        read = parse_fact(written(fact))
        assert isinstance(read, Fact)
        assert read.event == stored.event


@pytest.mark.parametrize("kind", TYPES)
def test_an_unknown_attribute_of_the_envelope_is_an_extension_and_no_content(kind: str) -> None:
    example = golden(kind)["minimal"]

    event = EVENT.validate_json(written(with_a_new_field(example["event"], ())))

    assert content(event) == content_of(example)


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


def test_every_error_is_reported_at_once() -> None:
    event = golden("id.pantau.program.status.reported.v1")["minimal"]["event"]
    wrong = event | {"id": "", "time": "yesterday", "data": event["data"] | {"physical": 101, "spent": -1, "x": 1}}

    with pytest.raises(ValidationError) as caught:
        EVENT.validate_json(written(wrong))

    places = {str(error["loc"][-1]) for error in caught.value.errors()}
    assert places == {"id", "time", "physical", "spent", "x"}


def test_each_type_enters_by_one_topic_and_from_the_sources_the_design_names() -> None:
    assert {kind.event_type: kind.topic for kind in KINDS} == ENTERS_BY
    assert {kind.event_type: set(kind.senders) for kind in KINDS} == SOURCES_OF
    assert set(ENTERS_BY.values()) == set(INPUTS)
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert {kind.event_type: kind.day for kind in KINDS if kind.day and not kind.day_may_come} == HAPPENED_ON


# --- what the aggregator writes


def test_a_fact_has_one_form_and_is_read_back_whole() -> None:
    example = golden("id.pantau.program.status.reported.v1")["minimal"]
    event = EVENT.validate_json(written(example["event"]))
    public, private = content(event)
    assert private == b""

    value, link = fact_record(
        NO_LINK,
        seq=8123,
        received_ms=1795435200000,
        topic="program-status",
        partition=3,
        offset=42,
        digest=digest(public, None),
        public=public,
    )

    assert value.decode() == (
        '{"link":"c9a750c67e47afb896a6e9f0f527fdcb4baafdbde899c90b69bd31f25930e146","digest":"3f02f44574e191a64f427e976dfcd0a6","event":'
        + example["public"]
        + ',"fold":true,"offset":42,"partition":3,"received_ms":1795435200000,"seq":8123,"topic":"program-status"}'
    )
    assert (
        fact_key(event.plan, kind_of(event).name, event.source, event.id)
        == b"kota-pontianak-2019-2028/report/plans/kota-pontianak-2019-2028/departments/dinkes/r-1"
    )
    fact = parse_fact(value)
    assert isinstance(fact, Fact)
    assert (fact.seq, fact.received_ms, fact.topic, fact.partition, fact.offset) == (
        8123, 1795435200000, "program-status", 3, 42,
    )  # fmt: skip
    assert fact.event == event
    assert bytes.fromhex(fact.digest) == digest(public, None)
    assert fact.link == link.hex()


@pytest.mark.parametrize(("kind", "name"), EXAMPLES)
def test_the_link_of_a_fact_can_be_computed_from_the_public_facts(kind: str, name: str) -> None:
    """Plainly: parse, leave the link out, write with sorted keys, hash after the link before."""
    event = EVENT.validate_json(written(golden(kind)[name]["event"]))
    log, before = FactsLog(), bytes(32)

    for number in (1, 2):
        fact = json.loads(log.add(event.model_copy(update={"id": f"{event.id}{number}"}), 1000 + number).value)
        link = fact.pop("link")
        text = json.dumps(fact, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        expected = hashlib.sha256(before + text.encode()).hexdigest()
        assert link == expected
        assert link_of(before, b'{"link":"' + link.encode() + b'",' + canonical(fact)[1:]).hex() == link
        before = bytes.fromhex(link)


def test_the_private_part_can_be_checked_by_who_may_read_it_and_not_be_guessed_from_the_fact() -> None:
    event = EVENT.validate_json(written(golden("id.pantau.program.status.reported.v1")["full"]["event"]))
    written_fact = FactsLog().add(event, 5)
    fact = json.loads(written_fact.value)
    assert written_fact.private is not None
    part = json.loads(written_fact.private)

    text = json.dumps(part["data"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(bytes.fromhex(part["salt"]) + text).hexdigest() == fact["private"]
    assert part["salt"] not in written_fact.value.decode()
    assert fact["private"] != hashlib.sha256(text).hexdigest()
    for secret in (part["data"]["note"], part["data"]["obstacle"], part["data"]["evidence"][0]["title"]):
        assert secret not in written_fact.value.decode()


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
    changed = {key: value for key, value in event["data"].items() if key != "period"} | data
    return written(event | {"time": time, "data": changed})


@pytest.mark.parametrize("day", ["1000-01-01", "2999-12-31"])
def test_whatever_is_accepted_can_be_read_back_from_the_facts_log(day: str) -> None:
    event = EVENT.validate_json(report(effective_on=day))

    assert EVENT.validate_json(published(event)) == event


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
