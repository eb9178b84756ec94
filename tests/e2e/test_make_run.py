"""The one command to start everything, for real: `make run` in this checkout, with state and ports of its own.

It is started as a machine starts it: without a terminal, and with SIGINT ignored.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from deploy.local import ports, state
from samples import catalogue, reports, visits
from samples.plan import PLAN
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes, Running
from tests.parts.waiting import free_port, until

Json = dict[str, Any]

IGNORING_INTERRUPTS = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
PORTS = ("PANTAU_PORT", "PANTAU_KAFKA_PORT", "PANTAU_KAFKA_CONTROLLER_PORT", "PANTAU_WORKER_METRICS_PORT")
PARTITIONS = 12
END_OF_2020, END_OF_2021 = "2020-12-31", "2021-12-31"
SHOWN_WITHIN_SECONDS = 240  # 60 on an idle machine; tests share theirs
PATIENCE_SECONDS = 240
STOP_SECONDS = 10

pytestmark = pytest.mark.timeout(900)


class MakeRunStack:
    """What `make run` runs, on a state folder and ports of its own; started again, it is the same."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.state = folder / "state"
        self._processes = processes
        self._ports = {variable: free_port() for variable in PORTS}
        self.url = f"http://127.0.0.1:{self._ports['PANTAU_PORT']}"
        self.bootstrap = f"127.0.0.1:{self._ports['PANTAU_KAFKA_PORT']}"
        self.http = httpx.Client(base_url=self.url, timeout=20, trust_env=False)

    def start(self, *, pace: float = 0) -> Running:
        ports = {variable: str(port) for variable, port in self._ports.items()}
        ports |= {"PANTAU_STATE": str(self.state), "PACE": str(pace), "MAKEFLAGS": ""}
        return self._processes.start("make", [*IGNORING_INTERRUPTS, "make", "run"], env=ports)

    @property
    def running(self) -> dict[int, str]:
        """Every process that works on this state folder, by its id."""
        mark = f"PANTAU_STATE={self.state}".encode()
        found = {}
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and mark in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it has gone
                continue
        return found

    @property
    def left(self) -> list[str]:
        """What has not ended: processes, and ports in use."""
        held = [f"{variable} {port}" for variable, port in self._ports.items() if ports.busy("127.0.0.1", port)]
        return [*self.running.values(), *held]

    def doctor(self) -> dict[str, Json]:
        """What the check-up finds, by name. It gets the state folder, and finds the ports by itself."""
        env = {name: value for name, value in os.environ.items() if name not in self._ports}
        output = subprocess.run(
            [Path(sys.executable).with_name("pantau"), "doctor", "--json"],
            env=env | {"PANTAU_STATE": str(self.state)},
            capture_output=True,
            check=False,
        ).stdout
        return {finding["what"]: finding for finding in json.loads(output)["findings"]}

    @property
    def wrong(self) -> set[str]:
        """What the check-up finds wrong."""
        return {what for what, finding in self.doctor().items() if not finding["ok"]}

    def port(self, variable: str) -> int:
        return self._ports[variable]

    @property
    def checks(self) -> Json:
        """The readiness of each part of the site."""
        found: Json = self.http.get("/readyz").json()["checks"]
        return found

    def pid(self, of: str) -> int:
        """The process whose command contains this."""
        return next(pid for pid, command in self.running.items() if of in command)

    @property
    def supervisor(self) -> int:
        pid = state.holder(self.state)
        assert pid is not None
        return pid

    def realization(self, as_of: str) -> Json:
        """The whole answer of the api, but for the moments at which things were received."""
        realization: Json = self.http.get(f"/v1/plans/{PLAN}/realization", params={"as_of": as_of}).json()
        return {name: value for name, value in realization.items() if name != "fresh_at"} | {
            "known_at": realization["known_at"]["seq"]
        }

    @property
    def figures(self) -> dict[str, Json]:
        return {as_of: self.realization(as_of) for as_of in (END_OF_2020, END_OF_2021)}

    def share(self, as_of: str) -> Json:
        found: Json = self.realization(as_of)["overall"]["share"]
        return found

    @property
    def reports_lie_in_the_broker(self) -> bool:
        logs = (self.state / "kafka" / "data").glob("program-status-*/*.log")
        return any(log.stat().st_size for log in logs)

    @property
    def remembered(self) -> Json:
        """What the loader has done, by its own log."""
        state: Json = json.loads((self.state / "sample.json").read_text())
        return state


def seconds_until(predicate: Callable[[], object], deadline: float, *, what: str) -> float:
    began = time.monotonic()
    until(predicate, deadline, what=what)
    return time.monotonic() - began


def says(running: Running, what: str) -> Callable[[], bool]:
    return lambda: what in running.output


