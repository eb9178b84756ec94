"""Strict JSON for HTTP bodies (RFC 8259, each name once): the models' parsers accept more than that."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jiter
from fastapi import Depends, Request

from schemas.cloudevents import without_mark
from services.kit.http.problems import ErrorDetail, InvalidProblem

PLACES_SHOWN = 100


class _Twice(dict[str, Any]):
    """An object with duplicate names, and these names."""

    names: tuple[str, ...] = ()


def wrong_json(text: bytes) -> list[ErrorDetail]:
    """The errors of a text that must be JSON: that it is not, or each name that an object has more than once.

    Costs 1.7 us for a report of 400 bytes (docs/decisions/0022).
    """
    try:
        jiter.from_json(text, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        return _named_twice(text) or [ErrorDetail("body", f"is not JSON: {error}", "JSON (RFC 8259)")]
    return []


async def require_json(request: Request) -> None:
    """Raise InvalidProblem for a body that is not strict JSON, though the framework's own parser accepts it."""
    errors = wrong_json(without_mark(await request.body()))
    if errors:
        raise InvalidProblem(errors=errors)


Json = Depends(require_json)
"""A dependency of every route whose body the framework parses."""


def _named_twice(text: bytes) -> list[ErrorDetail]:
    """The errors of duplicate names; empty where there are none."""
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError):
        return []
    wrong = []
    for place in _places(found, ""):
        wrong.append(ErrorDetail(place, "appears more than once", "each name once"))
        if len(wrong) == PLACES_SHOWN:
            break
    return wrong


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = _Twice(found)
    twice.names = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return twice


def _places(found: Any, place: str) -> Iterator[str]:
    """The places of duplicate names, in the form of errors: `data.program`."""
    if isinstance(found, _Twice):
        yield from (f"{place}{name}" for name in found.names)
    if isinstance(found, dict):
        for name, value in found.items():
            yield from _places(value, f"{place}{name}.")
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from _places(value, f"{place}{index}.")
