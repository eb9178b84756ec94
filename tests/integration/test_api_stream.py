"""Live figures over server-sent events: in order, coalesced for slow clients, and ended when the process stops."""

import signal
import sys
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.broker import Broker
from tests.integration.facts_and_api import ApiClient, WrittenFacts, served
from tests.integration.sample_events import beginning, report
from tests.integration.stream_client import StreamClient
from tests.parts.history import Json
from tests.parts.processes import Processes
from tests.parts.waiting import free_port, until

PLAN = "kota"
DAY = "2021-12-31"
PROGRAMS = 36


@pytest.fixture
def city(broker: Broker, tmp_path: Path) -> Generator[WrittenFacts]:
    found = WrittenFacts(broker.bootstrap, f"sqlite:///{tmp_path / 'realization.db'}")
    found.write(beginning(PLAN, PROGRAMS))
    yield found
    found.close()


@pytest.fixture
def api(city: WrittenFacts) -> Generator[ApiClient]:
    with served(city) as found:
        yield found


def some(number: int, status: str = "realized") -> Json:
    """Report number so-and-so."""
    day = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(days=number // PROGRAMS)
    return report(PLAN, number % PROGRAMS, f"r-{number}", f"{day:%Y-%m-%d}", status)


def metric(api: ApiClient, start: str) -> float:
    """The sum of a metric's series whose names begin so."""
    lines = api.client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))


def test_a_snapshot_and_then_every_change_in_order(city: WrittenFacts, api: ApiClient) -> None:
    with StreamClient(api, PLAN, as_of=DAY) as listener:
        first = listener.next()
        assert (first.name, first.id) == ("snapshot", 1)
        assert first.data == api.get(f"/{PLAN}/realization", as_of=DAY)

        last = max(city.write(some(number, ("realized", "blocked")[number % 2])) for number in range(60))
        received = list(listener.up_to(last))

        ids = [first.id, *(each.id for each in received)]
        assert ids == sorted(set(ids))
        assert listener.state == api.get(f"/{PLAN}/realization", as_of=DAY)


def test_a_change_holds_only_what_changed_and_is_small(city: WrittenFacts, api: ApiClient) -> None:
    with StreamClient(api, PLAN, as_of=DAY, group_by="sub_dimension") as listener:
        listener.next()
        seq = city.write(some(4))
        (change,) = listener.up_to(seq)

        assert change.name == "change"
        assert [group["key"] for group in change.data["groups"]] == ["business"]
        assert change.data["overall"]["realized"] == 1
        assert change.data["programs"] == ["P-004"]
        assert change.data["known_at"]["seq"] == change.id == seq
        assert change.size <= 4 * 1024

        seq = city.write(*(some(number) for number in range(18)))
        (whole,) = listener.up_to(seq)
        assert whole.name == "snapshot"  # it would be larger


def test_a_client_that_reconnects_gets_a_snapshot_only_if_something_changed(city: WrittenFacts, api: ApiClient) -> None:
    city.write(some(0))
    with StreamClient(api, PLAN, as_of=DAY) as before:
        list(before.up_to(2))
    with StreamClient(api, PLAN, as_of=DAY, had=before.state) as again:
        changed = city.write(some(1))
        assert [(each.name, each.id) for each in again.up_to(changed)] == [("change", changed)]
        assert again.state == api.get(f"/{PLAN}/realization", as_of=DAY)
    with StreamClient(api, PLAN, as_of=DAY, had=before.state) as late:
        assert (late.next().name, late.state["known_at"]["seq"]) == ("snapshot", changed)


def test_a_slow_client_costs_nothing_and_misses_nothing(city: WrittenFacts, api: ApiClient) -> None:
    large = beginning("kota-besar", 120)
    for each in large["data"]["programs"]:
        each["priority_problem"] = (
            f"Masalah {each['code']}"  # a group each: what changes is soon too large for a change
        )
    api.get("/kota-besar/realization", min_seq=city.write(large))
    question: Any = {"as_of": DAY, "group_by": "theme"}
    with (
        StreamClient(api, "kota-besar", buffer=4096, **question) as slow,
        StreamClient(api, "kota-besar", **question) as quick,
    ):
        received, last = len(list(quick.up_to(1))), 0
        for day in range(1, 22):
            for part in (0, 1):  # more than the system buffers for a client that does not read
                status = ("realized", "blocked")[day % 2]
                numbers = range(part * 4, part * 4 + 4)
                events = [report("kota-besar", n, f"r-{n}-{day}", f"2021-01-{day:02d}", status) for n in numbers]
                last = city.write(*events)
                received += len(list(quick.up_to(last)))
        answers = list(slow.up_to(last))

        assert len(answers) < received
        assert [each.id for each in answers] == sorted({each.id for each in answers})
        assert slow.state == quick.state == api.get("/kota-besar/realization", **question)


def test_equal_streams_share_the_work_and_release_it_all(city: WrittenFacts, api: ApiClient) -> None:
    listeners = [StreamClient(api, PLAN, as_of=DAY) for _ in range(100)]
    made = 'pantau_figure_seconds_count{question="stream"}'
    assert [each.next().name for each in listeners] == ["snapshot"] * 100
    assert (metric(api, "pantau_stream_clients"), metric(api, made)) == (100, 1)
    seq = city.write(some(0))
    assert [[each.name for each in listener.up_to(seq)] for listener in listeners] == [["change"]] * 100
    assert metric(api, made) == 2
    assert metric(api, 'pantau_stream_events_total{event="change"}') == 100

    for listener in listeners:
        listener.close()
    until(lambda: metric(api, "pantau_stream_clients") == 0)
    city.write(some(1))
    assert metric(api, made) == 2


def test_heartbeats_come_and_the_date_changes_at_midnight(city: WrittenFacts) -> None:
    clock = [datetime(2022, 2, 10, 16, 59, tzinfo=UTC)]
    with served(city, now=lambda: clock[0]) as api, StreamClient(api, PLAN) as listener:
        assert listener.next().data["as_of"] == "2022-02-10"
        clock[0] += timedelta(minutes=1)
        received = {listener.next().name, listener.next().name}
        assert received == {": heartbeat", "snapshot"}
        assert listener.state["as_of"] == "2022-02-11"


def test_what_cannot_be_followed_is_a_problem(api: ApiClient) -> None:
    assert api.get("/nirwana/stream", expect=404)["status"] == 404
    errors = api.get(f"/{PLAN}/stream", expect=422, basis="hoped", as_of="soon")["errors"]
    assert {each["where"] for each in errors} == {"query.basis", "query.as_of"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_with_open_streams_stops_at_once(
    city: WrittenFacts, processes: Processes, number: signal.Signals
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "services.aggregator.api"]
    process = processes.start("api", command, env=city.environment | {"PANTAU_AGGREGATOR_PORT": str(port)})
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        until(lambda: client.get("/readyz").status_code == 200)
        listeners = [StreamClient(ApiClient(client, city), PLAN, as_of=DAY) for _ in range(20)]
        assert {listener.next().name for listener in listeners} == {"snapshot"}

        began = time.monotonic()
        process.signal(number)
        for listener in listeners:
            with listener, pytest.raises(EOFError):
                listener.next()
        assert process.wait(10) in {0, -number}
        assert time.monotonic() - began < 3
