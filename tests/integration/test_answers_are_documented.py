"""What programs and evaluations answer is as their OpenAPI documents say, to the last property."""

from collections.abc import Generator
from typing import Any

import pytest
from httpx import Client, Response
from jsonschema import Draft202012Validator

from deploy.local.site import create_site
from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.sources import department, evaluator
from tests.integration.intake_site import ADMINISTRATOR, VISIT, XLSX, IntakeSite, bearer, report, served, workbook
from tests.parts.history import Json
from tests.parts.waiting import until

DOCUMENTS = ("/v1/masterplans/openapi.json", "/v1/visits/openapi.json")
WHOLE_VISIT = VISIT | {
    "mentor_account": "mentor-1",
    "checklist": [{"question": "Dirasakan manfaatnya?", "fulfilled": True, "note": "Ya."}],
    "evidence": [{"title": "Foto", "sha256": "0" * 64, "url": "https://bukti.example.id/1"}],
}


@pytest.fixture(scope="module")
def site(intake: IntakeSite) -> Generator[Client]:
    with served(create_site(intake.settings)) as client:
        yield client


@pytest.fixture(scope="module")
def documents(site: Client) -> list[Json]:
    return [site.get(path).json() for path in DOCUMENTS]


def strict(schema: Any) -> Any:
    """A schema that lets no property through which it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(each) for name, each in schema.items()}
    return found | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else found


def check(documents: list[Json], path: str, method: str, answer: Response, expect: int) -> Json:
    """The answer, which must be as documented."""
    assert answer.status_code == expect, answer.text
    document = next(each for each in documents if path in each["paths"])
    described = document["paths"][path][method]["responses"][str(expect)]["content"]["application/json"]
    components = strict(document["components"])
    Draft202012Validator(strict(described["schema"]) | {"components": components}).validate(answer.json())
    Draft202012Validator(described["schema"] | {"components": document["components"]}).validate(
        described.get("example", answer.json())
    )
    found: Json = answer.json()
    return found


def test_every_json_that_is_answered_has_a_schema(documents: list[Json]) -> None:
    without = [
        f"{method} {path} {status}"
        for document in documents
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for status, response in operation["responses"].items()
        if status.startswith("2") and not _is_described(response, status)
    ]
    assert without == []


def _is_described(response: Json, status: str) -> bool:
    if status == "204":
        return "content" not in response
    return bool(response.get("content")) and all(
        content.get("schema") not in (None, {}) for content in response["content"].values()
    )


def test_what_is_registered(intake: IntakeSite, site: Client, documents: list[Json]) -> None:
    plan = intake.plan()
    until(lambda: site.get(f"/v1/masterplans/{plan}").status_code == 200)
    targets = {"targets": {"2020": "20"}, "dimension_targets": {"governance": {"2020": "12.5"}}}
    for query in ({"dry_run": True}, {}):
        answer = site.post(
            "/v1/masterplans/import",
            content=workbook(plan, 2, **targets),
            headers=bearer(ADMINISTRATOR) | {"Content-Type": XLSX},
            params=query,
        )
        response = check(documents, "/v1/masterplans/import", "post", answer, 200 if query else 202)
    assert intake.outcome(response["source"], response["id"])["outcome"] == "accepted"
    until(lambda: site.get(f"/v1/masterplans/{plan}").json()["current"] == 2)
    check(documents, "/v1/masterplans", "get", site.get("/v1/masterplans"), 200)
    found = check(documents, "/v1/masterplans/{plan}", "get", site.get(f"/v1/masterplans/{plan}"), 200)
    assert found["versions"][0]["targets"] == {"2020": "20"}
    path = "/v1/masterplans/{plan}/versions/{number}"
    check(documents, path, "get", site.get(f"/v1/masterplans/{plan}/versions/2"), 200)
    check(documents, "/v1/departments", "get", site.get("/v1/departments", params={"plan": plan}), 200)


def test_keys(intake: IntakeSite, site: Client, documents: list[Json]) -> None:
    plan, path = intake.plan(), "/v1/departments/{plan}/{office}/keys"
    keys, administrator = f"/v1/departments/{plan}/dinkes/keys", bearer(ADMINISTRATOR)
    until(lambda: site.get(f"/v1/masterplans/{plan}").status_code == 200)
    made = check(documents, path, "post", site.post(keys, headers=administrator), 201)
    listed = check(documents, path, "get", site.get(keys, headers=administrator), 200)
    assert listed["items"] == [{name: value for name, value in made.items() if name != "key"}]
    assert site.delete(f"{keys}/{made['key_id']}", headers=administrator).status_code == 204


def test_events_and_what_became_of_them(intake: IntakeSite, site: Client, documents: list[Json]) -> None:
    plan = intake.plan()
    source, key = department(plan, "dinkes"), intake.key(plan, "dinkes")
    until(lambda: site.get("/v1/masterplans", headers=bearer(key)).status_code == 200, what="the site knows the key")

    def send(body: Any, media_type: str = MEDIA_TYPE) -> Response:
        return site.post("/v1/events", json=body, headers=bearer(key) | {"Content-Type": media_type})

    def outcome(event_id: str, **headers: str) -> Json:
        asked: dict[str, str | int] = {"source": source, "id": event_id, "wait": 30}
        return check(documents, "/v1/events", "get", site.get("/v1/events", params=asked, headers=headers), 200)

    check(documents, "/v1/events", "post", send(report(plan, "r-1")), 202)
    check(documents, "/v1/events", "post", send([report(plan, "r-2"), report(plan, "r-3")], BATCH_MEDIA_TYPE), 202)
    check(documents, "/v1/events", "post", send([], BATCH_MEDIA_TYPE), 202)
    foreign = report(plan, "r-5", "dishub")
    some = [report(plan, "r-4"), report(plan, "r-4", status="done"), foreign]
    answer = check(documents, "/v1/events", "post", send(some, BATCH_MEDIA_TYPE), 207)
    assert [each["status"] for each in answer["results"]] == [202, 422, 403]
    assert outcome("r-1")["outcome"] == "accepted"
    check(documents, "/v1/events", "post", send(report(plan, "r-1", note="Lain")), 202)
    until(lambda: outcome("r-1")["also_rejected"])
    assert outcome("r-1", **bearer(key))["also_rejected"][0].keys() == {"code", "detail", "received_at"}
    assert outcome("r-1")["also_rejected"][0].keys() == {"code", "received_at"}


def test_visits_and_an_erasure(intake: IntakeSite, site: Client, documents: list[Json]) -> None:
    plan = intake.plan()
    source, administrator = evaluator(plan, "mentor"), bearer(ADMINISTRATOR)
    body = WHOLE_VISIT | {"id": "v-1", "source": source}
    until(lambda: "no version in force" not in site.post("/v1/visits", json={}, headers=administrator).text)
    check(documents, "/v1/visits", "post", site.post("/v1/visits", json=body, headers=administrator), 202)

    def shown(**headers: str) -> Json:
        return check(
            documents, "/v1/visits", "get", site.get("/v1/visits", params={"plan": plan}, headers=headers), 200
        )

    until(lambda: shown()["items"], what="the visit")
    assert "findings" not in shown()["items"][0]
    assert shown(**administrator)["items"][0]["mentor_account"] == "mentor-1"
    erasure = {"source": source, "id": "v-1", "reason": "Permintaan"}
    assert intake.outcome(source, "v-1")["outcome"] == "accepted"
    until(lambda: site.get("/v1/events", params={"source": source, "id": "v-1"}).json()["outcome"] == "accepted")
    answer = site.post("/v1/events/erasures", json=erasure, headers=administrator)
    check(documents, "/v1/events/erasures", "post", answer, 202)
    until(lambda: shown(**administrator)["items"][0]["erased"], what="the erasure")
