"""`pantau doctor` says what is wrong, who is to blame and how to mend it, and is quiet about the rest."""

import asyncio
import json
import os
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from deploy.local import administrator, state
from deploy.local.broker import Broker
from pantau import cli, doctor
from pantau.finding import Finding
from services.kit.settings import Settings
from services.kit.topics import declare_topics
from tests.parts.waiting import free_port

PREFIX = "doctor-"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder nothing runs on, and ports nobody holds."""
    monkeypatch.setenv("PANTAU_STATE", str(tmp_path))
    for variable in ("PANTAU_KAFKA_PORT", "PANTAU_KAFKA_CONTROLLER_PORT", "PANTAU_PORT", "PANTAU_WORKER_METRICS_PORT"):
        monkeypatch.setenv(variable, str(free_port()))
    return tmp_path


@pytest.fixture
def running(folder: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """This test's process as the supervisor, with the shared broker as its child and the topics declared."""
    monkeypatch.setenv("PANTAU_KAFKA_PORT", str(broker.port))
    monkeypatch.setenv("PANTAU_TOPIC_PREFIX", PREFIX)
    asyncio.run(declare_topics(Settings(kafka=broker.bootstrap, topic_prefix=PREFIX)))
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


def test_tells_people_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 1
    assert "1 of 12 need attention." in capsys.readouterr().out
    assert cli.main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert [each["what"] for each in told["findings"] if not each["ok"]] == ["running"]
    assert doctor.report([Finding("all", True, "here")], as_json=False) == 0
