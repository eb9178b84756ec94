"""Callers without a key at programs and evaluations: workbooks, plan versions and lists keep neither loop nor others waiting."""

import asyncio
import json
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from schemas.envelope import BATCH_MEDIA_TYPE
from services.kit.http.limits import Limit
from services.programs import app as programs_app
from services.programs.events import routes as events
from services.programs.masterplans import routes as masterplans
from services.programs.masterplans.workbook import write_workbook
from tests.integration.intake_site import ADMINISTRATOR, IntakeSite, bearer, report, served
from tests.integration.test_callers_without_a_key import is_too_many
from tests.parts.loops import watched
from tests.parts.waiting import until
from tests.unit.test_cursors import WRONG

LOOP_SECONDS = 0.025


class Writer:
    """Writes workbooks, and counts them; waits with each until it may."""

    def __init__(self, write: Callable[..., bytes]) -> None:
        self._write = write
        self.begun = 0
        self.may = threading.Event()
        self.may.set()

    def __call__(self, *calls: Any) -> bytes:
        self.begun += 1
        assert self.may.wait(30)
        return self._write(*calls)


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    found = Writer(write_workbook)
    monkeypatch.setattr(masterplans, "write_workbook", found)
    return found


def test_a_workbook_is_written_once_for_all_who_ask(intake: IntakeSite, writer: Writer) -> None:
    path = f"/v1/masterplans/{intake.plan()}/export"
    writer.may.clear()
    with ThreadPoolExecutor(10) as strangers:
        asked = [strangers.submit(intake.programs.get, path) for _ in range(10)]
        until(lambda: writer.begun == 1)
        writer.may.set()
        answers = [each.result() for each in asked]
    assert {each.status_code for each in answers} == {200}
    assert len({each.content for each in answers}) == 1
    assert intake.programs.get(path).content == answers[0].content
    assert intake.programs.get(path, headers={"If-None-Match": answers[0].headers["etag"]}).status_code == 304
    assert writer.begun == 1


def test_no_question_keeps_the_loop(intake: IntakeSite) -> None:
    plan = intake.plan()
    paths = [
        "",
        "/docs",
        "/openapi.json",
        "/template",
        *(f"/{plan}{rest}" for rest in ("", "/export", "/export?format=csv", "/versions/1")),
    ]
    with watched() as longest:
        for path in paths:
            assert intake.programs.get(f"/v1/masterplans{path}").status_code == 200
        assert intake.programs.get("/v1/departments", params={"plan": plan}).status_code == 200
        assert intake.evaluations.get("/v1/visits", params={"plan": plan}).status_code == 200
    assert longest[0].seconds < LOOP_SECONDS, longest


def test_a_large_batch_does_not_keep_the_loop(intake: IntakeSite) -> None:
    plan = intake.plan()
    batch = [report(plan, f"r-{number}") for number in range(5_000)]
    body = json.dumps(batch).encode()
    with watched() as longest:
        response = intake.send(body, ADMINISTRATOR, BATCH_MEDIA_TYPE)
        assert response.status_code == 202
        assert response.json()["accepted"] == len(batch)
    assert longest[0].seconds < LOOP_SECONDS, longest


def test_one_event_of_many_mib_does_not_keep_the_loop(intake: IntakeSite) -> None:
    large = report("kota", "large", note="x" * 6 * 1024 * 1024)
    with watched() as longest:
        assert intake.send(json.dumps(large), ADMINISTRATOR).status_code == 422
    assert longest[0].seconds < LOOP_SECONDS, longest


@pytest.mark.parametrize("cursor", WRONG)
def test_a_cursor_that_no_page_gave_is_refused(intake: IntakeSite, cursor: str) -> None:
    asked = {"cursor": cursor}
    for response in (
        intake.programs.get("/v1/masterplans", params=asked),
        intake.evaluations.get("/v1/visits", params=asked | {"plan": "kota-1"}),
    ):
        assert response.status_code == 422
        assert response.json()["errors"][0]["where"] == "query.cursor"


@pytest.fixture
def narrow(intake: IntakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Client]:
    """Programs with little room, beside the installation's."""
    limits = {"reads": Limit(4, 2, waiting=8, wait_seconds=10.0), "exports": Limit(2, 1), "waits": Limit(2, 1)}
    monkeypatch.setattr(programs_app, "LIMITS", limits)
    settings = intake.settings.model_copy(update={"database": f"sqlite:///{tmp_path / 'narrow.db'}"})
    with served(programs_app.create_app(settings), settings, "httptools") as client:
        yield client


def test_exports_are_bounded_and_keys_have_room_of_their_own(
    intake: IntakeSite, narrow: Client, writer: Writer
) -> None:
    paths = [f"/v1/masterplans/{intake.plan()}/export" for _ in range(3)]
    until(lambda: all(narrow.get(path, params={"format": "csv"}).status_code == 200 for path in paths))
    writer.may.clear()
    with ThreadPoolExecutor(2) as askers:
        stranger = askers.submit(narrow.get, paths[0])
        until(lambda: writer.begun == 1)
        assert is_too_many(narrow.get(paths[1]))
        keyed = askers.submit(narrow.get, paths[1], headers=bearer(ADMINISTRATOR))
        until(lambda: writer.begun == 2)
        assert is_too_many(narrow.get(paths[2], headers=bearer(ADMINISTRATOR)))
        assert narrow.get("/v1/masterplans").status_code == 200  # other work goes on
        writer.may.set()
        assert (stranger.result().status_code, keyed.result().status_code) == (200, 200)


def test_waiting_for_an_outcome_is_bounded(narrow: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may = threading.Semaphore(0), threading.Event()

    async def decided_later(*_: Any) -> dict[str, str]:
        begun.release()
        assert await asyncio.to_thread(may.wait, 30)
        return {"outcome": "pending"}

    monkeypatch.setattr(events, "outcome", decided_later)
    asked = {"source": "/plans/kota/departments/dinkes", "id": "later", "wait": "30"}
    with ThreadPoolExecutor(2) as askers:
        stranger = askers.submit(narrow.get, "/v1/events", params=asked)
        assert begun.acquire(timeout=30)
        assert is_too_many(narrow.get("/v1/events", params=asked))
        keyed = askers.submit(narrow.get, "/v1/events", params=asked, headers=bearer(ADMINISTRATOR))
        assert begun.acquire(timeout=30)
        may.set()
        assert (stranger.result().status_code, keyed.result().status_code) == (200, 200)
