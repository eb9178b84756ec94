"""What a state folder is refused for: each in one line with what to do. And how a start goes on after a kill."""

import json
import shutil
import signal
import sys
from pathlib import Path

import pytest

from deploy.local import jars, secret, state
from deploy.local.broker import Broker
from tests.e2e.stack import StandInStack, ready
from tests.parts.processes import ROOT, Processes, Running
from tests.parts.unwritable import obeying_modes, shut, with_read_only
from tests.parts.waiting import free_port, until

RESET = "`make reset` throws it away, or set PANTAU_STATE to another folder"


def used(stack: StandInStack) -> None:
    """What a start does with the folder before it starts anything."""
    with state.held(stack.state):
        state.prepare(
            stack.state, {stack.env.get("PANTAU_TOPIC_PREFIX", ""): int(stack.env.get("PANTAU_PARTITIONS", 12))}
        )


def refused(stack: StandInStack, *, under: tuple[str, ...] = ()) -> str:
    """The one line with which a start is refused; nothing was started."""
    before = stack.events
    supervisor = stack.start(under=under)
    assert supervisor.wait() == 1, supervisor.output
    (line,) = supervisor.output.splitlines()
    assert stack.events == before
    return line


def record(stack: StandInStack, **changed: object) -> None:
    file = stack.state / state.RECORD
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def test_the_record_says_what_made_the_state(stack: StandInStack) -> None:
    supervisor = stack.start()
    until(ready(supervisor))
    assert json.loads((stack.state / state.RECORD).read_text()) == {
        "format": state.FORMAT,
        "kafka": jars.kafka_version(),
        "partitions": {"": 12},
    }


@pytest.mark.parametrize("left", ["kafka/data/meta.properties", "programs.db"])
def test_state_of_a_version_without_a_record_is_refused(stack: StandInStack, left: str) -> None:
    (stack.state / left).parent.mkdir(parents=True)
    (stack.state / left).touch()
    assert refused(stack) == f"The state in {stack.state} was made by an older version of Pantau: {RESET}."


def test_state_of_another_format_is_refused(stack: StandInStack) -> None:
    used(stack)
    record(stack, format=state.FORMAT + 1)
    assert refused(stack) == (
        f"The state in {stack.state} was made by another version of Pantau "
        f"(format {state.FORMAT + 1}, this one has {state.FORMAT}): {RESET}."
    )


def test_state_of_a_newer_kafka_is_refused_and_of_an_older_one_taken_over(stack: StandInStack) -> None:
    used(stack)
    major, minor, *_ = jars.kafka_version().split(".")
    record(stack, kafka=f"{major}.{int(minor) + 1}.0")
    assert refused(stack) == (
        f"The state in {stack.state} was written by Apache Kafka {major}.{int(minor) + 1}.0, "
        f"this version of Pantau runs {jars.kafka_version()}: {RESET}."
    )
    record(stack, kafka="4.0.0")
    used(stack)
    assert json.loads((stack.state / state.RECORD).read_text())["kafka"] == jars.kafka_version()


def test_another_number_of_partitions_is_refused_but_for_another_generation_of_topics(stack: StandInStack) -> None:
    used(stack)
    stack.env["PANTAU_PARTITIONS"] = "24"
    assert refused(stack) == (
        f"PANTAU_PARTITIONS is 24, and the state in {stack.state} was made with 12, for good: "
        f"set PANTAU_PARTITIONS=12, or begin anew: {RESET}."
    )
    stack.env["PANTAU_TOPIC_PREFIX"] = "second-"
    used(stack)
    assert json.loads((stack.state / state.RECORD).read_text())["partitions"] == {"": 12, "second-": 24}


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_record_is_refused(stack: StandInStack, text: str) -> None:
    used(stack)
    (stack.state / state.RECORD).write_text(text)
    assert refused(stack).startswith(f"{stack.state / state.RECORD} ")
    assert refused(stack).endswith(f"{RESET}.")


@pytest.mark.parametrize("part", ["", "kafka", "kafka/data", "log"])
def test_a_state_folder_that_may_not_be_written_is_refused(
    stack: StandInStack, part: str, request: pytest.FixtureRequest
) -> None:
    used(stack)
    (stack.state / "log").mkdir()
    (stack.state / "kafka" / "data").mkdir(parents=True)
    shut(stack.state / part, request)
    line = refused(stack, under=obeying_modes())
    assert line.startswith(f"The state folder {stack.state} can't be written (user ")
    assert line.endswith(
        f"may not write {stack.state / part}): make it yours and writable, or set PANTAU_STATE to a folder that is."
    )


def test_a_state_folder_that_may_not_be_made_is_refused(stack: StandInStack, request: pytest.FixtureRequest) -> None:
    closed = stack.folder / "closed"
    closed.mkdir()
    shut(closed, request)
    stack.env["PANTAU_STATE"] = str(closed / "state")
    assert refused(stack, under=obeying_modes()).startswith(
        f"The state folder {closed / 'state'} can't be written (Permission denied: "
    )


