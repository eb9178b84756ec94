"""What every app answers at its edges: HEAD, paths with another slash, numbers no database has, and a broker that takes an
event but not its audit."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from httpx import Client, Response
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from deploy.local.broker import Broker
from deploy.local.site import create_site
from schemas.envelope import BATCH_MEDIA_TYPE
from schemas.sources import department, evaluator
from schemas.topics import MIB
from services.aggregator.api.app import create_app as create_realization
from services.evaluations.app import create_app as create_evaluations
from services.kit.http.strict_json import require_json
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from services.programs.app import create_app as create_programs
from tests.integration.intake_site import ADMINISTRATOR, VISIT, IntakeSite, bearer, report, running, served, workbook
from tests.parts.processes import Processes
from tests.parts.waiting import until

PATHS = [
    "/", "/app/main.js", "/opening.json", "/healthz", "/readyz", "/metrics", "/docs",
    "/v1/plans", "/v1/plans/docs", "/openapi.json",
    "/v1/plans/{plan}/realization", "/v1/plans/{plan}/history", "/v1/plans/{plan}/changes", "/v1/plans/{plan}/programs",
    "/v1/plans/{plan}/programs/P-000", "/v1/plans/{plan}/departments",
    "/v1/masterplans", "/v1/masterplans/docs", "/v1/masterplans/openapi.json", "/v1/masterplans/template",
    "/v1/masterplans/{plan}", "/v1/masterplans/{plan}/versions/1", "/v1/masterplans/{plan}/export",
    "/v1/departments?plan={plan}", "/v1/departments/{plan}/dinkes/keys",
    "/v1/events?source=/plans/{plan}/departments/dinkes&id=r-1",
    "/v1/visits?plan={plan}", "/v1/visits/docs", "/v1/visits/openapi.json", "/nowhere", "/v1/plans/kota-nowhere/history",
]  # fmt: skip
CHANGING = {"date", "content-length", "etag", "content-encoding"}  # from one request for figures or metrics to the next


@pytest.fixture(scope="module")
def site(intake: IntakeSite) -> Generator[Client]:
    with served(create_site(intake.settings)) as client:
        yield client


@pytest.fixture(scope="module")
def plan(intake: IntakeSite, site: Client) -> str:
    found = intake.plan()
    assert intake.send(report(found, "r-1"), ADMINISTRATOR).status_code == 202
    assert intake.outcome(department(found, "dinkes"), "r-1")["outcome"] == "accepted"
    until(lambda: site.get(f"/v1/plans/{found}/realization").status_code == 200)
    until(lambda: site.get(f"/v1/masterplans/{found}").status_code == 200)
    return found


# ── HEAD, and slashes ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_like_get_without_a_body(site: Client, plan: str, path: str) -> None:
    path = path.format(plan=plan)
    got = site.get(path, headers=bearer(ADMINISTRATOR))
    head = site.head(path, headers=bearer(ADMINISTRATOR))
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers.keys() == got.headers.keys()
    for name in head.headers.keys() - CHANGING:
        assert head.headers[name] == got.headers[name]
    assert site.get(path, headers=bearer(ADMINISTRATOR)).status_code == got.status_code, "the connection goes on"


def test_what_has_an_etag_is_not_sent_again_and_the_document_says_so(site: Client, plan: str) -> None:
    whole: dict[str, Any] = {}
    for document in ("/openapi.json", "/v1/masterplans/openapi.json", "/v1/visits/openapi.json"):
        whole |= site.get(document).json()["paths"]
    for template, operations in whole.items():
        if "get" not in operations or template.endswith("/stream"):
            continue
        path = template.format(plan=plan, program="P-000", number=1, office="dinkes")
        query = {"plan": plan} if template in {"/v1/visits", "/v1/departments"} else {}
        if template == "/v1/events":
            query = {"source": department(plan, "dinkes"), "id": "r-1"}
        got = site.get(path, params=query, headers=bearer(ADMINISTRATOR))
        assert got.status_code == 200, got.text
        tagged = "etag" in got.headers
        assert ("304" in operations["get"]["responses"]) == tagged, template
        if tagged:
            known = {"If-None-Match": "*"} | bearer(ADMINISTRATOR)
            assert site.get(path, params=query, headers=known).status_code == 304


@pytest.mark.parametrize("cursor", ["AA", "AAAA", "AAE", "gICA", "\x00", "MTA5OTk5OTk5OTk5OTk5OTk5OQ"])
def test_cursors_that_no_page_gave_are_refused_on_postgresql(
    broker: Broker, processes: Processes, postgres_url: str, cursor: str
) -> None:
    with running(broker.bootstrap, postgres_url, processes) as intake:
        for path, query in (("/v1/masterplans", {}), ("/v1/visits", {"plan": "kota-x"})):
            client = intake.evaluations if path == "/v1/visits" else intake.programs
            response = client.get(path, params={**query, "cursor": cursor})
            assert response.status_code in {200, 422}, response.text
        for event_id in ("a\0b", "\ud7ff\0"):
            asked = {"source": department("kota-x", "dinkes"), "id": event_id}
            assert intake.programs.get("/v1/events", params=asked).status_code == 422
            assert intake.evaluations.get("/v1/visits", params={"plan": "kota-x", "id": event_id}).status_code == 422


def test_head_of_a_stream_ends(site: Client, plan: str) -> None:
    def clients() -> str:
        lines = site.get("/metrics").text.splitlines()
        return next(line for line in lines if line.startswith("pantau_stream_clients "))

    before = clients()
    for _ in range(3):
        response = site.head(f"/v1/plans/{plan}/stream")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
    until(lambda: clients() == before, what="the streams have ended")


@pytest.mark.parametrize(
    "path", ["/v1/events/", "/v1/visits/", "/v1/plans/", "/v1/masterplans/", "/v1/masterplans/import/"]
)
def test_a_path_with_another_slash_is_not_found_and_never_redirected(site: Client, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        response = site.request(method, path, headers=bearer(ADMINISTRATOR))
        assert response.status_code in {404, 405, 422}, response.headers
        assert "location" not in response.headers
        assert response.headers["content-type"] == "application/problem+json"


# ── numbers and characters that no database has ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "9" * 5000])
@pytest.mark.parametrize("field", ["visited_on", "site", "programs", "id", "x", "checklist"])
def test_numbers_that_are_none_are_refused_in_visits(intake: IntakeSite, number: str, field: str) -> None:
    body = json.dumps(VISIT | {"id": "v", field: "$"}).replace('"$"', number)
    response = intake.evaluations.post("/v1/visits", content=body, headers=bearer(ADMINISTRATOR))
    assert response.status_code == 422, response.text
    assert response.json()["errors"]


def test_names_that_stand_twice_are_refused_in_visits(intake: IntakeSite) -> None:
    body = json.dumps(VISIT | {"id": "v"}).replace('"outcome": ', '"outcome": "confirmed", "outcome": ')
    response = intake.evaluations.post(
        "/v1/visits", content=b"\xef\xbb\xbf" + body.encode(), headers=bearer(ADMINISTRATOR)
    )
    assert [error["where"] for error in response.json()["errors"]] == ["programs.0.outcome"]


def test_every_body_that_the_framework_parses_is_strict_json(intake: IntakeSite) -> None:
    apps = (create_programs(intake.settings), create_evaluations(intake.settings), create_realization(intake.settings))
    parsed = [
        route
        for app in apps
        for context in iter_route_contexts(app.routes)
        if isinstance(route := context.original_route, APIRoute) and route.body_field is not None
    ]
    assert parsed
    for route in parsed:
        assert require_json in [each.call for each in route.dependant.dependencies], route.path
    body = '{"source": "/plans/kota-x/council", "id": "a", "id": "b", "reason": "x"}'
    headers = {"Content-Type": "application/json", **bearer(ADMINISTRATOR)}
    response = intake.programs.post("/v1/events/erasures", content=body, headers=headers)
    assert [error["where"] for error in response.json()["errors"]] == ["id"]


HUGE = ("9223372036854775808", "-1", "0", "1e3", "9" * 400, "NaN", "%00")


@pytest.mark.parametrize("huge", HUGE)
def test_numbers_beyond_any_table_are_refused_in_paths_and_queries(site: Client, plan: str, huge: str) -> None:
    for path in (
        f"/v1/masterplans/{plan}/versions/{huge}",
        f"/v1/masterplans/{plan}/export?version={huge}",
        f"/v1/masterplans?limit={huge}",
        f"/v1/visits?plan={plan}&limit={huge}",
    ):
        response = site.get(path)
        assert response.status_code == 422, f"{path}: {response.text}"


# ── audit ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def room_in_audit(intake: IntakeSite, max_bytes: int) -> None:
    """How large a record of the audit may be: of a byte, and the broker refuses each. (`min.insync.replicas` above the
    number of copies there are does not: brokers take the lower of the two.)"""
    admin = KafkaAdminClient(**client_options(KafkaSettings(kafka=intake.kafka_topics.bootstrap)))
    topic = ConfigResource(
        ConfigResourceType.TOPIC, intake.kafka_topics.prefix + "audit", {"max.message.bytes": str(max_bytes)}
    )
    admin.alter_configs([topic])
    admin.close()


def test_nothing_is_acknowledged_whose_audit_the_broker_does_not_take(
    own_broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    with running(own_broker.bootstrap, f"sqlite:///{tmp_path / 'intake.db'}", processes) as intake:
        intake.start_worker()
        plan = intake.plan()
        key = intake.key(plan, "dinkes")

        def acts() -> dict[str, Response]:
            visit: dict[str, Any] = VISIT | {"id": "v-1"}
            return {
                "event": intake.send(report(plan, "r-1"), key),
                "batch": intake.send([report(plan, "r-1"), report(plan, "r-2")], key, BATCH_MEDIA_TYPE),
                "visit": intake.visit(evaluator(plan, "mentor"), visit),
                "key": intake.programs.post(f"/v1/departments/{plan}/dishub/keys", headers=bearer(ADMINISTRATOR)),
                "import": intake.import_plan(workbook(plan, 2)),
            }

        room_in_audit(intake, 1)
        refused = acts()
        room_in_audit(intake, MIB)

        for act, answer in refused.items():
            assert answer.status_code == 503, f"{act}: {answer.text}"
            assert int(answer.headers["retry-after"]) >= 1
        assert {result["status"] for result in refused["batch"].json()["results"]} == {503}
        until(lambda: intake.send(report(plan, "r-1"), key).status_code == 202)
        until(lambda: all(answer.status_code < 300 or answer.status_code == 409 for answer in acts().values()))
        assert intake.outcome(department(plan, "dinkes"), "r-1")["also_rejected"] == [], "the same was sent again"
        audited = [act["act"] for act in intake.audited()]
        assert {"events.send", "visits.record", "keys.make", "masterplans.import"} <= set(audited)
