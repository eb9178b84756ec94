"""The local stack's settings: the same defaults as the services have, and one clear line for what can't be."""

from pathlib import Path

import pytest

from deploy.local import settings
from deploy.local.jars import ROOT
from deploy.local.process_settings import InstallationSettings


def test_the_supervisor_and_the_services_have_the_same_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOST", "PORT", "WORKER_METRICS_PORT", "KAFKA", "STATE"):
        monkeypatch.delenv(f"PANTAU_{variable}", raising=False)
    local, services = settings.read({}), InstallationSettings()
    assert local.host == services.host
    assert local.site.number == services.port
    assert local.worker.number == services.worker_metrics_port
    assert local.bootstrap == services.kafka
    assert local.state == ROOT / services.state


def test_an_empty_variable_is_none() -> None:
    assert settings.read({"PANTAU_PORT": "", "PANTAU_HOST": "", "PANTAU_STATE": ""}) == settings.read({})


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "9²"])
def test_what_is_no_port_is_named_with_its_variable(port: str) -> None:
    with pytest.raises(SystemExit, match=f"PANTAU_KAFKA_PORT={port} is not a port"):
        settings.read({"PANTAU_KAFKA_PORT": port})


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "127.0.0.1")],
)
def test_what_listens_everywhere_is_found_here(host: str, url: str) -> None:
    assert settings.read({"PANTAU_HOST": host}).site_url == f"http://{url}:8000"


def test_a_state_folder_is_below_the_checkout_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert settings.read({"PANTAU_STATE": "here"}).state == ROOT / "here"
    assert settings.read({"PANTAU_STATE": str(tmp_path)}).state == tmp_path
