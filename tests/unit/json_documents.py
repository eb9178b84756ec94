"""JSON documents out of a JSON Schema: what Hypothesis draws from the part of JSON Schema that ours are written in.

Values lie at the bounds often; texts are stretched to their largest length, with characters beyond U+FFFF among them.
A document is written with numbers in every spelling that JSON has for them.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import jsonschema
from hypothesis import strategies as st

from tests.oracle import Json
from tests.strategies import Dice

UNDERSTOOD = {
    "$schema", "$defs", "$ref", "title", "description", "default", "examples", "type", "const", "enum", "anyOf", "oneOf", "properties",
    "required", "additionalProperties", "patternProperties", "propertyNames", "items", "minItems", "maxItems", "pattern",
    "minLength", "maxLength", "format", "minimum", "maximum",
}  # fmt: skip
REPEATED_UP_TO = 50  # items
WORDS = (
    "Asia/Pontianak",
    "Asia/Jakarta",
    "UTC",
    "Kota/Tidak-Ada",
    "public_service",
    "waste",
    "tourism",
    "",
)  # where any text may stand
CHARACTERS = st.characters(codec="utf-8")
ANYTHING: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, -1.5, "", "x", [], {}, [1, {"a": None}], 10**30])


def schemas_in(schema: Any) -> Iterator[Json]:
    """A schema and every schema in it."""
    if isinstance(schema, bool):
        return
    yield schema
    for word in ("$defs", "properties", "patternProperties"):
        for inner in schema.get(word, {}).values():
            yield from schemas_in(inner)
    for word in ("items", "additionalProperties", "propertyNames"):
        if word in schema:
            yield from schemas_in(schema[word])
    for word in ("anyOf", "oneOf"):
        for inner in schema.get(word, ()):
            yield from schemas_in(inner)


def documents(schema: Json) -> st.SearchStrategy[Any]:
    """Documents that are valid by a schema, but for formats: 2021-02-30 is among the dates."""
    return _values(schema, schema)


def _values(schema: Json, root: Json) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _values(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return st.one_of([_values(each, root) for each in schema[word]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "object":
            return _objects(schema, root)
        case "array":
            return _arrays(schema, root)
        case "string":
            return _strings(schema)
        case "integer":
            low, high = schema["minimum"], schema["maximum"]
            return st.sampled_from((low, high)) | st.integers(low, high)
        case "number":
            low, high = schema["minimum"], schema["maximum"]
            few = st.integers(low * 10_000, high * 10_000).map(lambda number: number / 10_000)
            return st.sampled_from((low, high, -0.0, 0.01, 99.99, 99.9999, 45.5)) | few | st.floats(low, high)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    raise AssertionError(f"no documents from {schema}")


def _objects(schema: Json, root: Json) -> st.SearchStrategy[Json]:
    if "properties" in schema:
        every = {name: _values(each, root) for name, each in schema["properties"].items()}
        needed = set(schema.get("required", ()))
        if schema.get("additionalProperties") is not False:
            every["an-extension"] = ANYTHING
        return st.fixed_dictionaries(
            {name: each for name, each in every.items() if name in needed},
            optional={name: each for name, each in every.items() if name not in needed},
        )
    if "patternProperties" in schema:
        assert schema["additionalProperties"] is False
        ((pattern, values),) = schema["patternProperties"].items()
        return st.dictionaries(_strings({"pattern": pattern}), _values(values, root), max_size=3)
    names = _values(schema["propertyNames"], root)
    return st.dictionaries(names, _values(schema["additionalProperties"], root), max_size=3)


def _arrays(schema: Json, root: Json) -> st.SearchStrategy[list[Any]]:
    items = _values(schema["items"], root)
    least, most = schema.get("minItems", 0), schema.get("maxItems", REPEATED_UP_TO)
    few = st.lists(items, min_size=least, max_size=min(most, least + 2))
    return few if most > REPEATED_UP_TO else few | few | few | items.map(lambda item: [item] * most)


def _strings(schema: Json) -> st.SearchStrategy[str]:
    if "pattern" not in schema:
        assert "maxLength" not in schema
        return st.sampled_from(WORDS) | st.text(CHARACTERS, max_size=8)
    pattern = re.compile(ecma(schema["pattern"]))
    most = schema.get("maxLength", 100_000)
    some = st.from_regex(pattern, fullmatch=True, alphabet=CHARACTERS).filter(lambda text: len(text) <= most)
    if "maxLength" not in schema:
        return some
    return some | some.map(lambda text: _stretched(text, pattern, most))


def _stretched(text: str, pattern: re.Pattern[str], length: int) -> str:
    """A text with one of its characters, or one beyond U+FFFF, so often that it is as long as it may be."""
    for at in range(len(text), -1, -1):
        for more in ("\U0001f600", text[at : at + 1] or "a"):
            longer = text[:at] + more * (length - len(text)) + text[at:]
            if pattern.fullmatch(longer):
                return longer
    return text


def ecma(pattern: str) -> str:
    """A pattern of JSON Schema for `re`: `$` is the end, not a line break before it."""
    assert not re.search(r"\\[wWdDsSbB]", pattern), "means another thing in another language"
    return re.sub(r"(?<!\\)\$$", r"\\Z", pattern)


def _search(validator: Any, pattern: str, text: Any, schema: Json) -> Iterator[jsonschema.ValidationError]:
    if isinstance(text, str) and not re.search(ecma(pattern), text):
        yield jsonschema.ValidationError(f"{text!r} does not match {pattern!r}")


def _by_pattern(validator: Any, patterns: Json, value: Any, schema: Json) -> Iterator[jsonschema.ValidationError]:
    for name in value if isinstance(value, dict) else ():
        found = [inner for pattern, inner in patterns.items() if re.search(ecma(pattern), name)]
        for inner in found:
            yield from validator.descend(value[name], inner, path=name, schema_path=name)
        if not found and schema.get("additionalProperties") is False:
            yield jsonschema.ValidationError(f"{name!r} matches no pattern")


def _others(validator: Any, others: Any, value: Any, schema: Json) -> Iterator[jsonschema.ValidationError]:
    if "patternProperties" not in schema:
        yield from jsonschema.Draft202012Validator.VALIDATORS["additionalProperties"](validator, others, value, schema)


def _is_day(text: object) -> bool:
    """Whether it begins with a day of the calendar; all else of both formats is in the patterns."""
    return not isinstance(text, str) or bool(date.fromisoformat(text[:10]))


FORMATS = jsonschema.FormatChecker(formats=())
for _format in ("date", "date-time"):
    FORMATS.checks(_format, raises=ValueError)(_is_day)

extend: Any = jsonschema.validators.extend  # its stubs leave it untyped
Validator = extend(
    jsonschema.Draft202012Validator,
    {"pattern": _search, "patternProperties": _by_pattern, "additionalProperties": _others},
)


def validator(schema: Json) -> Any:
    """Checks documents by a schema as ECMA-262 understands its patterns, days of the calendar among the formats."""
    return extend(Validator, {"$ref": _referred()})(schema, format_checker=FORMATS)


def _referred() -> Any:
    """The keyword `$ref` of one schema: values that were valid before are not checked again."""
    valid: set[tuple[str, str]] = set()

    def check(validator: Any, ref: str, value: Any, schema: Json) -> Iterator[jsonschema.ValidationError]:
        seen = ref, json.dumps(value)  # 1, 1.0 and true differ in it
        if seen not in valid:
            errors = list(Validator.VALIDATORS["$ref"](validator, ref, value, schema))
            if not errors:
                valid.add(seen)
            yield from errors

    return check


def spelled(value: Any, dice: Dice) -> str:
    """A document as JSON, each number in one of the spellings that JSON has for it."""
    match value:
        case bool() | None:
            return json.dumps(value)
        case int():
            return dice.pick(_spellings(value))
        case float():
            return dice.pick((repr(value), repr(value).replace("e", "E"), f"{Decimal(repr(value)):E}"))
        case str():
            return json.dumps(value, ensure_ascii=dice.once_in(2))
        case list():
            return "[" + ", ".join(spelled(each, dice) for each in value) + "]"
        case dict():
            members = [f"{json.dumps(name)} : {spelled(each, dice)}" for name, each in value.items()]
            return "{" + ",\n".join(dice.shuffled(members) if len(members) < 20 else members) + "}"
    raise AssertionError(f"no JSON: {value!r}")


def _spellings(number: int) -> tuple[str, ...]:
    """1250000000 is also 1250000000.0, 1.25E+9, 1.25e9 and 12500000000e-1."""
    if abs(number) > 2**53:
        return (str(number),)
    short = f"{Decimal(number).normalize():E}"
    return (str(number), f"{number}.0", f"{number}.000", short, short.replace("E+", "e"), f"{10 * number}e-1")