def shown(stack: MakeRunStack) -> bool:
    return bool(stack.share(END_OF_2020)["percent"] == "36.38")


@contextmanager
def stack_in(folder: Path) -> Generator[MakeRunStack]:
    processes = Processes(folder)
    stack = MakeRunStack(folder, processes)
    try:
        with stack.http:
            yield stack
    finally:
        processes.end()


class Loaded(NamedTuple):
    """What was seen of the first `make run`, from nothing to its end by a SIGINT."""

    stack: MakeRunStack
    output: str
    figures: dict[str, Json]
    facts_by_kind: Counter[tuple[str, str]]
    seconds: dict[str, float]


def facts_by_kind(stack: MakeRunStack) -> Counter[tuple[str, str]]:
    """How often each event is in the facts log, by source and id; it agrees with the oracle's outcomes of the records."""
    kafka_topics = KafkaTopics(stack.bootstrap, PARTITIONS)
    kafka_topics.prefix = ""
    assert kafka_topics.differences() == []
    facts = [json.loads(fact.value)["event"] for fact in kafka_topics.written("facts")]
    return Counter((fact["source"], fact["id"]) for fact in facts)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Generator[Loaded]:
    """A city loaded by `make run` and stopped again."""
    folder = tmp_path_factory.mktemp("make-run")
    with stack_in(folder) as stack:
        seconds = {}
        began = time.monotonic()
        make_run = stack.start()
        until(lambda: shown(stack), SHOWN_WITHIN_SECONDS, what="36.38 % is shown")
        seconds["until 36.38 % is shown"] = time.monotonic() - began
        until(says(make_run, "loaded; at the end of 2021"), PATIENCE_SECONDS)
        seconds["until the sample is complete"] = time.monotonic() - began
        figures, in_the_log = stack.figures, facts_by_kind(stack)
        os.killpg(make_run.pid, signal.SIGINT)
        seconds["until everything is gone"] = seconds_until(lambda: not stack.left, STOP_SECONDS, what="all gone")
        print(seconds)
        yield Loaded(stack, make_run.output, figures, in_the_log, seconds)


def test_make_run_shows_the_citys_figure_soon_and_exactly(loaded: Loaded) -> None:
    share = loaded.figures[END_OF_2020]["overall"]["share"]
    assert (share["numerator"], share["denominator"], share["percent"]) == ("155", "426", "36.38")
    assert loaded.seconds["until 36.38 % is shown"] < SHOWN_WITHIN_SECONDS


def test_it_says_where_to_look_and_what_was_loaded(loaded: Loaded) -> None:
    stack = loaded.stack
    for hint in (
        f"{stack.url}/\n",
        f"{stack.url}/docs",
        "/metrics",
        str(stack.state / "keys"),
        str(stack.state / "log"),
    ):
        assert hint in loaded.output
    assert "at the end of 2020: 36.38 % of 426 programs realized" in loaded.output
    assert "Traceback" not in loaded.output


def test_each_department_has_a_key_that_only_its_owner_reads(loaded: Loaded) -> None:
    keys = loaded.stack.state / "keys"
    departments = {department.key for department in catalogue.departments()}
    assert {file.name for file in keys.iterdir()} == {
        f"{each}.key" for each in {"administrator", visits.EVALUATOR} | departments
    }
    assert {file.stat().st_mode & 0o777 for file in keys.iterdir()} == {0o600}
    texts = [file.read_text() for file in keys.iterdir()]
    assert len(set(texts)) == len(texts)
    assert not any(text in loaded.output for text in texts), "a key is written nowhere but to its file"


def test_every_event_of_the_sample_is_in_the_facts_log_once(loaded: Loaded) -> None:
    sent = {(one["source"], one["id"]) for one in (*map(reports.event, reports.read()), *visits.read())}
    assert sent <= loaded.facts_by_kind.keys()
    assert set(loaded.facts_by_kind.values()) == {1}
    assert len(loaded.facts_by_kind) == len(sent) + 2, "beside them the two plan versions"


def test_it_goes_on_after_a_stop_and_after_a_kill_of_its_supervisor(loaded: Loaded) -> None:
    stack = loaded.stack
    again = stack.start()
    until(says(again, "already loaded"), PATIENCE_SECONDS)
    assert stack.figures == loaded.figures
    runs = " ".join(stack.running.values())
    assert all(each in runs for each in ("make run", "local.run", "kafka.Kafka", "local.site", "aggregator.worker")), (
        runs
    )
    os.kill(stack.supervisor, signal.SIGKILL)
    gone = seconds_until(lambda: not stack.left, STOP_SECONDS, what="all gone")
    third = stack.start()
    back = seconds_until(says(third, "already loaded"), PATIENCE_SECONDS, what="started after the kill")
    print(f"gone {gone:.1f} s after the SIGKILL, back in {back:.1f} s")
    assert stack.figures == loaded.figures
    assert facts_by_kind(stack) == loaded.facts_by_kind
    os.killpg(third.pid, signal.SIGINT)
    until(lambda: not stack.left, STOP_SECONDS, what="all gone")


