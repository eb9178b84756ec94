"""The site: three apps on one port by the table of paths, with the health, metrics and documentation of the whole."""

from collections.abc import Generator
from pathlib import Path

import pytest
from httpx import Client
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from deploy.local.site import create_site
from deploy.paths import PATHS, owner_of
from tests.integration.intake_site import served
from tests.parts.kafka_topics import KafkaTopics

SERVICES = {"programs", "evaluations", "realization"}


@pytest.fixture(scope="module")
def site(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[Client]:
    kafka_topics = KafkaTopics(broker.bootstrap, 2)
    state: Path = tmp_path_factory.mktemp("site")
    settings = InstallationSettings(kafka=broker.bootstrap, topic_prefix=kafka_topics.prefix, partitions=2, state=state)
    with served(create_site(settings)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/", "realization"),
        ("/v1/plans", "realization"),
        ("/v1/plans/x/stream", "realization"),
        ("/v1/masterplans", "programs"),
        ("/v1/masterplans/import", "programs"),
        ("/v1/masterplansx", "realization"),
        ("/v1/events", "programs"),
        ("/v1/visits/x/y", "evaluations"),
    ],
)
def test_a_path_belongs_to_one_service(path: str, owner: str) -> None:
    assert owner_of(path) == owner
    assert set(PATHS.values()) == SERVICES


def test_each_app_answers_its_paths(site: Client) -> None:
    assert site.get("/v1/masterplans").json() == {"items": [], "next": None}
    assert site.get("/v1/visits", params={"plan": "x"}).json()["items"] == []
    assert site.get("/v1/plans").status_code == 200
    assert site.post("/v1/events").status_code == 401
    assert site.get("/v1/masterplans/x").headers["content-type"] == "application/problem+json"


def test_it_is_ready_when_all_are(site: Client) -> None:
    answer = site.get("/readyz").json()
    assert answer["ready"] is True
    assert answer["checks"].keys() == SERVICES
    assert site.get("/healthz").status_code == 200


def test_metrics_of_all_are_one_exposition(site: Client) -> None:
    site.get("/v1/masterplans")
    families = list(text_string_to_metric_families(site.get("/metrics").text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    (caught_up,) = [family for family in families if family.name == "pantau_projection_caught_up"]
    assert {sample.labels["service"]: sample.value for sample in caught_up.samples} == dict.fromkeys(SERVICES, 1.0)


def test_the_documentation_is_one_page_that_fetches_nothing(site: Client) -> None:
    page = site.get("/docs").text
    for path in ("/v1/events", "/v1/visits", "/v1/plans/{plan}/realization"):
        assert path in page
    assert "src=" not in page
    assert "http://" not in page.replace("http://127.0.0.1", "")
