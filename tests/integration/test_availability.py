"""503 with `Retry-After`, never 401, 404 or 500: until the tables have caught up once, and while the database is away."""

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from deploy.local.site import create_site
from schemas.envelope import MEDIA_TYPE
from schemas.sources import council, department, evaluator
from services.aggregator.api.app import create_app as create_realization
from services.evaluations.app import create_app as create_evaluations
from services.kit.http.availability import require_tables
from services.kit.http.problems import add_problems
from services.kit.projection import databases
from services.kit.projection.databases import open_engine, reading, writing
from services.programs.app import create_app as create_programs
from tests.integration.facts_and_api import ADMINISTRATOR, WrittenFacts, bearer
from tests.integration.intake_site import VISIT, XLSX, report, workbook
from tests.parts import postgres
from tests.parts.history import event, plan_version
from tests.parts.waiting import free_port, until

PLAN, DEPARTMENT, PROGRAM = "kota", "dinkes", "P-000"
AT = datetime(2021, 12, 3, 2, 15, tzinfo=UTC)
APPS: dict[str, Callable[[InstallationSettings], FastAPI]] = {
    "programs": create_programs,
    "evaluations": create_evaluations,
    "realization": create_realization,
}
NO_BROKER = "127.0.0.1:1"

Operation = tuple[str, str]  # method and path, as OpenAPI has them


def operations(app: FastAPI) -> list[Operation]:
    """Every operation that an app documents."""
    return [(method, path) for path, item in app.openapi()["paths"].items() for method in item]


def address(path: str) -> str:
    """A path with its parameters filled in, and what it requires of its query."""
    filled = {
        "plan": PLAN,
        "office": DEPARTMENT,
        "program": PROGRAM,
        "number": "1",
        "visit_id": "v-1",
        "key_id": "0" * 12,
    }
    asked = {"/v1/departments": f"?plan={PLAN}", "/v1/visits": f"?plan={PLAN}"}
    source = department(PLAN, DEPARTMENT)
    asked["/v1/events"] = f"?source={source}&id=never-sent"
    return re.sub(r"\{(\w+)\}", lambda found: filled[found[1]], path) + asked.get(path, "")


# ── until the tables have caught up once ─────────────────────────────────────────────────────────────────────────────


def before_it_follows(app: FastAPI, requests: list[tuple[str, str]]) -> list[httpx.Response]:
    """An app that accepts requests and has read nothing yet."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://pantau") as client:
            headers = bearer(ADMINISTRATOR)
            return [await client.request(method, path, headers=headers) for method, path in requests]

    return asyncio.run(ask())


@pytest.mark.parametrize("service", APPS)
def test_until_it_has_caught_up_every_path_is_503_and_documented_so(service: str, tmp_path: Path) -> None:
    app = APPS[service](InstallationSettings(kafka=NO_BROKER, state=tmp_path))
    asked = operations(app)
    assert asked
    answers = before_it_follows(app, [(method, address(path)) for method, path in asked])
    for (method, path), answer in zip(asked, answers, strict=True):
        assert answer.status_code == 503, f"{method} {path}: {answer.text}"
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
        assert "503" in app.openapi()["paths"][path][method]["responses"], f"{method} {path}"


def test_what_does_not_depend_on_the_tables_is_answered(tmp_path: Path) -> None:
    app = create_realization(InstallationSettings(kafka=NO_BROKER, state=tmp_path))
    paths = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/plans/docs", "/"]
    answers = before_it_follows(app, [("get", path) for path in paths])
    assert [answer.status_code for answer in answers] == [200, 503, 200, 200, 200, 200]
    assert answers[1].json()["ready"] is False
    other = before_it_follows(app, [("get", "/v1/plans")])
    assert "access-control-allow-origin" not in other[0].headers, "nobody asked from another page"


# ── while something is away ──────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def served(settings: InstallationSettings) -> Iterator[httpx.Client]:
    """The site on a port of this machine, ready, and a client of it."""
    port = free_port()
    config = uvicorn.Config(create_site(settings), port=port, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="site")
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until(lambda: client.get("/readyz").status_code == 200, what="the site is ready")
            yield client
    finally:
        server.should_exit = True
        thread.join(20)


def lived_in(bootstrap: str, database: str) -> tuple[WrittenFacts, str]:
    """A city with plans, reports and a department's key."""
    city = WrittenFacts(bootstrap, database)
    for plan in (PLAN, "other"):
        data = plan_version(12)
        city.write(event("masterplan.version.published", council(plan), "version-1", AT, data))
        report = {"program": PROGRAM, "status": "realized", "physical": 100, "period": "2021-11"}
        city.write(event("program.status.reported", department(plan, DEPARTMENT), "r-1", AT, report))
    city.write_snapshots()
    return city, city.key(PLAN, DEPARTMENT)


def get_paths(settings: InstallationSettings) -> list[str]:
    return [
        address(path)
        for create in APPS.values()
        for method, path in operations(create(settings))
        if method == "get" and not path.endswith("stream")
    ]