def bound(to_bind: socket.socket, address: tuple[str, int]) -> bool:
    to_bind.bind(address)
    return True


@contextmanager
def no_longer_able(stack: MakeRunStack, command: str, variable: str) -> Generator[None]:
    """Kill a process and take its port, so that it can't live."""
    os.kill(stack.pid(command), signal.SIGKILL)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        until(lambda: bound(taken, ("127.0.0.1", stack.port(variable))), PATIENCE_SECONDS, what="its port is free")
        taken.listen()
        yield


def test_what_cannot_live_is_reported_everywhere_and_the_site_goes_on(loaded: Loaded) -> None:
    stack = loaded.stack
    make_run = stack.start()
    until(says(make_run, "already loaded"), PATIENCE_SECONDS)
    assert stack.wrong == set()

    with no_longer_able(stack, "aggregator.worker", "PANTAU_WORKER_METRICS_PORT"):
        until(lambda: make_run.output.count("worker   exited with code") >= 2, PATIENCE_SECONDS)
        reason = make_run.output.partition("worker   exited with code ")[2].partition("; starting it again")[0]
        assert "ddress already in use" in reason
        until(lambda: reason in stack.checks["failed"]["worker"])
        assert stack.wrong == {f"port {stack.port('PANTAU_WORKER_METRICS_PORT')}", "worker"}
        assert reason in stack.doctor()["worker"]["found"]
        assert stack.figures == loaded.figures
    until(lambda: "running again" in stack.checks["failed"]["worker"], PATIENCE_SECONDS)
    assert stack.wrong == {"worker"}, "it has failed a short while ago"

    with no_longer_able(stack, "kafka.Kafka", "PANTAU_KAFKA_PORT"):
        until(lambda: make_run.output.count("broker   exited with code") >= 1, PATIENCE_SECONDS)
        assert (
            "ddress already in use"
            in make_run.output.partition("broker   exited with code ")[2].partition("; starting")[0]
        )
        until(lambda: "ddress already in use" in stack.checks["failed"]["broker"])
        assert "broker" in stack.wrong
        assert stack.figures == loaded.figures
    until(lambda: "running again" in stack.checks["failed"]["broker"], PATIENCE_SECONDS)
    os.killpg(make_run.pid, signal.SIGINT)
    until(lambda: not stack.left, STOP_SECONDS, what="all gone")


def test_a_damaged_database_is_seen_and_built_anew_at_the_next_start(loaded: Loaded) -> None:
    stack = loaded.stack
    with (stack.state / "realization.db").open("r+b") as database:
        database.seek(4096)
        database.write(b"\xff" * 4096 * 8)
    assert stack.wrong == {"databases", "running"}
    make_run = stack.start()
    until(says(make_run, "already loaded"), PATIENCE_SECONDS)
    assert stack.figures == loaded.figures
    assert "damaged, put aside: realization.db.damaged-" in stack.doctor()["databases"]["found"]
    assert stack.wrong == set()
    os.killpg(make_run.pid, signal.SIGINT)
    until(lambda: not stack.left, STOP_SECONDS, what="all gone")


def test_kills_in_the_middle_of_loading_lose_nothing_and_double_nothing(tmp_path: Path, loaded: Loaded) -> None:
    with stack_in(tmp_path) as stack:
        first = stack.start()
        until(lambda: stack.reports_lie_in_the_broker, PATIENCE_SECONDS, what="the first reports are sent")
        os.killpg(first.pid, signal.SIGKILL)  # make and supervisor at once; the kernel ends the others
        until(lambda: not stack.left, STOP_SECONDS, what="all gone")
        assert "history" not in stack.remembered, "not all reports of 2019 and 2020 were sent"

        second = stack.start(pace=30)
        until(lambda: stack.remembered.get("sent", 0) > 200, PATIENCE_SECONDS, what="2021 has come some way")
        assert shown(stack)
        os.killpg(second.pid, signal.SIGKILL)
        until(lambda: not stack.left, STOP_SECONDS, what="all gone")
        assert "complete" not in stack.remembered

        third = stack.start()
        until(says(third, "loaded; at the end of 2021"), PATIENCE_SECONDS)
        assert stack.figures == loaded.figures
        assert facts_by_kind(stack) == loaded.facts_by_kind
        os.killpg(third.pid, signal.SIGINT)
        until(lambda: not stack.left, STOP_SECONDS, what="all gone")
