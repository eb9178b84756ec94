"""What the api of live state promises to other systems: docs/interfaces.md, its own OpenAPI document, and RFC 9457."""

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from tests.integration.facts_and_api import ApiClient, WrittenFacts, bearer, served
from tests.integration.sample_events import beginning, report, visit
from tests.integration.stream_client import StreamClient
from tests.parts.history import Json

ROOT = Path(__file__).parents[2]
INTERFACES = (ROOT / "docs" / "interfaces.md").read_text()
DAY = "2021-12-31"


@pytest.fixture(scope="module")
def city(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[WrittenFacts]:
    found = WrittenFacts(broker.bootstrap, f"sqlite:///{tmp_path_factory.mktemp('contract') / 'realization.db'}")
    more: Json = {"spent": 900_000, "obstacle": "Lahan", "evidence": [{"title": "Foto", "sha256": "ab" * 32}]}
    found.write(
        beginning("kota", 14),
        beginning("kota-nanti", effective_from="2027-01-01"),
        *(report("kota", number, f"a-{number}", "2020-06-30", **more) for number in range(4)),
        report("kota", 0, "b", "2021-06-30", "blocked"),
        report("kota", 5, "c", "2021-06-30", "in_progress"),
        visit("kota", "v", "2020-09-01", 0, 1),
    )
    yield found
    found.close()


@pytest.fixture(scope="module")
def api(city: WrittenFacts) -> Generator[ApiClient]:
    opening = city.settings.model_copy(update={"opening_plan": "kota"})
    city.settings = InstallationSettings.model_validate(opening.model_dump())
    with served(city) as found:
        yield found


@pytest.fixture(scope="module")
def document(api: ApiClient) -> Json:
    found: Json = api.client.get("/openapi.json").json()
    return found


def strict(schema: Any) -> Any:
    """A schema that lets no property through which it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(each) for name, each in schema.items()}
    return found | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else found


def test_every_path_of_the_interfaces_is_served_and_documented(document: Json) -> None:
    section = INTERFACES.split("## Live state")[1].split("\n## ")[0]
    paths = re.findall(r"^\| `GET (/v1[^?`]*)(?:\?([^`]*))?` \|", section, flags=re.M)
    assert len(paths) == len(document["paths"]) == 8
    for path, query in paths:
        operation = document["paths"][path]["get"]
        parameters = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
        assert set(filter(None, query.split("&"))) <= parameters, path
        assert operation["description"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/plans",
        "/v1/plans/{plan}/realization",
        "/v1/plans/{plan}/history",
        "/v1/plans/{plan}/changes",
        "/v1/plans/{plan}/programs",
        "/v1/plans/{plan}/programs/{program}",
        "/v1/plans/{plan}/departments",
    ],
)
@pytest.mark.parametrize("plan", ["kota", "kota-nanti"])
def test_an_answer_is_as_its_document_says(api: ApiClient, document: Json, path: str, plan: str) -> None:
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    check = Draft202012Validator(strict(schema) | {"components": strict(document["components"])})
    found = path.removeprefix("/v1/plans").format(plan=plan, program="P-000")
    if plan == "kota-nanti" and path.endswith("{program}"):
        assert api.get(found, expect=404, as_of=DAY)["detail"]
        return
    day: Any = {"to" if path.endswith("history") else "as_of": DAY}
    for headers in ({}, bearer("pantau_administrator_of_the_tests")):
        check.validate(api.get(found, headers=headers, **day))


def test_figures_are_named_as_the_interfaces_name_them(api: ApiClient) -> None:
    answer = api.get("/kota/realization", as_of="2020-12-31", group_by="sub_dimension")
    cell = INTERFACES.split("A *cell*")[1].split("```json")[1].split("```")[0]
    inside = {"percent", "rule", "plan", "band", "band_label", "id", "en", "very_high"}
    names = answer["overall"].keys() | answer["overall"]["statuses"].keys() - {"dimension_mean"}
    assert set(re.findall(r'"(\w+)"', cell)) - inside == names - {"dimension_mean"}
    assert answer["overall"]["share"] == {
        "formula": "share.v1", "numerator": "4", "denominator": "14", "percent": "28.57", "reason": None
    }  # fmt: skip
    assert answer["overall"]["verified"]["numerator"] == "2"
    assert answer["overall"]["target"] == {"percent": "20.00", "rule": "linear"}
    assert answer["overall"]["achievement"]["band_label"] == {"id": "Sangat tinggi", "en": "Very high"}
    assert [group["key"] for group in answer["groups"]][:3] == ["public_service", "bureaucracy", "public_policy"]
    assert answer["groups"][0]["label"] == {"id": "Layanan publik", "en": "Public service"}
    assert answer["groups"][-1]["share"]["reason"] == {
        "code": "empty",
        "id": "Tidak ada program dalam kelompok ini.",
        "en": "There are no programs in this group.",
    }


def test_all_that_is_wrong_with_a_question_is_reported_at_once(api: ApiClient) -> None:
    response = api.response(
        "/kota/programs", expect=422, as_of="31-12-2021", known_at="yesterday", status="done", limit=0, asof=DAY
    )
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert {each["where"] for each in problem["errors"]} == {
        "query.as_of", "query.known_at", "query.status", "query.limit", "query.asof"
    }  # fmt: skip
    assert problem.keys() >= {"type", "title", "status", "detail", "instance"}

    for path, wrong in (
        ("/kota/history", {"from": "2021-01-01", "to": "2020-01-01"}),
        ("/kota/history", {"from": "1900-01-01", "to": "2020-01-01"}),
        ("/kota/programs", {"sub_dimension": "roads"}),
        ("/kota/programs", {"cursor": "bm9wZQ"}),
        ("/kota/programs", {"cursor": "WzEsMl0"}),
        ("", {"cursor": "WyIxLzAiLCJhIl0"}),
        ("/kota/realization", {"known_at": "2021-12-31T00:00:00"}),
        ("/KOTA/realization", {}),
        ("/kota/programs/p%20q", {}),
    ):
        assert api.client.get(f"/v1/plans{path}", params=wrong).status_code == 422, (path, wrong)


@pytest.mark.parametrize("path", ["/nirwana/realization", "/nirwana/stream", "/kota/programs/X-1", "/kota/nothing"])
def test_what_is_not_there_is_a_problem(api: ApiClient, path: str) -> None:
    response = api.response(path, expect=404)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 404


def test_dates_at_the_ends_of_the_calendar_are_answered(api: ApiClient) -> None:
    for as_of in ("0001-01-01", "9999-12-31"):
        for path in ("realization", "changes", "programs", "departments"):
            assert api.get(f"/kota/{path}", as_of=as_of)["as_of"] == as_of
        assert api.get("", as_of=as_of)["items"]
    last = api.get("/kota/history", from_="9999-11-30", to="9999-12-31")
    assert [point["as_of"] for point in last["series"][0]["points"]] == ["9999-11-30", "9999-12-31"]


def test_other_systems_may_read_from_their_own_pages(api: ApiClient) -> None:
    response = api.response("/kota/realization", headers={"Origin": "https://data.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "etag" in response.headers["access-control-expose-headers"].lower()
    refused = api.client.post("/v1/plans/kota/realization", headers={"Origin": "https://data.example"})
    assert refused.status_code == 405


def test_the_page_takes_nothing_from_elsewhere(api: ApiClient) -> None:
    pages = api.client.get("/"), api.client.get("/app/main.js")
    for answer in pages:
        assert answer.status_code == 200
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy == {
            "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
            "connect-src": "'self'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'",
        }  # fmt: skip
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-cache"
        again = api.client.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    assert pages[0].headers["content-type"].startswith("text/html")
    for path in (
        "/app/nothing.js",
        "/app/../README.md",
        "/app/%2e%2e/%2e%2e/Makefile",
        "/web/index.html",
        "/index.html",
    ):
        assert api.client.get(path).status_code == 404
    assert api.client.get("/opening.json").json() == {"plan": "kota", "as_of": None}


def test_events_of_a_stream_are_as_the_document_says(api: ApiClient, city: WrittenFacts, document: Json) -> None:
    components = strict(document["components"])
    with StreamClient(api, "kota", as_of=DAY) as listener:
        snapshot = listener.next()
        (change,) = listener.up_to(city.write(report("kota", 6, "d", "2021-07-31")))
    for name, received in (("Realization", snapshot), ("Change", change)):
        Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components}).validate(received.data)


def test_operations_see_what_it_does(api: ApiClient) -> None:
    api.get("/kota/realization")
    answer = api.client.get("/metrics").text
    for name in (
        'pantau_projection_lag_records{service="realization",topic="facts"} 0.0',
        'pantau_projection_lag_seconds{service="realization",topic="facts"} 0.0',
        "pantau_stream_clients 0.0",
        'pantau_figure_seconds_count{question="realization"}',
        'route="/v1/plans/{plan}/realization",service="realization",status="200"',
    ):
        assert name in answer
    assert api.client.get("/readyz").json()["checks"]["caught_up"] is True
