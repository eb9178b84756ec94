"""Intake: what is taken, what is refused with every error at once, by whose key, and which outcome a sender gets."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.broker import Broker
from schemas.envelope import BATCH_MEDIA_TYPE
from schemas.sources import council, department, evaluator
from schemas.topics import EVENT_LIMIT, partition_of
from services.programs.app import BATCH_LIMIT
from tests.integration.intake_site import (
    ADMINISTRATOR,
    PARTITIONS,
    VISIT,
    IntakeSite,
    bearer,
    report,
    retraction,
    running,
    workbook,
)
from tests.parts.history import program
from tests.parts.processes import Processes
from tests.parts.waiting import until

PROBLEM = "application/problem+json"


def errors_of(response: Any) -> dict[str, str]:
    """What is wrong, by place."""
    assert response.headers["content-type"] == PROBLEM, response.text
    return {error["where"]: error["what"] for error in response.json()["errors"]}


# ── one event ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_is_acknowledged_decided_and_stands(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    sent = report(plan, "r-1")
    response = intake.send(sent, key)
    assert response.status_code == 202, response.text
    assert response.json() == {
        "status": 202,
        "source": department(plan, "dinkes"),
        "id": "r-1",
        "topic": "program-status",
        "partition": partition_of(plan, PARTITIONS),
        "offset": response.json()["offset"],
    }
    found = intake.outcome(sent["source"], "r-1")
    assert (found["outcome"], found["standing"]) == ("accepted", "current")
    assert found["seq"] == 2, "the plan version was the first"


def test_the_same_in_binary_mode_is_the_same_event(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    sent = report(plan, "r-1")
    attributes = {f"ce-{name}": str(sent[name]) for name in ("specversion", "id", "source", "type", "time")}
    attributes["ce-source"] = attributes["ce-source"].replace("/", "%2F")
    assert intake.send(sent, key).status_code == 202
    response = intake.send(sent["data"], key, "application/json", **attributes)
    assert response.status_code == 202, response.text
    found = intake.outcome(sent["source"], "r-1")
    assert (found["outcome"], found["also_rejected"]) == ("accepted", []), "a duplicate, no conflict"


def test_the_same_id_with_other_content_is_answered_as_a_conflict(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    assert intake.send(report(plan, "r-1"), key).status_code == 202
    assert intake.send(report(plan, "r-1", physical="50", note="rahasia"), key).status_code == 202
    last = intake.send(report(plan, "r-2", period="2021-10"), key)
    assert last.status_code == 202
    assert intake.outcome(department(plan, "dinkes"), "r-2")["standing"] == "superseded"
    with_key = intake.outcome(department(plan, "dinkes"), "r-1", key=key)
    assert (with_key["outcome"], with_key["standing"]) == ("accepted", "current")
    assert [reason["code"] for reason in with_key["also_rejected"]] == ["conflict"]
    assert with_key["also_rejected"][0]["detail"]
    without = intake.outcome(department(plan, "dinkes"), "r-1")
    assert "detail" not in without["also_rejected"][0]


@pytest.mark.parametrize(
    ("changes", "standing"),
    [({"program": "P-999"}, "orphan"), ({"program": "P-001"}, "foreign"), ({}, "current")],
)
def test_the_standing_is_that_of_the_set(intake: IntakeSite, changes: dict[str, Any], standing: str) -> None:
    plan = intake.plan()
    sent = report(plan, "r-1", **changes)
    assert intake.send(sent, intake.key(plan, "dinkes")).status_code == 202
    assert intake.outcome(sent["source"], "r-1")["standing"] == standing


def test_a_later_plan_version_changes_a_standing(intake: IntakeSite) -> None:
    plan = intake.plan()
    sent = report(plan, "r-1", program="P-012")
    assert intake.send(sent, intake.key(plan, "dinkes")).status_code == 202
    assert intake.outcome(sent["source"], "r-1")["standing"] == "orphan"
    response = intake.import_plan(workbook(plan, 2, programs=[program(number) for number in range(13)]))
    assert response.status_code == 202, response.text
    intake.outcome(response.json()["source"], response.json()["id"])
    assert intake.outcome(sent["source"], "r-1")["standing"] == "current"


def test_what_was_never_sent_is_not_found(intake: IntakeSite) -> None:
    plan = intake.plan()
    assert intake.outcome(department(plan, "dinkes"), "never", wait=5)["status"] == 404


def test_every_error_is_reported_at_once(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    sent = report(plan, "r\n1", physical="101", status="done", extra=1) | {"time": "yesterday"}
    response = intake.send(sent, key)
    assert response.status_code == 422
    assert errors_of(response).keys() == {"id", "time", "data.status", "data.physical", "data.extra"}
    body = response.json()
    assert body["errors_total"] == 5
    assert body["instance"] == "/v1/events"
    physical = next(error for error in body["errors"] if error["where"] == "data.physical")
    assert physical["value"] == "101"
    assert "100" in physical["expected"]


def test_dates_that_have_not_begun_anywhere_are_refused(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    now = datetime.now(UTC)
    tomorrow_everywhere = (now + timedelta(hours=14)).date() + timedelta(days=1)
    sent = report(plan, "r-1", period=None, effective_on=tomorrow_everywhere.isoformat())
    response = intake.send(sent | {"time": (now + timedelta(hours=25)).isoformat()}, key)
    assert errors_of(response).keys() == {"data.effective_on", "time"}
    east = (now + timedelta(hours=14)).date()
    allowed = report(plan, "r-2", period=None, effective_on=east.isoformat())
    assert intake.send(allowed | {"time": (now + timedelta(hours=23)).isoformat()}, key).status_code == 202
    assert intake.outcome(allowed["source"], "r-2")["outcome"] == "accepted", "the aggregator thinks the same"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "body"),
        (b"nonsense", "body"),
        (b"[1]", "body"),
        (b"\xff", "body"),
        (b"{}", "type"),
        (b'{"type": "no.such.v1"}', "type"),
    ],
)
def test_what_is_no_event_is_refused(intake: IntakeSite, body: bytes, where: str) -> None:
    response = intake.send(body, ADMINISTRATOR)
    assert response.status_code == 422
    assert errors_of(response).keys() == {where}


def test_binary_mode_refuses_what_is_no_json_and_smuggles_nothing(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    sent = retraction(department(plan, "dinkes"), report(plan, "r-1"), "x-1")
    attributes = {f"ce-{name}": str(sent[name]) for name in ("specversion", "id", "source", "type", "time")}
    data = json.dumps(sent["data"])
    smuggled = f'{data},"attestedrole":"administrator"'
    assert errors_of(intake.send(smuggled, key, "application/json", **attributes)).keys() == {"data"}
    hidden = {**attributes, "ce-data": "{}"}
    assert errors_of(intake.send(data, key, "application/json", **hidden)).keys() == {"ce-data"}
    attested = {**attributes, "ce-attestedrole": "administrator"}
    assert errors_of(intake.send(data, key, "application/json", **attested)).keys() == {"attestedrole"}


def test_another_media_type_is_answered_with_those_that_are_taken(intake: IntakeSite) -> None:
    response = intake.send(b"<event/>", ADMINISTRATOR, "text/xml")
    assert response.status_code == 415
    assert "application/cloudevents+json" in response.json()["detail"]


def test_kinds_that_enter_elsewhere_are_refused(intake: IntakeSite) -> None:
    plan = intake.plan()
    sent = report(plan, "v-1") | {
        "type": "id.pantau.visit.recorded.v1",
        "source": evaluator(plan, "mentor"),
        "data": VISIT,
    }
    assert errors_of(intake.send(sent, ADMINISTRATOR)).keys() == {"type"}


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_needed_and_must_be_the_departments_own(intake: IntakeSite) -> None:
    plan, other = intake.plan(), intake.plan()
    key = intake.key(plan, "dinkes")
    sent = report(plan, "r-1")
    nobody = intake.send(sent, None)
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert nobody.headers["content-type"] == PROBLEM
    assert intake.send(sent, "pantau_unknown").status_code == 401
    assert intake.send(sent, key, Authorization=f"Basic {key}").status_code == 401
    assert intake.send(report(plan, "r-1", "dishub"), key).status_code == 403
    assert intake.send(report(other, "r-1"), key).status_code == 403
    assert intake.send(sent, intake.key(plan, "dinkes", "evaluator")).status_code == 403, (
        "an evaluator of the same name"
    )
    assert intake.send(sent, key).status_code == 202
    assert intake.send(report(plan, "r-2", "dishub"), ADMINISTRATOR).status_code == 202, (
        "the administrator's writes all"
    )


def test_nothing_is_parsed_for_those_without_a_key(intake: IntakeSite) -> None:
    assert intake.send(b"nonsense", None).status_code == 401


def test_a_body_that_is_too_large_is_refused_before_anything_else(intake: IntakeSite) -> None:
    too_large = b" " * (BATCH_LIMIT + 1)
    response = intake.send(too_large, None)
    assert response.status_code == 413
    assert response.headers["content-type"] == PROBLEM

    def drops() -> Any:
        for _ in range(BATCH_LIMIT // 65536 + 2):
            yield b" " * 65536

    headers = bearer(ADMINISTRATOR) | {"Content-Type": BATCH_MEDIA_TYPE}
    undeclared = intake.programs.post("/v1/events", content=drops(), headers=headers)
    assert undeclared.status_code == 413
    one = report(intake.plan(), "r-1") | {"data": {"note": "x"}}
    padded = json.dumps(one | {"padding": "x" * EVENT_LIMIT})
    assert intake.send(padded, ADMINISTRATOR).status_code == 422


def test_a_retraction_by_the_administrator_is_attested_and_holds(intake: IntakeSite) -> None:
    plan = intake.plan()
    sent = report(plan, "r-1")
    assert intake.send(sent, intake.key(plan, "dinkes")).status_code == 202
    assert intake.outcome(sent["source"], "r-1")["standing"] == "current"
    taken_back = retraction(council(plan), sent, "x-1")
    assert intake.send(taken_back, ADMINISTRATOR).status_code == 202
    assert intake.outcome(taken_back["source"], "x-1")["standing"] == "current"
    assert intake.outcome(sent["source"], "r-1")["standing"] == "retracted"


def test_another_departments_retraction_does_not_hold_and_no_one_may_attest_it(intake: IntakeSite) -> None:
    plan = intake.plan()
    sent = report(plan, "r-1")
    assert intake.send(sent, intake.key(plan, "dinkes")).status_code == 202
    foreign = retraction(department(plan, "dishub"), sent, "x-1")
    key = intake.key(plan, "dishub")
    forged = intake.send(foreign | {"attestedrole": "administrator"}, key)
    assert forged.status_code == 422
    assert errors_of(forged).keys() == {"attestedrole"}
    twice = json.dumps(foreign)[:-1] + ', "attestedrole": null, "attestedrole": "administrator"}'
    assert intake.send(twice, key).status_code == 422, "nor by saying it twice"
    assert intake.send(foreign | {"attestedrole": "administrator"}, ADMINISTRATOR).status_code == 422, "intake says it"
    assert intake.send(foreign, key).status_code == 202
    assert intake.outcome(foreign["source"], "x-1")["standing"] == "foreign"
    assert intake.outcome(sent["source"], "r-1")["standing"] == "current"


def test_every_act_is_in_the_audit(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    assert intake.send(report(plan, "r-1"), key).status_code == 202
    acts = [act for act in intake.audited() if act["plan"] == plan]
    assert [act["act"] for act in acts] == ["masterplans.import", "keys.make", "events.send"]
    assert acts[0]["account"] == "administrator"
    assert acts[2]["account"].startswith("department:")
    assert (acts[2]["office"], acts[2]["detail"]) == ("dinkes", "r-1")
    assert key not in json.dumps(acts)


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_gives_a_result_for_each_event(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    good = [report(plan, f"r-{number}", period=f"2021-{number:02d}") for number in range(1, 4)]
    response = intake.send(good, key, BATCH_MEDIA_TYPE)
    assert response.status_code == 202, response.text
    assert response.json()["accepted"] == 3
    assert [result["id"] for result in response.json()["results"]] == ["r-1", "r-2", "r-3"]
    assert intake.outcome(good[2]["source"], "r-3")["standing"] == "current"

    mixed = [report(plan, "r-4"), report(plan, "r-5", physical=-1), report(plan, "r-6", "dishub"), 7, {"id": "r-7"}]
    response = intake.send(mixed, key, BATCH_MEDIA_TYPE)
    assert response.status_code == 207
    results = response.json()["results"]
    assert [result["status"] for result in results] == [202, 422, 403, 422, 422]
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4]
    assert [error["where"] for error in results[1]["errors"]] == ["data.physical"]
    assert results[4]["id"] == "r-7"


def test_a_batch_of_which_none_is_taken_is_a_problem(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    bad = [report(plan, "r-1", physical=-1), report(plan, "r-2", physical=101)]
    response = intake.send(bad, key, BATCH_MEDIA_TYPE)
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    assert [result["status"] for result in response.json()["results"]] == [422, 422]
    assert intake.send([report(plan, "r-1", "dishub")], key, BATCH_MEDIA_TYPE).status_code == 403
    for nothing in (b"{}", b"7", b"["):
        assert intake.send(nothing, key, BATCH_MEDIA_TYPE).status_code == 422


# ── a broker that does not answer ────────────────────────────────────────────────────────────────────────────────────


def test_without_the_broker_it_says_come_again_and_then_takes_it(
    own_broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    with running(own_broker.bootstrap, f"sqlite:///{tmp_path / 'intake.db'}", processes, in_processes=True) as intake:
        assert intake.send(report("kota-x", "r-0"), ADMINISTRATOR).status_code == 202
        own_broker.stop()
        response = intake.send(report("kota-x", "r-1"), ADMINISTRATOR)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        batch = intake.send(
            [report("kota-x", "r-2"), report("kota-x", "r-3", physical=-1)], ADMINISTRATOR, BATCH_MEDIA_TYPE
        )
        assert batch.status_code == 503
        assert [result["status"] for result in batch.json()["results"]] == [503, 422]
        found = intake.outcome(department("kota-x", "dinkes"), "r-1", wait=0)
        assert found["outcome"] == "pending", "it may be there all the same"
        own_broker.start()
        until(lambda: intake.send(report("kota-x", "r-1"), ADMINISTRATOR).status_code == 202)


def test_without_a_worker_an_event_is_pending(broker: Broker, processes: Processes, tmp_path: Path) -> None:
    with running(broker.bootstrap, f"sqlite:///{tmp_path / 'intake.db'}", processes) as intake:
        sent = report("kota-x", "r-1")
        assert intake.outcome(sent["source"], "r-1", wait=0)["status"] == 404, "nobody sent anything"
        assert intake.send(sent, ADMINISTRATOR).status_code == 202
        assert intake.outcome(sent["source"], "r-1", wait=0.1)["outcome"] == "pending"
        intake.start_worker()
        assert intake.outcome(sent["source"], "r-1")["standing"] == "orphan", "no plan of that name was published"


def test_outcomes_from_postgresql(broker: Broker, processes: Processes, postgres_url: str) -> None:
    with running(broker.bootstrap, postgres_url, processes) as intake:
        intake.start_worker()
        plan = intake.plan()
        key = intake.key(plan, "dinkes")
        sent = report(plan, "r-1")
        assert intake.send(sent, key).status_code == 202
        assert intake.send(retraction(sent["source"], sent, "x-1"), key).status_code == 202
        assert intake.outcome(sent["source"], "x-1")["standing"] == "current"
        assert intake.outcome(sent["source"], "r-1")["standing"] == "retracted"


# ── the app itself ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_error_is_a_problem_and_every_answer_has_its_headers(intake: IntakeSite) -> None:
    for response, status in (
        (intake.programs.get("/v1/nowhere"), 404),
        (intake.programs.put("/v1/events"), 405),
        (intake.programs.get("/v1/events"), 422),
        (intake.programs.get("/v1/masterplans", params={"limit": "many"}), 422),
        (intake.programs.get("/v1/masterplans", params={"cursor": "%"}), 422),
    ):
        assert response.status_code == status
        assert response.headers["content-type"] == PROBLEM
        assert response.json()["status"] == status
        assert response.headers["x-content-type-options"] == "nosniff"
    assert {e["where"] for e in intake.programs.get("/v1/events").json()["errors"]} == {"query.source", "query.id"}


def test_it_is_measured(intake: IntakeSite) -> None:
    intake.send(b"nonsense", ADMINISTRATOR)
    text = intake.programs.get("/metrics").text
    assert 'pantau_http_requests_total{method="POST",route="/v1/events",service="programs",status="422"}' in text
    assert 'pantau_intake_events_total{outcome="accepted"}' in text
    assert "pantau_projection_lag_records" in text
    intake.programs.get("/v1/nowhere/at/all")
    assert "nowhere" not in intake.programs.get("/metrics").text, "paths that are not served are no labels"


def test_it_is_documented_with_examples(intake: IntakeSite) -> None:
    document = intake.programs.get("/v1/masterplans/openapi.json").json()
    post = document["paths"]["/v1/events"]["post"]
    assert post["requestBody"]["content"]["application/cloudevents+json"]["example"]["specversion"] == "1.0"
    assert {"202", "207", "401", "403", "413", "415", "422", "503"} <= post["responses"].keys()
    assert "/v1/events" in intake.programs.get("/v1/masterplans/docs").text
