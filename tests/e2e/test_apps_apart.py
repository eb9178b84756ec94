"""The same as test_page_live.py with every app a process of its own, behind a router that follows the table of paths."""

from collections.abc import Generator

import httpx
import pytest

from deploy.local.broker import Broker
from samples.plan import PLAN
from tests.e2e.test_page_live import (
    departments,
    page,
    realized,
    test_a_report_by_http_with_the_departments_key_moves_the_page,
    test_a_report_sent_to_kafka_moves_the_page_and_its_retraction_moves_it_back,
    test_an_event_with_errors_is_answered_with_all_of_them_and_moves_nothing,
    test_the_figure_of_2020_stands_on_the_page_as_the_fixed_one,
    test_the_page_in_english,
)
from tests.parts.whole_installation import APART, WholeInstallation, in_folder

__all__ = [
    "departments",
    "page",
    "realized",
    "test_a_report_by_http_with_the_departments_key_moves_the_page",
    "test_a_report_sent_to_kafka_moves_the_page_and_its_retraction_moves_it_back",
    "test_an_event_with_errors_is_answered_with_all_of_them_and_moves_nothing",
    "test_the_figure_of_2020_stands_on_the_page_as_the_fixed_one",
    "test_the_page_in_english",
]

ASKED = {
    "programs": f"/v1/masterplans/{PLAN}",
    "evaluations": f"/v1/visits?plan={PLAN}",
    "realization": f"/v1/plans/{PLAN}/realization",
}


@pytest.fixture(scope="module")
def installed(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[WholeInstallation]:
    with in_folder(broker.bootstrap, tmp_path_factory.mktemp("apart"), apart=True) as running:
        yield running


@pytest.mark.parametrize("owner", ASKED)
def test_an_app_answers_what_it_owns_and_nothing_else(installed: WholeInstallation, realized: int, owner: str) -> None:
    port = installed.env[APART[owner][1]]
    statuses = {app: httpx.get(f"http://127.0.0.1:{port}{path}").status_code for app, path in ASKED.items()}
    assert statuses == {app: 200 if app == owner else 404 for app in ASKED}
    assert installed.http.get(ASKED[owner]).status_code == 200
