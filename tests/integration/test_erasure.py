"""An administrator erases the private part of a fact: it is gone everywhere, and everything else stays."""

import json
from collections.abc import Generator

import pytest
from httpx import Client

from schemas.sources import council, department, evaluator
from schemas.topics import partition_of
from services.aggregator.api.app import create_app
from tests.integration.intake_site import (
    ADMINISTRATOR,
    PARTITIONS,
    VISIT,
    IntakeSite,
    bearer,
    report,
    retraction,
    served,
)
from tests.oracle import Json
from tests.parts.history import RecordToSend
from tests.parts.waiting import until

NOTE = "Pak Budi sakit sejak Maret."


@pytest.fixture
def live(intake: IntakeSite) -> Generator[Client]:
    """The realization api of the installation."""
    with served(create_app(intake.settings)) as client:
        yield client


def erase(intake: IntakeSite, source: str, event_id: str, key: str = ADMINISTRATOR, **more: str) -> Json:
    """Ask for an erasure; if it was taken, return when it was decided."""
    body = {"source": source, "id": event_id, "reason": "Permintaan menurut UU 27/2022"} | more
    response = intake.programs.post("/v1/events/erasures", json=body, headers=bearer(key))
    found: Json = {"status": response.status_code} | response.json()
    if response.status_code == 202:
        assert intake.outcome(found["source"], found["id"])["outcome"] == "accepted"
    return found


def story(live: Client, plan: str, program: str = "P-000") -> Json:
    response = live.get(f"/v1/plans/{plan}/programs/{program}", headers=bearer(ADMINISTRATOR))
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def test_a_note_is_erased_and_the_report_stands(intake: IntakeSite, live: Client) -> None:
    plan = intake.plan()
    source, key = department(plan, "dinkes"), intake.key(plan, "dinkes")
    evidence = [{"title": "Foto Pak Budi", "sha256": "0" * 64, "url": "https://bukti.example.id/1"}]
    sent = report(plan, "r-1", note=NOTE, obstacle="Kendala", evidence=evidence)
    assert intake.send(sent, key).status_code == 202
    assert intake.outcome(source, "r-1")["outcome"] == "accepted"
    found = until(lambda: (story(live, plan)["reports"] or [None])[0], what="the report")
    assert (found["note"], found["erased"], found["evidence"][0]["title"]) == (NOTE, False, "Foto Pak Budi")
    figures = live.get(f"/v1/plans/{plan}/realization").json()["overall"]

    answer = erase(intake, source, "r-1")

    assert answer["status"] == 202
    assert answer["source"] == council(plan)
    found = until(lambda: next(r for r in story(live, plan)["reports"] if r["erased"]), what="the erasure")
    assert (found["note"], found["obstacle"], found["standing"]) == (None, None, "current")
    assert found["evidence"] == [{"title": None, "sha256": "0" * 64, "media_type": None, "url": None}]
    assert live.get(f"/v1/plans/{plan}/realization").json()["overall"] == figures
    tombstones = [part for part in intake.kafka_topics.written("facts-private") if part.value is None]
    assert any(part.key and part.key.endswith(b"/r-1") for part in tombstones)
    facts = b"".join(fact.value for fact in intake.kafka_topics.written("facts")).decode()
    assert NOTE not in facts
    assert "Permintaan menurut" not in facts, "a reason is private too"
    (act,) = [act for act in intake.audited() if act["act"] == "private.erase" and act["plan"] == plan]
    assert act["account"] == "administrator"
    assert "r-1: Permintaan menurut UU 27/2022" in act["detail"]

    assert intake.send(sent, key).status_code == 202
    again = intake.send(report(plan, "r-1", note="Lain"), key)
    assert again.status_code == 202
    outcome = until(lambda: (o := intake.outcome(source, "r-1", key=key))["also_rejected"] and o, what="the conflict")
    assert [reason["code"] for reason in outcome["also_rejected"]] == ["conflict"], "and the first resend a duplicate"


def test_a_visit_without_its_findings_says_that_they_were_erased(intake: IntakeSite) -> None:
    plan = intake.plan()
    source = evaluator(plan, "mentor")
    assert intake.visit(source, VISIT | {"id": "v/1;x:2", "time": "2021-05-19T00:00:00Z"}).status_code == 202
    assert intake.outcome(source, "v/1;x:2")["outcome"] == "accepted"

    assert erase(intake, source, "v/1;x:2")["status"] == 202

    def shown() -> Json:
        params = {"plan": plan, "id": "v/1;x:2"}
        response = intake.evaluations.get("/v1/visits", params=params, headers=bearer(ADMINISTRATOR))
        return next(dict(item) for item in response.json()["items"] if item["erased"])

    found = until(shown, what="the erasure")
    assert found["findings"] == []
    assert found["recommendations"] == [{"text": None, "owner": "dinkes", "due_on": "2021-08-31"}]
    assert found["programs"] == [{"program": "P-000", "outcome": "confirmed", "note": None}]


def test_who_may_not_and_what_is_not_there(intake: IntakeSite) -> None:
    plan = intake.plan()
    source, key = department(plan, "dinkes"), intake.key(plan, "dinkes")
    assert erase(intake, source, "r-1", key)["status"] == 403
    assert erase(intake, source, "never-came")["status"] == 404
    assert erase(intake, source, "")["status"] == 422
    response = intake.programs.post("/v1/events/erasures", json={}, headers=bearer(ADMINISTRATOR))
    assert {error["where"] for error in response.json()["errors"]} == {"body.source", "body.id", "body.reason"}


@pytest.mark.parametrize("body", [b"b\x1fD\xefg", b"\xff", b'{"source": "\xff"}'], ids=["noise", "a byte", "in a text"])
def test_a_body_that_is_not_utf_8_is_named(intake: IntakeSite, body: bytes) -> None:
    headers = bearer(ADMINISTRATOR) | {"Content-Type": "application/json"}
    response = intake.programs.post("/v1/events/erasures", content=body, headers=headers)
    assert response.status_code == 422
    assert response.json()["errors"][0]["where"].startswith("body")


def test_a_claim_to_be_the_administrator_sent_straight_to_kafka_is_not_believed(intake: IntakeSite) -> None:
    plan = intake.plan()
    source, key = department(plan, "dinkes"), intake.key(plan, "dinkes")
    sent = report(plan, "r-1", status="realized", physical="100", note=NOTE)
    assert intake.send(sent, key).status_code == 202
    assert intake.outcome(source, "r-1")["outcome"] == "accepted"
    claim = {"attestedrole": "administrator", "attestation": "0" * 64}
    forged = retraction(council(plan), sent, "x-1") | claim
    erasure = retraction(council(plan), sent, "x-2") | claim | {"type": "id.pantau.private.erased.v1"}

    partition = partition_of(plan, PARTITIONS)
    intake.kafka_topics.send(
        RecordToSend("program-status", partition, plan.encode(), json.dumps(event).encode())
        for event in (forged, erasure)
    )

    outcome = intake.outcome(council(plan), "x-1")
    assert (outcome["standing"], outcome["ignored"]) == ("foreign", ["attestation", "attestedrole"])
    refused = intake.outcome(council(plan), "x-2", key=ADMINISTRATOR)
    assert [reason["code"] for reason in refused["reasons"]] == ["not_attested"]
    assert intake.outcome(source, "r-1")["standing"] == "current"
    assert intake.send(retraction(council(plan), sent, "x-3"), ADMINISTRATOR).status_code == 202
    assert intake.outcome(council(plan), "x-3")["standing"] == "current", "intake attests it"
    assert intake.outcome(source, "r-1")["standing"] == "retracted"
