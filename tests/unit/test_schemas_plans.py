"""A plan version read from the facts log, or taken from its model, is the model's field by field."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from samples.plan import build
from schemas.masterplan import Department, MasterplanVersion, MasterplanVersionPublished, Names, Program
from schemas.plan_versions import PlanVersion, plan_of, read_plan
from schemas.plan_versions import VersionDepartment as KeptDepartment
from schemas.plan_versions import VersionNames as KeptNames
from schemas.plan_versions import VersionProgram as KeptProgram
from schemas.registry import EVENT
from tests import oracle
from tests.parts.facts import FactsLog
from tests.strategies import Dice, history_of

KEPT: dict[type[BaseModel], type[msgspec.Struct]] = {
    MasterplanVersion: PlanVersion,
    Program: KeptProgram,
    Department: KeptDepartment,
    Names: KeptNames,
}


def same(kept: Any, model: Any) -> bool:
    """Whether both say the same, of the same types, down to the last field."""
    if isinstance(model, BaseModel):
        fields = type(model).model_fields
        return isinstance(kept, KEPT[type(model)]) and all(same(getattr(kept, n), getattr(model, n)) for n in fields)
    if isinstance(model, tuple):
        return len(kept) == len(model) and all(map(same, kept, model))
    return bool(type(kept) is type(model) and kept == model)


def test_both_have_the_same_fields_and_defaults() -> None:
    for model, kept in KEPT.items():
        required = {name for name, field in model.model_fields.items() if field.is_required()}
        fields = msgspec.structs.fields(kept)
        assert {field.name for field in fields} == model.model_fields.keys()
        assert {field.name for field in fields if field.required} == required
        for field in fields:
            if not field.required:
                default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
                assert same(default, model.model_fields[field.name].get_default(call_default_factory=True))


def test_the_samples_versions() -> None:
    _, *versions = build()
    for version in versions:
        assert same(plan_of(version), version)


@given(st.binary(min_size=300, max_size=600))
def test_what_is_read_from_the_facts_log_is_what_the_models_say(luck: bytes) -> None:
    log = FactsLog()
    for received_event in history_of(Dice(luck), "kota", at_most=30):
        event = EVENT.validate_json(json.dumps(received_event.event))
        fact = log.add(event, 1234)
        read = read_plan(fact.value)
        if received_event.event["type"] != oracle.PLAN_VERSION:
            assert read is None
            continue
        assert isinstance(event, MasterplanVersionPublished)
        assert read is not None
        assert (read.seq, read.received_ms) == (log.seq("kota"), 1234)
        assert same(read.plan, event.data)
        assert same(plan_of(event.data), event.data)
