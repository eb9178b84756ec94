"""Masterplans come in as the workbook a planning office keeps, are compared strictly, and go out as they came in."""

import json
from typing import Any

from schemas.topics import PLAN_VERSION_LIMIT
from tests.integration.intake_site import ADMINISTRATOR, PROGRAMS, XLSX, IntakeSite, bearer, workbook
from tests.parts.history import program
from tests.parts.waiting import until


def registered(intake: IntakeSite, response: Any) -> dict[str, Any]:
    """What became of an import."""
    return intake.outcome(response.json()["source"], response.json()["id"])


def test_a_dry_run_says_what_would_be_and_publishes_nothing(intake: IntakeSite) -> None:
    response = intake.import_plan(workbook("dry"), dry_run=True)
    assert response.status_code == 200, response.text
    assert (response.json()["plan"], response.json()["programs"], response.json()["published"]) == (
        "dry",
        PROGRAMS,
        None,
    )
    assert intake.programs.get("/v1/masterplans/dry").status_code == 404


def test_a_plan_is_imported_registered_and_exported_as_it_was(intake: IntakeSite) -> None:
    plan = intake.plan()
    listed = intake.programs.get("/v1/masterplans", params={"limit": 500}).json()["items"]
    (item,) = [item for item in listed if item["plan"] == plan]
    assert (item["version"], item["programs"], item["departments"], item["city"]) == (1, PROGRAMS, 3, "Kota Uji")
    one = intake.programs.get(f"/v1/masterplans/{plan}").json()
    assert (one["current"], one["in_force"], len(one["versions"])) == (1, 1, 1)
    whole = intake.programs.get(f"/v1/masterplans/{plan}/versions/1").json()
    assert [each["code"] for each in whole["programs"]] == [program(number)["code"] for number in range(PROGRAMS)]
    exported = intake.programs.get(f"/v1/masterplans/{plan}/export")
    assert exported.headers["content-type"] == XLSX
    assert f"{plan}-v1.xlsx" in exported.headers["content-disposition"]
    again = intake.import_plan(exported.content)
    assert (again.status_code, again.json()["already_registered"]) == (200, True), (
        "what is exported is what was imported"
    )
    departments = intake.programs.get("/v1/departments", params={"plan": plan}).json()
    assert [(each["department"], each["programs"]) for each in departments["items"]] == [
        ("dinkes", 4),
        ("dishub", 4),
        ("diskominfo", 4),
    ]


def test_the_version_must_replace_the_current_one(intake: IntakeSite) -> None:
    plan = intake.plan()
    skipped = intake.import_plan(workbook(plan, 3))
    assert skipped.status_code == 409
    assert skipped.json()["current"] == 1
    changed = intake.import_plan(workbook(plan, 1, city="Kota Lain"))
    assert (changed.status_code, changed.json()["current"]) == (409, 1)
    first = intake.import_plan(workbook("brand-new", 2))
    assert (first.status_code, first.json()["current"]) == (409, None)
    second = intake.import_plan(workbook(plan, 2, effective_from="2022-01-01"))
    assert second.status_code == 202
    assert registered(intake, second)["standing"] == "current"
    assert intake.programs.get(f"/v1/masterplans/{plan}").json()["current"] == 2


def test_a_version_of_the_future_is_current_but_not_in_force(intake: IntakeSite) -> None:
    plan = intake.plan()
    later = intake.import_plan(workbook(plan, 2, effective_from="2099-01-01"))
    assert registered(intake, later)["outcome"] == "accepted"
    one = intake.programs.get(f"/v1/masterplans/{plan}").json()
    assert (one["current"], one["in_force"]) == (2, 1)


def test_of_two_that_expect_the_same_version_the_loser_is_named(intake: IntakeSite) -> None:
    plan = intake.plan()
    both = [intake.import_plan(workbook(plan, 2, city=city)) for city in ("Kota Satu", "Kota Dua")]
    outcomes: list[Any] = [
        registered(intake, answer) if answer.status_code == 202 else {"outcome": "refused"} for answer in both
    ]
    assert outcomes[0]["outcome"] == "accepted"
    assert outcomes[1]["outcome"] in {"rejected", "refused"}
    if outcomes[1]["outcome"] == "rejected":
        assert outcomes[1]["reasons"][0]["code"] == "version_conflict"


