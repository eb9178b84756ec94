"""The council's page over everything real: a report that a department sends to Kafka appears on the open page.

Each test leaves the figures as it found them. test_apps_apart.py runs the same with a process for each app.
"""

import json
from collections.abc import Generator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from kafka import KafkaProducer
from playwright.sync_api import ConsoleMessage, Page, expect

from samples import check, generate, reports
from samples.plan import PLAN
from schemas.envelope import MEDIA_TYPE
from schemas.sources import department
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from services.programs.masterplans.workbook import read_workbook
from tests.parts.history import event
from tests.parts.waiting import until
from tests.parts.whole_installation import WholeInstallation, bearer

Json = dict[str, Any]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SENT_BEFORE = "2021-02-01"  # the reports of 2019 and 2020, December's among them
END_OF_2020, END_OF_2021 = "2020-12-31", "2021-12-31"
PATIENCE_SECONDS = 60
SENT_AT = datetime(2021, 7, 9, 2, 15, tzinfo=UTC)


def share(numerator: int, mark: str = ",") -> str:
    """So many of the 426 programs, in percent as the page writes it."""
    hundredths = (numerator * 20_000 + 426) // (2 * 426)  # half up
    return f"{hundredths // 100}{mark}{hundredths % 100:02d} %"


def overall(installed: WholeInstallation, as_of: str) -> Json:
    """The share of the whole plan, asked over HTTP."""
    response = installed.http.get(f"/v1/plans/{PLAN}/realization", params={"as_of": as_of})
    assert response.status_code == 200, response.text
    figure: Json = response.json()["overall"]["share"]
    return figure


class ReportingDepartment:
    """Sends events as docs/departments.md describes, and queries their outcomes."""

    def __init__(self, installed: WholeInstallation) -> None:
        self._installed = installed
        self._producer = KafkaProducer(**client_options(KafkaSettings(kafka=installed.kafka_topics.bootstrap)))

    def send(self, *events: Json) -> None:
        topic = self._installed.kafka_topics.prefix + "program-status"
        sent = [self._producer.send(topic, key=PLAN.encode(), value=json.dumps(each).encode()) for each in events]
        self._producer.flush()
        for future in sent:
            future.get(PATIENCE_SECONDS)

    def outcome(self, of: Json) -> Json:
        response = self._installed.http.get("/v1/events", params={"source": of["source"], "id": of["id"], "wait": 20})
        answer: Json = response.json()
        return answer

    def close(self) -> None:
        self._producer.close()


@pytest.fixture(scope="module")
def departments(installed: WholeInstallation) -> Generator[ReportingDepartment]:
    connected = ReportingDepartment(installed)
    yield connected
    connected.close()


@pytest.fixture(scope="module")
def realized(installed: WholeInstallation, departments: ReportingDepartment) -> int:
    """The sample's plan and its reports of 2019 and 2020 are there. How many are realized at the end of 2021, so far."""
    workbook = generate.FIRST_WORKBOOK.read_bytes()
    headers = {"Content-Type": XLSX, **bearer(installed.admin_key)}
    response = installed.http.post("/v1/masterplans/import", content=workbook, headers=headers)
    assert response.status_code == 202, response.text
    lines = [line for line in reports.read() if line.time < SENT_BEFORE]
    departments.send(*(reports.event(line) for line in lines))
    version = read_workbook(workbook).version
    assert version is not None
    until(lambda: overall(installed, END_OF_2020)["numerator"] == "155", PATIENCE_SECONDS)
    now = len(check.realized((version,), lines, date.fromisoformat(END_OF_2021)))
    until(lambda: overall(installed, END_OF_2021)["numerator"] == str(now), PATIENCE_SECONDS)
    return now


@pytest.fixture
def page(page: Page) -> Generator[Page]:
    """A page whose script errors, and breaches of the security header, fail the test."""
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    assert wrong == []


def opened(page: Page, installed: WholeInstallation, query: str = "") -> Page:
    """The page as of the end of 2021, listening."""
    page.goto(f"{installed.url}/?plan={PLAN}&as_of={END_OF_2021}{query}")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    return page


def report_of(program: Json, report_id: str) -> Json:
    """A report that a program was realized in 2021, by the department that leads it."""
    data = {"program": program["program"], "status": "realized", "physical": 100, "effective_on": "2021-06-30"}
    return event("program.status.reported", department(PLAN, program["department"]), report_id, SENT_AT, data)


def retraction_of(report: Json) -> Json:
    data = {"source": report["source"], "id": report["id"], "reason": "wrong program"}
    return event("program.status.retracted", report["source"], f"{report['id']}:retracted", SENT_AT, data)


def unfinished(installed: WholeInstallation, dimension: str) -> Json:
    """A program of a dimension that is not realized by the end of 2021."""
    asked: dict[str, str | int] = {"as_of": END_OF_2021, "dimension": dimension, "status": "in_progress", "limit": 1}
    (program,) = installed.http.get(f"/v1/plans/{PLAN}/programs", params=asked).json()["items"]
    found: Json = program
    return found


