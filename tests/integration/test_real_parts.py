"""The real parts are real: each does its work once, and the broker survives what tests do to it."""

import subprocess

import psycopg
from playwright.sync_api import Page

from deploy.local.broker import Broker, answers
from tests.parts.processes import Processes
from tests.parts.prometheus import Prometheus
from tests.parts.waiting import free_port, until


def test_the_broker_takes_work(broker: Broker) -> None:
    assert answers(broker.port)


def test_there_is_no_answer_where_there_is_no_broker() -> None:
    assert not answers(free_port())


def test_a_broker_comes_back_after_a_kill_a_stop_and_a_pause(own_broker: Broker) -> None:
    own_broker.kill()
    assert not answers(own_broker.port)
    own_broker.start()
    own_broker.stop()
    own_broker.start()
    own_broker.pause()
    assert not answers(own_broker.port, timeout_seconds=0.2)
    own_broker.resume()
    until(lambda: answers(own_broker.port))


def test_each_test_has_an_empty_database_of_its_own(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        connection.execute("CREATE TABLE here (x int)")


def test_a_page_opens_in_the_browser(page: Page) -> None:
    page.set_content("<h1>Pantau</h1>")
    assert page.locator("h1").inner_text() == "Pantau"


def test_promtool_and_prometheus_run(prometheus: Prometheus) -> None:
    for program in prometheus:
        assert subprocess.run([program, "--version"], check=False, capture_output=True).returncode == 0


def test_a_process_is_asked_to_stop_and_its_output_is_read(processes: Processes) -> None:
    speaker = processes.start("speaker", ["sh", "-c", "echo $WORD; exec sleep 60"], env={"WORD": "halo"})
    until(lambda: speaker.output == "halo\n")
    speaker.stop()
    assert not speaker.alive
