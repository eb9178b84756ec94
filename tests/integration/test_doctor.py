"""`pantau doctor` names what is wrong, which process causes it and how to mend it, and lists nothing else as a problem."""

import asyncio
import json
import os
import socket
import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deploy.commands import doctor
from deploy.commands.finding import Finding
from deploy.local import administrator, secret, settings, state, status
from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from pantau import cli
from services.kit.topics import declare_topics
from tests.parts.waiting import free_port

PREFIX = "doctor-"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder without processes, and free ports."""
    monkeypatch.setenv("PANTAU_STATE", str(tmp_path))
    for variable in ("PANTAU_KAFKA_PORT", "PANTAU_KAFKA_CONTROLLER_PORT", "PANTAU_PORT", "PANTAU_WORKER_METRICS_PORT"):
        monkeypatch.setenv(variable, str(free_port()))
    return tmp_path


@pytest.fixture
def running(folder: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """This test's process as the supervisor, with the shared broker as its child and the topics declared."""
    monkeypatch.setenv("PANTAU_KAFKA_PORT", str(broker.port))
    monkeypatch.setenv("PANTAU_TOPIC_PREFIX", PREFIX)
    asyncio.run(declare_topics(InstallationSettings(kafka=broker.bootstrap, topic_prefix=PREFIX)))
    administrator.key(folder / "keys")
    with state.held(folder):
        yield


def findings() -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor.look()}


def wrong() -> set[str]:
    return {finding.what for finding in doctor.look() if not finding.ok}


def test_before_the_first_start_only_the_start_is_missing() -> None:
    assert wrong() == {"running"}
    assert findings()["running"].mend == "`make run` starts it."


def test_says_who_holds_a_port_and_which_variable_changes_it() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(os.environ["PANTAU_PORT"])))
        holder.listen()
        finding = findings()[f"port {os.environ['PANTAU_PORT']}"]
    assert not finding.ok
    assert f"process {os.getpid()}" in finding.found
    assert "PANTAU_PORT" in finding.mend


@pytest.mark.usefixtures("running")
def test_while_it_runs_the_stack_itself_is_looked_at(broker: Broker) -> None:
    found = findings()
    assert found[f"port {broker.port}"].found == f"ours (process {broker.process.pid})"
    for what in ("running", "broker", "topics", "administrator's key"):
        assert found[what].ok, found[what]
    assert {what for what, finding in found.items() if not finding.ok} == {"site", "worker"}
    assert "worker.log says why" in found["worker"].mend


@pytest.mark.usefixtures("running")
def test_another_number_of_partitions_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANTAU_PARTITIONS", "13")
    finding = findings()["topics"]
    assert not finding.ok
    assert f"{PREFIX}facts has 12" in finding.found
    assert "expected 13" in finding.found


@pytest.mark.usefixtures("running")
def test_a_missing_topic_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANTAU_TOPIC_PREFIX", "nobody-made-these-")
    assert "nobody-made-these-facts has 0" in findings()["topics"].found


@pytest.mark.usefixtures("running")
def test_a_key_that_others_may_read_is_found(folder: Path) -> None:
    (folder / "keys" / administrator.FILE).chmod(0o644)
    assert "chmod 600" in findings()["administrator's key"].mend


def failed(name: str, **changed: Any) -> status.ProcessStatus:
    process = status.ProcessStatus(
        name, pid=7, ready=True, failures=3, reason="exited with code 70: no", failed_at="2026-11-27T10:00:00+00:00"
    )
    return process._replace(**changed)


@pytest.mark.usefixtures("running")
def test_what_runs_is_asked_where_its_supervisor_recorded_it(
    folder: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as site:  # there is no answer, which takes time to find out
        site.bind(("127.0.0.1", 0))
        site.listen()
        recorded = settings.read()._replace(site=settings.Port("PANTAU_PORT", site.getsockname()[1])).recorded
        status.write(folder, status.StackStatus(os.getpid(), recorded, []))
        for variable in list(recorded):  # another shell, which knows the state folder only
            monkeypatch.delenv(variable, raising=False)
        found = findings()
        assert f"process {os.getpid()}" in found[f"port {recorded['PANTAU_PORT']}"].found
        assert f":{recorded['PANTAU_PORT']}/readyz" in found["site"].found
    assert found["broker"].found == f"{broker.bootstrap} answers"
    assert found["topics"].ok, "of the prefix that was recorded"
    status.write(folder, status.StackStatus(1, recorded, []))
    assert f"port {recorded['PANTAU_PORT']}" not in findings(), "of a supervisor that was killed"


@pytest.mark.usefixtures("running")
def test_a_process_that_failed_a_short_while_ago_is_not_well(folder: Path) -> None:
    processes = [failed("broker"), failed("site", pid=None, ready=False), failed("worker", failures=0)]
    status.write(folder, status.StackStatus(os.getpid(), settings.read().recorded, processes))
    found = findings()
    assert not found["broker"].ok, "it answers, and yet"
    assert found["broker"].found.endswith(
        "answers; exited with code 70: no (at 2026-11-27T10:00:00+00:00, 3 times in a row; running again)"
    )
    assert (
        "exited with code 70: no (at 2026-11-27T10:00:00+00:00, 3 times in a row; not running)" in found["site"].found
    )
    assert "code 70" not in found["worker"].found


def test_state_that_the_next_start_would_refuse_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.prepare(folder, {"": 12})
    assert findings()["state"].ok
    monkeypatch.setenv("PANTAU_PARTITIONS", "13")
    assert "set PANTAU_PARTITIONS=12" in findings()["state"].found
    monkeypatch.delenv("PANTAU_PARTITIONS")
    (folder / secret.FILE).unlink()
    assert "does not hold the 64 hex digits" in findings()["state"].found
    (folder / state.RECORD).unlink()
    (folder / "programs.db").touch()
    assert "was made by an older version of Pantau" in findings()["state"].found
    assert wrong() == {"running", "state"}


def test_a_damaged_database_is_wrong_and_one_that_was_put_aside_is_named(folder: Path) -> None:
    for name in ("programs", "realization"):
        with closing(sqlite3.connect(folder / f"{name}.db")) as database, database:
            database.execute("CREATE TABLE facts (seq INTEGER PRIMARY KEY, text TEXT)")
            database.executemany("INSERT INTO facts (text) VALUES (?)", [("x" * 1000,)] * 100)
    assert findings()["databases"].found == "2 whole"
    with (folder / "programs.db").open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096)
    (folder / "realization.db").write_bytes(b"not a database, but as long as one" * 1000)
    found = findings()["databases"]
    assert not found.ok
    assert "programs.db: " in found.found
    assert "realization.db: file is not a database" in found.found
    assert "pantau rebuild" in found.mend
    (folder / "programs.db").rename(folder / "programs.db.damaged-1")
    (folder / "realization.db").unlink()
    assert findings()["databases"].found == "0 whole; damaged, put aside: programs.db.damaged-1"


def test_prints_for_people_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 1
    assert "1 of 14 need attention." in capsys.readouterr().out
    assert cli.main(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert [each["what"] for each in report["findings"] if not each["ok"]] == ["running"]
    assert doctor.report([Finding("all", True, "here")], as_json=False) == 0
