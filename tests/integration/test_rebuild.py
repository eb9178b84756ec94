"""`pantau rebuild`: tables are built anew by hand, on both databases, whether processes run or not."""

import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from deploy.local.broker import Broker
from pantau import cli
from schemas.sources import council
from services.aggregator.api import projection as realization
from services.evaluations import projection as evaluations
from services.kit.fail_stop import LEFT_ON_ERROR
from services.kit.projection.rebuild import SERVICES
from services.programs import projection as programs
from tests.integration.facts_and_api import WrittenFacts
from tests.parts.history import event, plan_version
from tests.parts.processes import Processes, Running
from tests.parts.waiting import free_port, until

AT = datetime(2021, 12, 3, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def city(
    request: pytest.FixtureRequest, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> WrittenFacts:
    """A city with a plan; this test's environment is that of its processes."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    made = WrittenFacts(broker.bootstrap, url or f"sqlite:///{tmp_path / 'city.db'}")
    made.write(event("masterplan.version.published", council("kota"), "version-1", AT, plan_version(12)))
    made.close()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PANTAU_STATE", str(tmp_path))
    return made


def start(processes: Processes) -> tuple[Running, str]:
    """Programs as a process, ready, and where it is."""
    port = free_port()
    env = os.environ | {"PANTAU_PROGRAMS_PORT": str(port)}
    process = processes.start("programs", [sys.executable, "-m", "services.programs"], env=env)
    url = f"http://127.0.0.1:{port}"
    until(lambda: httpx.get(f"{url}/readyz").status_code == 200, what="programs is ready")
    return process, url


def plans(url: str) -> list[str]:
    return [item["plan"] for item in httpx.get(f"{url}/v1/masterplans").json()["items"]]


def test_services_are_named_as_they_name_themselves() -> None:
    assert set(SERVICES) == {programs.SERVICE, evaluations.SERVICE, realization.SERVICE}


def test_a_running_process_notices_and_starts_again_with_tables_built_anew(
    city: WrittenFacts, processes: Processes, capsys: pytest.CaptureFixture[str]
) -> None:
    process, url = start(processes)
    assert plans(url) == ["kota"]
    assert cli.main(["rebuild", "programs"]) == 0
    output = capsys.readouterr().out
    assert f"its tables ({programs.PREFIX}*) are rebuilt from the log" in output
    assert process.wait(15) == LEFT_ON_ERROR
    assert "the tables of programs are marked to be rebuilt" in process.output
    again, url = start(processes)
    assert "building the tables" in again.output
    assert plans(url) == ["kota"]
    again.stop()
    third, url = start(processes)
    assert "building the tables" not in third.output


def test_with_nothing_there_it_reports_that(city: WrittenFacts, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rebuild"]) == 0
    output = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in output] == list(SERVICES)
    assert all("nothing to do" in line for line in output)


def test_what_is_no_service_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rebuild", "programs", "pages"]) == 2
    assert "No service pages; there are programs, evaluations, realization." in capsys.readouterr().err


def test_a_database_that_is_away_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PANTAU_DATABASE", "postgresql+psycopg://pantau:secret@127.0.0.1:1/pantau")
    assert cli.main(["rebuild", "programs"]) == 1
    output = capsys.readouterr().err
    assert "127.0.0.1:1" in output
    assert "secret" not in output


def test_a_damaged_file_is_put_aside_and_the_process_that_uses_it_starts_again(
    broker: Broker,
    processes: Processes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As found by hand, while a process goes on with what it remembers of the file."""
    made = WrittenFacts(broker.bootstrap, f"sqlite:///{tmp_path / 'city.db'}")
    made.write(event("masterplan.version.published", council("kota"), "version-1", AT, plan_version(12)))
    made.close()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    process, url = start(processes)
    file = tmp_path / "city.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with file.open("r+b") as opened:
        opened.write(b"\xa5" * file.stat().st_size)
    assert cli.main(["rebuild", "programs"]) == 0
    assert process.wait(15) == LEFT_ON_ERROR
    _, url = start(processes)
    assert plans(url) == ["kota"]
    assert list(tmp_path.glob("city.db.damaged-*"))
    assert "damaged" in capsys.readouterr().out + process.output
