"""What is published stays compatible: a schema may take more than before, never less, and never mean another thing.

tests/golden/published holds the schemas as they were last published. After a compatible change copy the new ones there:
`cp schemas/jsonschema/*.json tests/golden/published/`.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import Json

NOW = Path(__file__).parent.parent.parent / "schemas" / "jsonschema"
PUBLISHED = Path(__file__).parent.parent / "golden" / "published"
NAMES = sorted(path.name for path in PUBLISHED.glob("*.json"))

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EXACT = ("pattern", "format", "multipleOf", "uniqueItems")


def narrowings(before: Json, after: Json) -> list[str]:
    """What a schema takes no longer, or takes to mean another thing."""
    return list(_narrowings(before, after, before, after, "$"))


def _narrowings(old: Any, new: Any, old_root: Json, new_root: Json, where: str) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if new in (True, {}):
        return
    if "anyOf" in old or "oneOf" in old or "anyOf" in new or "oneOf" in new:
        candidates = _alternatives(new)
        for each in _alternatives(old):
            tries = [list(_narrowings(each, candidate, old_root, new_root, where)) for candidate in candidates]
            if all(tries):
                yield min(tries, key=len)[0]
    else:
        yield from _values(old, new, where)
        yield from _fields(old, new, old_root, new_root, where)
        for part in ("items", "additionalProperties", "propertyNames"):
            if isinstance(new.get(part), dict):
                yield from _narrowings(old.get(part, {}), new[part], old_root, new_root, f"{where}.{part}")
    if "default" in old and old["default"] != new.get("default", "nothing"):
        yield f"{where}: the default was {old['default']!r}"


def _resolved(schema: Any, root: Json) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]] | {k: v for k, v in schema.items() if k != "$ref"}
    return schema


def _alternatives(schema: Json) -> list[Any]:
    return list(schema.get("anyOf") or schema.get("oneOf") or [schema])


def _values(old: Json, new: Json, where: str) -> Iterator[str]:
    if "type" in new and old.get("type") != new["type"] and (old.get("type"), new["type"]) != ("integer", "number"):
        yield f"{where}: was {old.get('type')}, is {new['type']}"
    allowed = [new["const"]] if "const" in new else new.get("enum")
    if allowed is not None:
        before = [old["const"]] if "const" in old else old.get("enum", ["anything"])
        yield from (f"{where}: {value!r} is taken no longer" for value in before if value not in allowed)
    yield from (f"{where}: {rule} was {old.get(rule)}" for rule in EXACT if rule in new and new[rule] != old.get(rule))
    for rules, sign in ((LOWER, 1), (UPPER, -1)):
        for rule in rules:
            if rule in new and (rule not in old or sign * new[rule] > sign * old[rule]):
                yield f"{where}: {rule} was {old.get(rule)}, is {new[rule]}"


def _fields(old: Json, new: Json, old_root: Json, new_root: Json, where: str) -> Iterator[str]:
    for field, schema in old.get("properties", {}).items():
        if field in new.get("properties", {}):
            yield from _narrowings(schema, new["properties"][field], old_root, new_root, f"{where}.{field}")
        else:
            yield f"{where}.{field}: is gone"
    yield from (
        f"{where}.{field}: is required now" for field in new.get("required", ()) if field not in old.get("required", ())
    )
    for pattern, schema in new.get("patternProperties", {}).items():
        if pattern in old.get("patternProperties", {}):
            before = old["patternProperties"][pattern]
            yield from _narrowings(before, schema, old_root, new_root, f"{where}./{pattern}/")
    for pattern in old.get("patternProperties", {}):
        if pattern not in new.get("patternProperties", {}):
            yield f"{where}./{pattern}/: is gone"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{where}: takes no other fields any more"


def read(folder: Path, name: str) -> Json:
    found: Json = json.loads((folder / name).read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_published_schema_takes_whatever_it_took(name: str) -> None:
    assert (NOW / name).exists(), f"{name} was published and is gone"
    assert narrowings(read(PUBLISHED, name), read(NOW, name)) == []


def test_the_schemas_held_to_are_the_latest_ones() -> None:
    assert sorted(path.name for path in NOW.glob("*.json")) == NAMES
    differ = [name for name in NAMES if read(PUBLISHED, name) != read(NOW, name)]
    assert not differ, "compatible, if the test above passes: cp schemas/jsonschema/*.json tests/golden/published/"


# --- that the comparison finds what it is for


def _schemas(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _schemas(each)


def _without_a_field(schema: Json) -> Iterator[Callable[[Json], None]]:
    for field in schema.get("properties", {}):
        yield lambda it, field=field: it["properties"].pop(field)  # type: ignore[misc]  # mypy infers no type for the default


def _with_a_duty(schema: Json) -> Iterator[Callable[[Json], None]]:
    for field in schema.get("properties", {}):
        if field not in schema.get("required", []):
            yield lambda it, field=field: it.setdefault("required", []).append(field)  # type: ignore[misc]  # mypy infers no type for the default


def _with_less(schema: Json) -> Iterator[Callable[[Json], None]]:
    if isinstance(schema.get("enum"), list):
        yield lambda it: it["enum"].pop()
    if isinstance(schema.get("pattern"), str):
        yield lambda it: it.update(pattern="^never$")
    for rule in (*LOWER, *UPPER):
        if isinstance(schema.get(rule), int | float):
            yield lambda it, rule=rule: it.update({rule: it[rule] + (1 if rule in LOWER else -1)})  # type: ignore[misc]  # mypy infers no type for the default
    if isinstance(schema.get("type"), str):
        yield lambda it: it.update(type="boolean" if it["type"] != "boolean" else "string")


def _with_another_default(schema: Json) -> Iterator[Callable[[Json], None]]:
    if "default" in schema and "properties" not in schema:
        yield lambda it: it.update(default="another")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "fact.json"])  # its events are there one by one
@pytest.mark.parametrize("change", [_without_a_field, _with_a_duty, _with_less, _with_another_default])
def test_each_way_to_take_less_is_noticed(
    name: str, change: Callable[[Json], Iterator[Callable[[Json], None]]]
) -> None:
    published = read(PUBLISHED, name)
    for at, schema in enumerate(_schemas(published)):
        for spoil in change(schema):
            spoiled = copy.deepcopy(published)
            spoil(list(_schemas(spoiled))[at])
            assert narrowings(published, spoiled), f"not noticed: {change.__name__} of {json.dumps(schema)[:200]}"


@pytest.mark.parametrize("name", NAMES)
def test_a_new_optional_field_a_new_word_and_a_wider_limit_are_compatible(name: str) -> None:
    published = read(PUBLISHED, name)
    wider = copy.deepcopy(published)
    for schema in _schemas(wider):
        if isinstance(schema.get("enum"), list):
            schema["enum"].append("a new word")
        if isinstance(schema.get("maximum"), int | float):
            schema["maximum"] += 1
        if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
            schema["properties"]["later"] = {"type": "string", "default": ""}

    assert narrowings(published, wider) == []
