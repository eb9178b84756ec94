"""The OpenAPI documents are true: their examples are what their schemas say, and Schemathesis, which asks the running apps
all that they allow and much that they don't, finds nothing. `make chaos` lets it ask for longer (tests/chaos)."""

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import Client
from jsonschema import Draft202012Validator

from deploy.local.broker import Broker
from tests.parts.api_fuzzing import DOCUMENTS, Caller, FuzzedSite, findings, installation

Json = dict[str, Any]
SECONDS = 4  # for each document and caller


@pytest.fixture(scope="module")
def installed(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[FuzzedSite]:
    with installation(broker.bootstrap, tmp_path_factory.mktemp("installation")) as found:
        yield found


def document(client: Client, path: str) -> Json:
    found: Json = client.get(path).json()
    return found


def examples(of: Json, place: str = "$") -> Iterator[tuple[str, Json, Any]]:
    """Every example in a document, with its place and schema."""
    if "schema" in of:
        if "example" in of:
            yield place, of["schema"], of["example"]
        for name, named in of.get("examples", {}).items():
            yield f"{place}.{name}", of["schema"], named["value"]
    if "type" in of or "anyOf" in of:
        found = of.get("examples", [])
        for example in found if isinstance(found, list) else []:
            yield place, {key: value for key, value in of.items() if key != "examples"}, example
    for key, value in of.items():
        if isinstance(value, dict) and key not in {"example", "examples"}:
            yield from examples(value, f"{place}.{key}")
        elif isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, dict):
                    yield from examples(each, f"{place}.{key}.{index}")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_example_is_what_its_schema_says(installed: FuzzedSite, path: str) -> None:
    whole = document(installed.client, path)
    found = list(examples(whole))
    assert found
    for place, schema, example in found:
        validator = Draft202012Validator(schema | {"components": whole["components"]})
        assert [error.message for error in validator.iter_errors(example)] == [], place


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_operation_says_what_it_takes_who_may_ask_and_what_can_be_answered(
    installed: FuzzedSite, path: str
) -> None:
    whole = document(installed.client, path)
    assert whole["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for operations in whole["paths"].values():
        for method, operation in operations.items():
            responses = operation["responses"]
            assert {"413", "415"} <= responses.keys()
            assert ("401" in responses) == ("security" in operation)
            if method != "get":
                assert operation["security"] == [{"bearer": []}]
                assert {"401", "403", "422", "503"} <= responses.keys(), operation["summary"]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content["schema"] not in ({"type": "object"}, {"type": "array"}, {})
            for status, response in responses.items():
                if int(status) >= 400:
                    assert response["content"].keys() == {"application/problem+json"}
    text = json.dumps(whole)
    assert "HTTPValidationError" not in text


@pytest.mark.parametrize("caller", list(Caller))
@pytest.mark.parametrize("path", DOCUMENTS)
def test_schemathesis_finds_nothing(installed: FuzzedSite, path: str, caller: Caller, tmp_path: Path) -> None:
    answer = findings(installed, path, caller, tmp_path, seconds=SECONDS, seed=15)
    if answer:
        pytest.fail(answer, pytrace=False)