def test_a_state_folder_on_a_read_only_file_system_is_refused(stack: StandInStack) -> None:
    used(stack)
    assert refused(stack, under=with_read_only(stack.state)).startswith(
        f"The state folder {stack.state} can't be written (user "
    )
    fresh = stack.folder / "fresh"
    fresh.mkdir()
    stack.env["PANTAU_STATE"] = str(fresh / "state")
    assert refused(stack, under=with_read_only(fresh)).startswith(
        f"The state folder {fresh / 'state'} can't be written (Read-only file system: "
    )


def test_a_start_that_was_killed_before_the_record_was_made_is_begun_again(stack: StandInStack) -> None:
    stack.state.mkdir()
    secret.make(stack.state)
    made = secret.read(stack.state)
    for half in ("secret.part", "state.json.part", "running.json.part"):
        (stack.state / half).write_text("ha")
    used(stack)
    assert secret.read(stack.state) == made
    assert (stack.state / state.RECORD).exists()


def test_a_reset_that_was_killed_can_be_done_again(stack: StandInStack) -> None:
    used(stack)
    (stack.state / "kafka" / "data").mkdir(parents=True)
    (stack.state / state.RECORD).unlink()  # what a reset deletes first
    assert RESET in refused(stack)
    reset = stack.processes.start("reset", [sys.executable, "-m", "deploy.local.reset"], env=stack.env)
    assert reset.wait() == 0
    assert reset.output == f"Wiped {stack.state}.\n"
    assert not stack.state.exists()


# ── the broker's folder ──────────────────────────────────────────────────────────────────────────────────────────────


def prepare(processes: Processes, folder: Path) -> Running:
    script = f"from pathlib import Path; from deploy.local import broker; broker.prepare(Path({str(folder)!r}), 1, 2)"
    return processes.start("prepare", [sys.executable, "-c", script])


def test_a_folder_whose_formatting_was_killed_is_formatted_again(processes: Processes, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    assert prepare(processes, whole).wait() == 0
    files = sorted((whole / "data").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert files[-1].name == "meta.properties", "formatting writes it last"

    halves = [tmp_path / "killed", tmp_path / "first", tmp_path / "cut"]
    formatting = prepare(processes, halves[0])
    until((halves[0] / "server.properties").exists)
    formatting.kill()
    for half, size in ((halves[1], None), (halves[2], 3)):
        (half / "data").mkdir(parents=True)
        for file in files[:-1]:
            (half / "data" / file.name).write_bytes(file.read_bytes()[:size])
        (half / "data" / "meta.properties.tmp").write_text("clus")
    for half in halves:
        one = Broker(half, free_port(), free_port())
        one.start()
        one.stop()


def test_a_broker_folder_with_topics_and_no_properties_is_damaged_and_left_alone(
    processes: Processes, tmp_path: Path
) -> None:
    topic = tmp_path / "broker" / "data" / "facts-0"
    topic.mkdir(parents=True)
    (topic / "00000000000000000000.log").write_bytes(b"facts")
    refused = prepare(processes, tmp_path / "broker")
    assert refused.wait() == 1
    (line,) = refused.output.splitlines()
    assert line.startswith(f"{topic.parent} has topics but no meta.properties: the broker's folder is damaged.")
    assert (topic / "00000000000000000000.log").read_bytes() == b"facts"


# ── Apache Kafka's jars ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as fetches the jars, with none fetched."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT / "deploy" / "local", copy / "deploy" / "local")
    shutil.copy(ROOT / "deploy" / "__init__.py", copy / "deploy")
    return copy


FETCH = [sys.executable, "-m", "deploy.local.jars"]


def test_a_download_that_was_killed_is_begun_again(processes: Processes, checkout: Path) -> None:
    there = checkout / ".cache" / "kafka" / jars.folder().name
    for number in (signal.SIGINT, signal.SIGKILL):
        fetching = processes.start("fetch", FETCH, cwd=checkout)
        until(there.with_suffix(".log").exists)
        fetching.signal(number)
        assert fetching.wait() != 0
        assert "Traceback" not in fetching.output
        assert not there.exists()
    there.with_suffix(".part").mkdir(exist_ok=True)
    (there.with_suffix(".part") / "half.jar").write_bytes(b"PK")
    again = processes.start("fetch", FETCH, cwd=checkout)
    assert again.wait(150) == 0, again.output
    assert {jar.name for jar in there.iterdir()} == {jar.name for jar in jars.folder().iterdir()}


def test_a_checkout_that_may_not_be_written_is_named(
    processes: Processes, checkout: Path, request: pytest.FixtureRequest
) -> None:
    shut(checkout, request)
    refused = processes.start("fetch", [*obeying_modes(), *FETCH], cwd=checkout)
    assert refused.wait() == 1
    (line,) = refused.output.splitlines()
    assert line.startswith(f"{checkout / '.cache' / 'kafka'} can't be written (Permission denied)")