def written(site: httpx.Client, key: str) -> list[httpx.Response]:
    """The answers to writes that are checked against the tables."""
    visit = VISIT | {"id": "v-1", "source": evaluator(PLAN, "mentor")}
    return [
        site.post("/v1/visits", json=visit, headers=bearer(key)),
        site.post(f"/v1/departments/{PLAN}/{DEPARTMENT}/keys", headers=bearer(key)),
        site.post("/v1/masterplans/import", content=workbook("third"), headers=bearer(key) | {"content-type": XLSX}),
    ]


def test_a_database_that_is_away_is_503_never_500_and_comes_back(broker: Broker) -> None:
    with postgres.in_folder_of_its_own() as server:
        city, key = lived_in(broker.bootstrap, server.new_database("away"))
        paths = [*get_paths(city.settings), "/v1/plans/other/realization", f"/v1/plans/other/programs/{PROGRAM}"]
        with served(city.settings) as site:

            def ask() -> dict[str, httpx.Response]:
                # Not the ranking: it would have both plans in memory.
                asked = [path for path in paths if "other" not in path and path != "/v1/plans"]
                return {path: site.get(path, headers=bearer(key)) for path in asked}

            before = ask()
            assert {answer.status_code for answer in before.values()} <= {200, 403, 404}
            server.stop()
            away = ask() | {path: site.get(path) for path in paths if path not in before}
            for path, answer in away.items():  # what is in memory is answered as before
                assert answer.status_code == 503 or answer.content == before[path].content, path
            for path in ("/v1/masterplans", f"/v1/masterplans/{PLAN}", f"/v1/visits?plan={PLAN}", "/v1/plans"):
                assert away[path].status_code == 503, path
                assert int(away[path].headers["retry-after"]) > 0
                assert away[path].headers["content-type"] == "application/problem+json"
            assert away["/v1/plans/other/realization"].status_code == 503, "a plan that is not in memory yet"
            until(lambda: site.get("/readyz").status_code == 503, what="it says so, though nothing comes")
            for answer in written(site, ADMINISTRATOR):
                assert answer.status_code == 503, f"{answer.request.url}: {answer.text}"
                assert int(answer.headers["retry-after"]) > 0
            sent = site.post(
                "/v1/events",
                content=json.dumps(report(PLAN, "r-3")),
                headers=bearer(key) | {"content-type": MEDIA_TYPE},
            )
            assert sent.status_code == 202, "what needs no table is taken"
            server.start()
            until(lambda: site.get("/readyz").status_code == 200)
            after = ask()
            changed = {path for path, answer in after.items() if answer.content != before[path].content}
            assert changed <= {address("/v1/events")}, "what became of an event waits for what was sent meanwhile"
        city.close()


def test_an_app_that_has_caught_up_answers_while_the_broker_is_away(own_broker: Broker, tmp_path: Path) -> None:
    """What was read stays true; answers say how fresh it is. A key stays known."""
    city, key = lived_in(own_broker.bootstrap, f"sqlite:///{tmp_path / 'city.db'}")
    city.close()
    with served(city.settings) as site:
        path = f"/v1/plans/{PLAN}/realization"
        before = site.get(path)
        assert before.status_code == 200
        own_broker.stop()
        assert site.get(path).content == before.content
        assert site.get(f"/v1/plans/{PLAN}/programs/{PROGRAM}", headers=bearer(key)).status_code == 200
        assert site.get("/v1/masterplans/nowhere").status_code == 404
        response = site.post(
            "/v1/events", content=json.dumps(report(PLAN, "r-2")), headers=bearer(key) | {"content-type": MEDIA_TYPE}
        )
        assert response.status_code == 503, response.text
        unknown = site.post("/v1/events", content=b"{}", headers=bearer("pantau_unknown"))
        assert unknown.status_code == 401, "keys are known"
        own_broker.start()
        until(lambda: site.get("/readyz").status_code == 200)
        assert site.get(path).content == before.content


def test_an_sqlite_file_that_is_locked_is_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "BUSY_SECONDS", 0.1)
    engine = open_engine(f"sqlite:///{tmp_path / 'locked.db'}")
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE there (a)")
    app = FastAPI()

    @app.get("/write")
    def write() -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("INSERT INTO there VALUES (1)")

    @app.get("/gone")
    def gone() -> None:
        with reading(engine) as connection:
            connection.exec_driver_sql("SELECT * FROM gone")

    @app.get("/mistake")
    def mistake() -> None:
        with reading(engine) as connection:
            connection.exec_driver_sql("SELECT nonsense FROM there")

    add_problems(app)
    require_tables(app, lambda: True)

    async def ask(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://pantau") as client:
            return await client.get(path)

    assert asyncio.run(ask("/write")).status_code == 200
    holder = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    locked = asyncio.run(ask("/write"))
    assert (locked.status_code, locked.headers["retry-after"]) == (503, "2")
    holder.close()
    assert asyncio.run(ask("/write")).status_code == 200
    assert asyncio.run(ask("/gone")).status_code == 503, "its tables are being built anew"
    assert asyncio.run(ask("/mistake")).status_code == 500
    engine.dispose()
