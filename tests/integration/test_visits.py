"""Visits: recorded by evaluators, checked whole, and shown to the public without the notes."""

from datetime import UTC, datetime, timedelta

from schemas.sources import evaluator
from tests.integration.intake_site import ADMINISTRATOR, PROGRAMS, VISIT, IntakeSite, bearer, workbook
from tests.parts.history import plan_version
from tests.parts.waiting import until


def recorded(intake: IntakeSite, plan: str, visit_id: str, key: str | None = None) -> dict[str, object]:
    """A visit as the api shows it, once it does."""
    headers = bearer(key) if key else {}

    def there() -> dict[str, object] | None:
        response = intake.evaluations.get("/v1/visits", params={"plan": plan, "id": visit_id}, headers=headers)
        return dict(response.json()["items"][0]) if response.json()["items"] else None

    found = until(there, what=f"visit {visit_id}")
    assert found is not None
    return found


def evaluators_key(intake: IntakeSite, plan: str) -> str:
    """A key of the evaluator `kominfo`, known to evaluations."""
    key = intake.key(plan, "kominfo", "evaluator")
    until(lambda: intake.visit("", {}, key).status_code == 422, what="evaluations knows the key")
    return key


def test_a_visit_is_recorded_and_shown(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = evaluators_key(intake, plan)
    response = intake.visit("", VISIT | {"id": "v-1"}, key)
    assert response.status_code == 202, response.text
    assert response.json()["source"] == evaluator(plan, "kominfo")
    assert response.json()["topic"] == "evaluations"
    assert intake.outcome(evaluator(plan, "kominfo"), "v-1")["standing"] == "current"
    shown = recorded(intake, plan, "v-1", key)
    assert shown["findings"] == VISIT["findings"]
    assert shown["site"] == VISIT["site"]


def test_the_public_sees_what_was_verified_and_no_notes(intake: IntakeSite) -> None:
    plan = intake.plan()
    assert intake.visit(evaluator(plan, "mentor"), VISIT | {"id": "v-1"}).status_code == 202
    shown = recorded(intake, plan, "v-1")
    assert shown["programs"] == [{"program": "P-000", "outcome": "confirmed"}]
    text = str(shown)
    assert "Sudah beroperasi" not in text
    assert not {"findings", "recommendations", "checklist", "evidence", "mentor_account"} & shown.keys()
    listed = intake.evaluations.get("/v1/visits", params={"plan": plan})
    assert "Sudah beroperasi" not in listed.text
    assert "Sudah beroperasi" in str(recorded(intake, plan, "v-1", ADMINISTRATOR))


def test_every_error_is_reported_at_once(intake: IntakeSite) -> None:
    plan = intake.plan()
    source = evaluator(plan, "mentor")
    wrong = {"visited_on": "soon", "programs": [{"program": "p", "outcome": "fine"}], "people": ["Bapak X"]}
    response = intake.visit(source, VISIT | wrong | {"id": "v\t1"})
    assert response.status_code == 422
    assert {error["where"] for error in response.json()["errors"]} == {
        "id",
        "visited_on",
        "programs.0.program",
        "programs.0.outcome",
        "people",
    }
    tomorrow = (datetime.now(UTC) + timedelta(hours=14)).date() + timedelta(days=1)
    seen = [{"program": f"P-{number}", "outcome": "confirmed"} for number in ("000", "777", "888")]
    response = intake.visit(source, VISIT | {"id": "v-1", "visited_on": tomorrow.isoformat(), "programs": seen})
    assert response.status_code == 422
    assert {error["where"]: error["value"] for error in response.json()["errors"]} == {
        "visited_on": tomorrow.isoformat(),
        "programs.1.program": "P-777",
        "programs.2.program": "P-888",
    }


def test_a_visit_is_checked_against_the_version_in_force_on_its_own_day(intake: IntakeSite) -> None:
    plan = intake.plan()  # version 1 is in force from 2019
    programs = plan_version(PROGRAMS + 1)["programs"]
    later = {"effective_from": "2021-06-01", "programs": [programs[0], *programs[2:]]}  # without P-001, with P-012
    response = intake.import_plan(workbook(plan, 2, **later))
    assert response.status_code == 202, response.text
    assert intake.outcome(response.json()["source"], response.json()["id"])["outcome"] == "accepted"
    source = evaluator(plan, "mentor")

    def refused(day: str) -> dict[str, str]:
        seen = [{"program": code, "outcome": "confirmed"} for code in ("P-000", "P-001", "P-012")]
        response = intake.visit(source, VISIT | {"id": "v-9", "visited_on": day, "programs": seen})
        assert response.status_code == 422
        return {error["where"]: error["value"] for error in response.json()["errors"]}

    until(lambda: refused("2021-06-01") == {"programs.1.program": "P-001"}, what="evaluations knows version 2")
    assert refused("2021-05-31") == {"programs.2.program": "P-012"}
    assert refused("2018-12-31") == {"visited_on": "2018-12-31"}

    seen = [{"program": "P-001", "outcome": "confirmed"}]
    assert intake.visit(source, VISIT | {"id": "v-1", "visited_on": "2021-05-31", "programs": seen}).status_code == 202
    assert intake.outcome(source, "v-1")["standing"] == "current"


def test_an_evaluator_writes_as_itself_only(intake: IntakeSite) -> None:
    plan, other = intake.plan(), intake.plan()
    key = evaluators_key(intake, plan)
    assert intake.evaluations.post("/v1/visits", json=VISIT | {"id": "v-1"}).status_code == 401
    foreign = VISIT | {"id": "v-1", "source": evaluator(other, "kominfo")}
    assert intake.visit("", foreign, key).status_code == 403
    assert intake.visit("", VISIT | {"id": "v-1", "source": evaluator(plan, "mentor")}, key).status_code == 403
    nobody = intake.evaluations.post("/v1/visits", json=VISIT | {"id": "v-1"}, headers=bearer(ADMINISTRATOR))
    assert nobody.status_code == 422, "the administrator says for whom"
    department = intake.key(plan, "dinkes")
    until(lambda: intake.visit("", VISIT | {"id": "v-1"}, department).status_code == 403)
    council = VISIT | {"id": "v-1", "source": f"/plans/{plan}/council"}
    response = intake.evaluations.post("/v1/visits", json=council, headers=bearer(ADMINISTRATOR))
    assert {error["where"] for error in response.json()["errors"]} == {"source"}


def test_a_visit_sent_again_is_the_same_visit(intake: IntakeSite) -> None:
    plan = intake.plan()
    source = evaluator(plan, "mentor")
    assert intake.visit(source, VISIT | {"id": "v-1"}).status_code == 202
    recorded(intake, plan, "v-1")
    assert intake.visit(source, VISIT | {"id": "v-1"}).status_code == 202
    assert intake.visit(source, VISIT | {"id": "v-2"}).status_code == 202
    recorded(intake, plan, "v-2")
    found = intake.outcome(source, "v-1")
    assert (found["outcome"], found["also_rejected"]) == ("accepted", [])


def test_visits_come_in_pages_the_last_first(intake: IntakeSite) -> None:
    plan = intake.plan()
    for number in range(5):
        assert intake.visit(evaluator(plan, "mentor"), VISIT | {"id": f"v-{number}"}).status_code == 202
    recorded(intake, plan, "v-4")
    first = intake.evaluations.get("/v1/visits", params={"plan": plan, "limit": 3}).json()
    second = intake.evaluations.get("/v1/visits", params={"plan": plan, "limit": 3, "cursor": first["next"]}).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ["v-4", "v-3", "v-2", "v-1", "v-0"]
    assert second["next"] is None
    assert intake.evaluations.get("/v1/visits", params={"plan": plan, "id": "v-9"}).json()["items"] == []


def test_what_is_no_visit_is_refused(intake: IntakeSite) -> None:
    for body in (b"", b"[]", b"nonsense", b"\xff"):
        headers = bearer(ADMINISTRATOR) | {"Content-Type": "application/json"}
        response = intake.evaluations.post("/v1/visits", content=body, headers=headers)
        assert response.status_code == 422
        assert response.json()["errors"]
    too_large = b" " * 300_000
    assert intake.evaluations.post("/v1/visits", content=too_large).status_code == 413


def test_the_act_is_in_the_audit(intake: IntakeSite) -> None:
    plan = intake.plan()
    assert intake.visit(evaluator(plan, "mentor"), VISIT | {"id": "v-1"}).status_code == 202
    acts = [act for act in intake.audited() if act["plan"] == plan and act["act"] == "visits.record"]
    assert [(act["account"], act["office"], act["detail"]) for act in acts] == [("administrator", "mentor", "v-1")]


def test_it_is_documented_with_examples(intake: IntakeSite) -> None:
    document = intake.evaluations.get("/v1/visits/openapi.json").json()
    assert document["paths"]["/v1/visits"]["post"]["requestBody"]["content"]["application/json"]["example"]["id"]
    assert "/v1/visits" in intake.evaluations.get("/v1/visits/docs").text