def test_the_figure_of_2020_stands_on_the_page_as_the_fixed_one(
    page: Page, installed: WholeInstallation, realized: int
) -> None:
    opened(page, installed)
    expect(page.get_by_test_id("fixed-percent")).to_have_text("36,38 %")
    expect(page.get_by_test_id("fixed-sentence")).to_have_text(
        "155 dari 426 program terealisasi, per tanggal 31 Desember 2020."
    )
    expect(page.get_by_test_id("overall-percent")).to_have_text(share(realized))
    expect(page.get_by_test_id("as-of")).to_contain_text("31 Desember 2021")
    expect(page.get_by_test_id("illustrative")).to_be_visible()


def test_the_figure_of_2020_as_the_live_one_with_its_dimensions(
    page: Page, installed: WholeInstallation, realized: int
) -> None:
    page.goto(f"{installed.url}/?plan={PLAN}&as_of={END_OF_2020}")
    expect(page.get_by_test_id("overall-percent")).to_have_text("36,38 %")
    governance = page.get_by_test_id("dimension-governance")
    expect(governance.get_by_test_id("dimension-percent")).to_have_text("47,92 %")
    expect(governance).to_contain_text("46 dari 96")


def test_the_page_in_english(page: Page, installed: WholeInstallation, realized: int) -> None:
    opened(page, installed, "&lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_test_id("fixed-percent")).to_have_text("36.38 %")
    expect(page.get_by_test_id("overall-sentence")).to_have_text(
        f"{realized} of 426 programs are realized: {share(realized, '.')}, as of 31 December 2021."
    )
    page.get_by_test_id("lang-id").click()
    expect(page.get_by_test_id("fixed-percent")).to_have_text("36,38 %")


def test_a_report_sent_to_kafka_moves_the_page_and_its_retraction_moves_it_back(
    page: Page, installed: WholeInstallation, departments: ReportingDepartment, realized: int
) -> None:
    opened(page, installed)
    expect(page.get_by_test_id("overall-percent")).to_have_text(share(realized))
    environment = page.get_by_test_id("dimension-environment")
    before = environment.get_by_test_id("dimension-percent").inner_text()
    fresh = page.get_by_test_id("fresh-at").locator("time").get_attribute("datetime")
    page.evaluate("window.sameDocument = true")

    sent = report_of(unfinished(installed, "environment"), "e2e:live")
    departments.send(sent)
    expect(page.get_by_test_id("overall-percent")).to_have_text(share(realized + 1))
    expect(page.get_by_test_id("overall-sentence")).to_contain_text(f"{realized + 1} dari 426")
    expect(environment.get_by_test_id("dimension-percent")).not_to_have_text(before)
    expect(page.get_by_test_id("fresh-at").locator("time")).not_to_have_attribute("datetime", fresh or "")
    expect(page.get_by_test_id("fixed-percent")).to_have_text("36,38 %")
    assert departments.outcome(sent)["standing"] == "current"

    departments.send(retraction_of(sent))
    expect(page.get_by_test_id("overall-percent")).to_have_text(share(realized))
    expect(environment.get_by_test_id("dimension-percent")).to_have_text(before)
    assert departments.outcome(sent)["standing"] == "retracted"
    assert page.evaluate("window.sameDocument"), "the page was not loaded again"


def test_a_report_by_http_with_the_departments_key_moves_the_page(
    page: Page, installed: WholeInstallation, departments: ReportingDepartment, realized: int
) -> None:
    program = unfinished(installed, "society")
    headers = {"Content-Type": MEDIA_TYPE, **bearer(installed.key_for(PLAN, program["department"]))}
    opened(page, installed)
    expect(page.get_by_test_id("overall-percent")).to_have_text(share(realized))
    sent = report_of(program, "e2e:http")
    for sent_event, then in ((sent, realized + 1), (retraction_of(sent), realized)):
        response = installed.http.post("/v1/events", json=sent_event, headers=headers)
        assert response.status_code == 202, response.text
        expect(page.get_by_test_id("overall-percent")).to_have_text(share(then))


def test_an_event_with_errors_is_answered_with_all_of_them_and_moves_nothing(
    page: Page, installed: WholeInstallation, departments: ReportingDepartment, realized: int
) -> None:
    opened(page, installed)
    wrong = report_of(unfinished(installed, "living"), "e2e:wrong")
    wrong["data"] |= {"status": "done", "physical": 101, "colour": "red"}
    wrong["time"] = "yesterday"
    headers = {"Content-Type": MEDIA_TYPE, **bearer(installed.admin_key)}
    response = installed.http.post("/v1/events", json=wrong, headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert {error["where"] for error in response.json()["errors"]} == {
        "time",
        "data.status",
        "data.physical",
        "data.colour",
    }

    departments.send(wrong)  # what is sent to Kafka without any check
    found = departments.outcome(wrong)
    assert found["outcome"] == "rejected"
    assert found["reasons"]
    assert overall(installed, END_OF_2021)["numerator"] == str(realized)
    expect(page.get_by_test_id("overall-percent")).to_have_text(share(realized))