def test_every_error_of_every_row_is_reported_at_once(intake: IntakeSite) -> None:
    csv = "\n".join(
        (
            "Kode;Nama program;Dimensi;Subdimensi;Perangkat daerah;Bobot (%);Tahun mulai;Tahun selesai",
            "P-000;Satu;Tata kelola;Layanan publik;nobody;5;2019;2020",
            "P-001;;Tata kelola;Kesehatan;dinkes;lima;2019;2020",
        )
    )
    plan = intake.plan()
    response = intake.programs.post(
        "/v1/masterplans/import",
        content=csv.encode(),
        headers={"Content-Type": "text/csv"} | bearer(ADMINISTRATOR),
        params={"plan": plan, "version": "2", "expects": "1", "effective_from": "2020-01-01"},
    )
    assert response.status_code == 422, response.text
    where = [error["where"] for error in response.json()["errors"]]
    assert len(where) >= 4
    assert any("baris 2" in place for place in where)
    assert any("baris 3" in place for place in where)


def test_a_form_is_taken_too(intake: IntakeSite) -> None:
    response = intake.programs.post(
        "/v1/masterplans/import",
        files={"file": ("plan.xlsx", workbook("formed"), XLSX)},
        headers=bearer(ADMINISTRATOR),
        params={"dry_run": True},
    )
    assert response.status_code == 200, response.text
    assert response.json()["plan"] == "formed"
    without = intake.programs.post(
        "/v1/masterplans/import", files={"other": ("plan.xlsx", b"", XLSX)}, headers=bearer(ADMINISTRATOR)
    )
    assert without.status_code == 422


def test_what_is_no_workbook_or_not_allowed_is_refused_in_this_order(intake: IntakeSite) -> None:
    too_large = b" " * (PLAN_VERSION_LIMIT + 100_000)
    assert intake.import_plan(too_large, key=None).status_code == 413
    assert intake.import_plan(b"nonsense", key=None).status_code == 401
    plan = intake.plan()
    assert intake.import_plan(b"nonsense", key=intake.key(plan, "dinkes")).status_code == 403
    assert intake.import_plan(b"nonsense").status_code == 422
    media = {"Content-Type": "application/pdf"} | bearer(ADMINISTRATOR)
    assert intake.programs.post("/v1/masterplans/import", content=b"x", headers=media).status_code == 415


def test_pages_follow_each_other_and_an_unchanged_one_is_not_sent_again(intake: IntakeSite) -> None:
    plans = {intake.plan() for _ in range(3)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page: dict[str, str | int] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = intake.programs.get("/v1/masterplans", params=page).json()
        assert len(answer["items"]) <= 2
        seen += [item["plan"] for item in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert seen == sorted(set(seen))
    assert plans <= set(seen)
    path = f"/v1/masterplans/{plans.pop()}/versions/1"
    first = intake.programs.get(path)
    unchanged = intake.programs.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_the_template_explains_and_what_is_unknown_is_not_found(intake: IntakeSite) -> None:
    assert intake.programs.get("/v1/masterplans/template").headers["content-type"] == XLSX
    for path in ("/v1/masterplans/nobody", "/v1/masterplans/nobody/versions/1", "/v1/masterplans/nobody/export"):
        assert intake.programs.get(path).status_code == 404
    assert intake.programs.get("/v1/departments", params={"plan": "nobody"}).status_code == 404


def test_the_topic_holds_one_event_with_the_whole_plan(intake: IntakeSite) -> None:
    plan = intake.plan()

    def of_the_plan() -> list[Any]:
        return [record for record in intake.kafka_topics.read("masterplans") if record.key == plan.encode()]

    (record,) = until(of_the_plan)
    event = json.loads(record.value)
    assert event["source"] == f"/plans/{plan}/council"
    assert event["id"].startswith("version-1-")
    assert len(event["data"]["programs"]) == PROGRAMS
