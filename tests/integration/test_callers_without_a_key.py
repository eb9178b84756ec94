"""Callers without a key, with any question, as often as they like: none keeps the event loop or other callers waiting."""

import socket
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, timedelta
from typing import Any

import pytest
from httpx import Client, Response
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from services.aggregator.api import app as api_app
from services.kit.http.limits import Limit
from tests.integration.facts_and_api import ADMINISTRATOR, ApiClient, WrittenFacts, bearer, served
from tests.integration.sample_events import beginning, report
from tests.integration.stream_client import StreamClient
from tests.integration.test_api_stream import metric
from tests.parts.loops import watched
from tests.parts.waiting import until
from tests.unit.test_cursors import WRONG

PLANS = [f"kota-{number}" for number in range(6)]
PLAN = PLANS[0]
PROGRAMS = 1_500  # so that any answer takes longer to compute than the loop may be kept
LOOP_SECONDS = 0.025
FUTURE = 9_000_000_000_000_000


@pytest.fixture(scope="module")
def city(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[WrittenFacts]:
    """Large plans, with a report of each year on every third program."""
    found = WrittenFacts(broker.bootstrap, f"sqlite:///{tmp_path_factory.mktemp('city') / 'realization.db'}")
    for plan in PLANS:
        version = beginning(plan, PROGRAMS)
        for each in version["data"]["programs"]:
            each["priority_problem"] = f"Masalah {each['code']}"
        found.write(version)
        found.write(
            *(
                report(plan, number, f"r-{year}-{number}", f"{year}-06-30")
                for year in (2019, 2020, 2021)
                for number in range(0, PROGRAMS, 3)
            )
        )
    found.write_snapshots()
    yield found
    found.close()


@pytest.fixture
def api(city: WrittenFacts) -> Generator[ApiClient]:
    with served(city) as found:
        yield found


def worst(api: ApiClient) -> list[Callable[[], Response]]:
    """A question of each kind, the one that takes longest."""

    def ask(path: str, **query: Any) -> Callable[[], Response]:
        return lambda: api.client.get(
            f"/v1/plans{path}", params={name.rstrip("_"): str(value) for name, value in query.items()}
        )

    return [
        ask("/docs"),
        ask("", limit=100),
        ask("", as_of="2019-12-31"),
        ask(f"/{PLAN}/realization", as_of="2020-03-04", group_by="theme"),
        ask(f"/{PLAN}/realization", as_of="2020-03-05", known_at="2022-01-20T10:00:00+07:00"),
        ask(f"/{PLAN}/history", from_="2000-01-01", to="2049-12-31"),
        ask(f"/{PLAN}/history", group_by="theme", step="year", to="2030-12-31"),
        ask(f"/{PLAN}/changes", since="2019-12-31", as_of="2021-12-31"),
        ask(f"/{PLAN}/programs", as_of="2021-12-31", limit=500),
        ask(f"/{PLAN}/programs", as_of="2021-12-31", state="stale"),
        ask(f"/{PLAN}/programs/P-003", as_of="2021-12-31"),
        ask(f"/{PLAN}/departments", as_of="2021-12-31"),
    ]


def test_no_question_keeps_the_loop(api: ApiClient) -> None:
    with watched() as longest:
        for question in worst(api):
            answer = question()
            assert answer.status_code == 200, answer.text
    assert longest[0].seconds < LOOP_SECONDS, longest


def test_streams_of_many_dates_do_not_keep_the_loop(city: WrittenFacts, api: ApiClient) -> None:
    with ExitStack() as listening:
        listeners = [
            listening.enter_context(
                StreamClient(api, PLAN, as_of=date(2020, 1, 1) + timedelta(days=number), group_by="theme")
            )
            for number in range(8)
        ]
        live = listening.enter_context(StreamClient(api, PLAN))
        for each in (live, *listeners):
            assert each.next().name == "snapshot"
        with watched() as longest:
            seq = city.write(report(PLAN, 1, f"live-{time.time_ns()}", "2021-07-31"))
            for each in (live, *listeners):
                list(each.up_to(seq))
    assert longest[0].seconds < LOOP_SECONDS, longest


def test_a_large_plan_version_does_not_keep_the_loop(city: WrittenFacts, api: ApiClient) -> None:
    api.get(f"/{PLANS[1]}/realization")  # its facts log is open
    version = beginning(PLANS[1], 2 * PROGRAMS)
    version["data"] |= {"version": 2, "expects": 1}
    with watched() as longest:
        seq = city.write(version | {"id": "version-2"})
        assert api.get(f"/{PLANS[1]}/realization", min_seq=seq)["known_at"]["seq"] >= seq
    assert longest[0].seconds < LOOP_SECONDS, longest


def test_other_callers_are_answered_while_a_long_answer_is_computed(api: ApiClient) -> None:
    """A question that takes most of a second, and how many small ones are answered before it is."""
    long_one = {"group_by": "theme", "step": "year", "to": "2031-12-31"}
    with ThreadPoolExecutor(1) as stranger, Client(base_url=api.client.base_url) as other:
        asked, answered = stranger.submit(api.client.get, f"/v1/plans/{PLAN}/history", params=long_one), 0
        while not asked.done():
            assert other.get("/healthz").status_code == 200
            answered += 1
    assert asked.result().status_code == 200
    assert answered >= 10


def test_equal_questions_are_computed_once(api: ApiClient) -> None:
    made = 'pantau_figure_seconds_count{question="history"}'
    asked: dict[str, Any] = {"params": {"to": "2041-12-31", "group_by": "sub_dimension"}}
    with ThreadPoolExecutor(20) as strangers:
        answers = list(strangers.map(lambda _: api.client.get(f"/v1/plans/{PLAN}/history", **asked), range(20)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.headers["etag"] for each in answers}) == 1
    assert metric(api, made) <= 2  # requests that came before the first answer was cached share a second one


@pytest.mark.parametrize("cursor", WRONG)
def test_a_cursor_that_no_page_gave_is_refused_at_once(api: ApiClient, cursor: str) -> None:
    for path in ("", f"/{PLAN}/programs"):
        began = time.thread_time()
        answer = api.get(path, expect=422, cursor=cursor)
        assert answer["errors"][0]["where"] == "query.cursor"
        assert time.thread_time() - began < 1


@pytest.mark.parametrize("seen", ["²", "١", "1e9", "-1", "9" * 30, "9" * 5_000, "", " ", "nan", "0", str(2**63)])
def test_any_last_event_id_gets_a_snapshot(api: ApiClient, seen: str) -> None:
    with socket.create_connection((api.client.base_url.host, api.client.base_url.port or 0), 30) as client:
        request = f"GET /v1/plans/{PLAN}/stream HTTP/1.0\r\nHost: x\r\nLast-Event-ID: {seen}\r\n\r\n"
        client.sendall(request.encode())
        received = b""
        while b"event: snapshot" not in received:
            more = client.recv(65536)
            assert more, received
            received += more
        assert b" 200 " in received.partition(b"\r\n")[0]


def test_what_is_never_known_is_not_waited_for(api: ApiClient) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(20) as strangers:
        asked = [{"known_at": FUTURE + number} for number in range(20)] + [{"min_seq": FUTURE}]
        answers = list(strangers.map(lambda query: api.client.get(f"/v1/plans/{PLAN}/changes", params=query), asked))
    assert {each.status_code for each in answers} == {503}
    assert time.monotonic() - began < 4  # and none for the 5 s that one is which may come


@pytest.mark.parametrize(
    "query",
    [{"to": "9999-12-31"}, {"from": "0001-01-01"}, {"from": "2000-01-01", "to": "2050-12-31", "group_by": "theme"}],
)
def test_a_history_without_end_is_refused(api: ApiClient, query: dict[str, str]) -> None:
    response = api.client.get(f"/v1/plans/{PLAN}/history", params=query)
    assert response.status_code == 422
    assert response.json()["errors"][0]["where"] == "query.from"


@pytest.fixture
def narrow(city: WrittenFacts, monkeypatch: pytest.MonkeyPatch) -> Generator[ApiClient]:
    """An api with little room."""

    def limits_of(_: InstallationSettings) -> dict[str, Limit]:
        return {
            "answers": Limit(2, 1, waiting=1, wait_seconds=30.0),
            "rankings": Limit(2, 1),
            "waits": Limit(2, 1),
            "streams": Limit(4, 2),
            "channels": Limit(2, 1),
        }

    monkeypatch.setattr(api_app, "limits_of", limits_of)
    with served(city) as found:
        yield found


def refused(api: ApiClient, kind: str, caller: str) -> float:
    """How often a kind of work was refused."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(api.client.get("/metrics").text)
        for sample in family.samples
        if sample.name == "pantau_work_refused_total"
        and (sample.labels["kind"], sample.labels["caller"]) == (kind, caller)
    )


def is_too_many(response: Response) -> bool:
    """Whether an answer is a refusal as promised."""
    return (
        response.status_code == 429
        and int(response.headers["retry-after"]) > 0
        and response.json()["type"].endswith(":too-many")
    )


def test_streams_are_bounded_and_keys_have_room_of_their_own(narrow: ApiClient) -> None:
    path = f"/v1/plans/{PLAN}/stream"
    with ExitStack() as open_ones:
        for _ in range(2):
            open_ones.enter_context(StreamClient(narrow, PLAN)).next()
        assert is_too_many(narrow.client.get(path))
        for _ in range(2):
            stream = narrow.client.stream("GET", path, headers=bearer(ADMINISTRATOR))
            assert open_ones.enter_context(stream).status_code == 200
        assert is_too_many(narrow.client.get(path, headers=bearer(ADMINISTRATOR)))
    assert (refused(narrow, "streams", "anonymous"), refused(narrow, "streams", "key")) == (1, 1)
    until(lambda: metric(narrow, 'pantau_work_in_use{caller="anonymous",kind="streams"') == 0)
    with StreamClient(narrow, PLAN) as again:
        assert again.next().name == "snapshot"


def test_questions_of_other_dates_are_bounded_and_a_live_page_is_never_shut_out(narrow: ApiClient) -> None:
    path = f"/v1/plans/{PLAN}/stream"
    with StreamClient(narrow, PLAN, as_of="2020-01-01") as first:
        first.next()
        assert is_too_many(narrow.client.get(path, params={"as_of": "2020-01-02"}))
        assert is_too_many(narrow.client.get(path, params={"quick_win": "2020"}))
        with StreamClient(narrow, PLAN) as live:
            assert live.next().name == "snapshot"
    with StreamClient(narrow, PLAN, as_of="2020-01-01") as one:
        one.next()
        with StreamClient(narrow, PLAN, as_of="2020-01-01") as same:  # one question, however many follow it
            assert same.next().name == "snapshot"
        stream = narrow.client.stream("GET", path, params={"as_of": "2020-01-03"}, headers=bearer(ADMINISTRATOR))
        with stream as of_a_key:
            assert of_a_key.status_code == 200


def test_waiting_for_what_may_come_is_bounded(city: WrittenFacts, narrow: ApiClient) -> None:
    soon = narrow.get(f"/{PLAN}/realization")["known_at"]["seq"] + 1
    with ThreadPoolExecutor(1) as stranger:
        path, asked = f"/v1/plans/{PLAN}/realization", {"min_seq": str(soon)}
        waits = stranger.submit(narrow.client.get, path, params=asked)
        in_use = 'pantau_work_in_use{caller="anonymous",kind="waits"'
        until(lambda: metric(narrow, in_use) == 1)
        assert is_too_many(narrow.client.get(path, params=asked))
        assert city.write(report(PLAN, 2, f"soon-{time.time_ns()}", "2021-07-31")) == soon
        assert waits.result().status_code == 200
        assert narrow.client.get(path, params=asked, headers=bearer(ADMINISTRATOR)).status_code == 200


def test_a_key_is_answered_while_strangers_ask_all_they_can(narrow: ApiClient) -> None:
    """Strangers keep every answer's room that is theirs busy; one with a key does not wait in their queue."""
    stop = threading.Event()
    answers: list[Response] = []

    def ask(number: int) -> None:
        day = date(2020, 1, 1)
        while not stop.is_set():
            day += timedelta(days=1)
            answers.append(
                narrow.client.get(f"/v1/plans/{PLANS[number]}/history", params={"to": str(day), "group_by": "theme"})
            )

    with ThreadPoolExecutor(6) as strangers:
        asking = [strangers.submit(ask, number) for number in range(6)]
        try:
            until(lambda: any(is_too_many(each) for each in list(answers)))
            for day in range(1, 6):
                asked = {"as_of": f"2021-03-{day:02d}"}
                mine = narrow.client.get(f"/v1/plans/{PLAN}/realization", params=asked, headers=bearer(ADMINISTRATOR))
                assert mine.status_code == 200
        finally:
            stop.set()
        for each in asking:
            each.result()
    assert refused(narrow, "answers", "key") == 0


def test_what_is_known_already_needs_no_room(narrow: ApiClient) -> None:
    first = narrow.response(f"/{PLAN}/history", to="2021-12-31")
    again = narrow.response(
        f"/{PLAN}/history", to="2021-12-31", headers={"If-None-Match": first.headers["etag"]}, expect=304
    )
    assert again.content == b""
    plain = narrow.response(f"/{PLAN}/history", to="2021-12-31", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert first.headers["content-encoding"] == "gzip"
    assert plain.json() == first.json()
