"""What the generated JSON Schemas allow, the models take; what the models take, the schemas allow.

Excused is only what docs/interfaces.md names under *What a schema can't say*, and rules that join several fields.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from pydantic import BaseModel, TypeAdapter, ValidationError

from samples import reports, visits
from schemas.facts import content
from schemas.generate import HERE, files
from schemas.registry import EVENT, KINDS
from services.evaluations.visits.models import VisitSent
from services.programs.erasures.models import ErasureAsked
from tests.oracle import Json
from tests.strategies import Dice, ReceivedEvent, dice, histories, written
from tests.unit.json_documents import UNDERSTOOD, documents, schemas_in, spelled, validator
from tests.unit.json_texts import TEXTS
from tests.unit.test_schemas_golden_events import golden

BODIES: dict[str, type[BaseModel]] = {"visit": VisitSent, "erasure": ErasureAsked}
TYPES = [kind.event_type for kind in KINDS]
NAMES = [*TYPES, *BODIES]


@cache
def schema_of(name: str) -> Json:
    if name in BODIES:
        return BODIES[name].model_json_schema(mode="validation")
    found: Json = json.loads(files()[HERE / "jsonschema" / f"{name}.json"])
    return found


@cache
def validator_of(name: str) -> Any:
    return validator(schema_of(name))


@cache
def adapter_of(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(BODIES[name]) if name in BODIES else EVENT


def _no_json(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def agree(name: str, text: str) -> bool:
    """Hold a schema and its model against each other on one document. Returns whether both take it."""
    try:
        document = json.loads(text, parse_constant=_no_json)
    except ValueError:
        return False
    errors = list(validator_of(name).iter_errors(document))
    try:
        adapter_of(name).validate_json(text)
    except ValidationError as refused:
        if not errors:
            wrong = [error for error in refused.errors() if not excused(error, document, name)]
            assert not wrong, f"the schema allows what the model refuses: {wrong} in {text[:2000]}"
        return False
    assert not errors, f"the model takes what the schema does not allow: {errors[0].message} in {text[:2000]}"
    return True


def excused(error: Any, document: Any, name: str) -> bool:
    """Whether a schema can't say it: docs/interfaces.md, *What a schema can't say*."""
    if error["type"] == "json_invalid":
        return has_lone_surrogate(document)
    value = document
    for step in error["loc"] if name in BODIES else error["loc"][1:]:
        value = value[step]
    joins_fields = error["type"] == "value_error" and isinstance(value, dict)
    places = error["type"] in ("decimal_max_places", "decimal_max_digits") and isinstance(value, float)
    zone = error["loc"][-1:] == ("time_zone",)
    year = "in UTC it is not between" in error["msg"]
    return joins_fields or places or zone or year


def has_lone_surrogate(document: Any) -> bool:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_says_nothing_that_the_generator_passes_over(name: str) -> None:
    for schema in schemas_in(schema_of(name)):
        assert schema.keys() <= UNDERSTOOD


@pytest.mark.parametrize("name", NAMES)
def test_what_a_schema_allows_the_model_takes(name: str) -> None:
    @settings(max_examples=60, phases=[Phase.generate])  # to shrink such a document takes minutes
    @given(document=documents(schema_of(name)), rolled=dice(200))
    def hold(document: Any, rolled: Dice) -> None:
        taken.append(agree(name, spelled(document, rolled)))

    taken: list[bool] = []
    hold()
    assert any(taken), "the generator draws nothing that the rules which join fields let pass"


# ── the other direction: what is sent, and what differs from it in one place ──────────────────────────────────────────

Path = tuple[str | int, ...]
PLACE = "(here)"
KEYS = ("x", "", "1999", "2000", "2199", "2200", "02021", "2021\\n", "\\uff12021", "governance", "Governance")


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where something stands in a document."""
    if path:
        yield path
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*path, step))


def at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def with_text(document: Json, path: Path, text: str) -> str:
    """The document with a text of JSON in one place."""
    changed = json.loads(json.dumps(document))
    at(changed, path[:-1])[path[-1]] = PLACE
    return json.dumps(changed).replace(json.dumps(PLACE), text)


def examples(name: str) -> list[Json]:
    """The fewest fields and all of them."""
    if name == "visit":
        found = [
            {"id": each["id"]} | each["data"] | more
            for each, more in zip(
                (event["event"] for event in golden("id.pantau.visit.recorded.v1").values()),
                ({}, {"source": "/plans/kota/evaluators/m", "time": "2021-01-08T15:30:00+07:00"}),
                strict=True,
            )
        ]
    elif name == "erasure":
        least = {"source": "/plans/kota/departments/dinkes", "id": "r-1", "reason": "x"}
        found = [least, least | {"erasure_id": "e-1"}]
    else:
        found = [golden(name)[which]["event"] for which in ("minimal", "full")]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_whatever_stands_in_one_place_both_take_it_or_neither(name: str) -> None:
    least, full = examples(name)
    assert agree(name, json.dumps(least))
    assert agree(name, json.dumps(full))
    taken = 0
    for path in places(full):
        for text in TEXTS:
            taken += agree(name, with_text(full, path, text))
        if isinstance(at(full, path), dict):
            for key in KEYS:
                for text in ("null", "1", '"1"', '{"2021": "1"}'):
                    changed = with_text(full, (*path, PLACE), text)
                    taken += agree(name, changed.replace(json.dumps(PLACE), f'"{key}"'))
    assert taken > 20


@settings(max_examples=15)
@given(history=histories)
def test_whatever_a_history_holds_is_allowed(history: list[ReceivedEvent]) -> None:
    for received_event in history:
        assert agree(received_event.event["type"], written(received_event.event).decode())


def test_the_sample_is_allowed() -> None:
    for event in (*map(reports.event, reports.read()[::40]), *visits.read()):
        assert agree(event["type"], json.dumps(event))


# ── by name ──────────────────────────────────────────────────────────────────────────────────────────────────────────

REPORT = "id.pantau.program.status.reported.v1"
NO_DECIMALS = ("1_2", "\uff11\uff12", "+5", " 12 ", "0x1F", "1e2", "", ".5", "5.", "-1", "NaN", "1,5", "01")
NO_DAYS = (
    '"20210108"',
    '"0"',
    "0",
    "20210108",
    '"2021-1-8"',
    '"2021-01-08T00:00:00"',
    '"2021-W01-1"',
    '"2021-01-08\\n"',
)
NO_MOMENTS = (*NO_DAYS, '"2021-01-08"', '"2021-01-08 00:00:00Z"', '"2021-01-08T00:00:00+0700"', '"2021-01-08T00:00Z"')


def places_of(name: str, means: Callable[[Json], bool]) -> list[Path]:
    """Where values of one kind stand in the full example, by the schema."""
    return [path for path in places(examples(name)[1]) if any(map(means, schemas_at(name, path)))]


def schemas_at(name: str, path: Path) -> list[Json]:
    """The schemas that a place has, one for each alternative."""
    root = schema_of(name)
    found = [root]
    for step in (*path, None):
        whole: list[Json] = []
        while found:
            each = found.pop()
            found += each.get("anyOf", [])
            if "$ref" in each:
                found.append(root["$defs"][each["$ref"].rpartition("/")[2]])
            whole.append(each)
        if step is None:
            return whole
        for each in whole:
            of_keys = [*each.get("patternProperties", {}).values(), each.get("additionalProperties")]
            inner = each.get("items") if isinstance(step, int) else each.get("properties", {}).get(step)
            found += [one for one in ([inner] if inner else of_keys) if isinstance(one, dict)]
    raise AssertionError


def is_text(schema: Json) -> bool:
    return schema.get("type") == "string"


@pytest.mark.parametrize("name", NAMES)
def test_decimals_are_plain_ascii(name: str) -> None:
    for path in places_of(name, lambda schema: schema.get("type") == "number"):
        for text in NO_DECIMALS:
            assert not agree(name, with_text(examples(name)[1], path, json.dumps(text))), (path, text)


@pytest.mark.parametrize("name", NAMES)
def test_dates_and_times_are_those_of_rfc_3339(name: str) -> None:
    full = examples(name)[1]
    days = places_of(name, lambda schema: schema.get("format") == "date")
    moments = places_of(name, lambda schema: schema.get("format") == "date-time")
    assert name == "erasure" or moments
    for path, wrong in [(path, NO_DAYS) for path in days] + [(path, NO_MOMENTS) for path in moments]:
        for text in wrong:
            assert not agree(name, with_text(full, path, text)), (path, text)
    for path in moments:
        for text in ("2021-01-08T00:00:00.123456789Z", "2021-01-08t00:00:00z", "2021-01-08T00:00:00-00:00"):
            assert agree(name, with_text(full, path, f'"{text}"')), (path, text)


@pytest.mark.parametrize("name", NAMES)
def test_no_text_holds_what_a_database_can_not(name: str) -> None:
    for path in places_of(name, is_text):
        for text in ('"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"a\\udfffb"'):
            assert not agree(name, with_text(examples(name)[1], path, text)), (path, text)


def test_a_date_or_time_or_text_nobody_looked_for_is_found() -> None:
    found = {name: [path[-1] for path in places_of(name, lambda schema: "format" in schema)] for name in NAMES}

    assert found[REPORT] == ["time", "effective_on"]
    assert found["id.pantau.visit.recorded.v1"] == ["time", "visited_on", "due_on"]
    assert found["visit"][:1] == ["visited_on"]


@pytest.mark.parametrize("spent", ["1250000000.0", "1.25E9", "1.25e+9", "12500000000e-1"])
def test_an_integer_may_have_a_fraction_of_nothing_and_an_exponent(spent: str) -> None:
    event = examples(REPORT)[1]
    plain, other = (with_text(event, ("data", "spent"), text) for text in ("1250000000", spent))

    assert agree(REPORT, other)
    assert content(EVENT.validate_json(other)) == content(EVENT.validate_json(plain))


PLAN_VERSION = "id.pantau.masterplan.version.published.v1"


@pytest.mark.parametrize(
    ("name", "path", "text", "taken"),
    [
        (PLAN_VERSION, ("data", "version"), str(2**63), False),
        (REPORT, ("data", "spent"), str(9 * 10**15), True),
        (REPORT, ("data", "spent"), str(10**16), False),
        (REPORT, ("data", "spent"), "1e16", False),
        (REPORT, ("id",), json.dumps("\U0001f600" * 256), True),
        (REPORT, ("id",), json.dumps("i" * 257), False),
        (REPORT, ("id",), '"name:x;lsn:1;txId:2"', True),
    ],
)
def test_bounds(name: str, path: Path, text: str, taken: bool) -> None:
    assert agree(name, with_text(examples(name)[1], path, text)) == taken
