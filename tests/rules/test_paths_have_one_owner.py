"""Every path that is served belongs to the service that serves it, by the one table behind the router and the ingress."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from deploy.local.process_settings import InstallationSettings
from deploy.local.site import OWN
from deploy.paths import PATHS, owner_of
from services.aggregator.api.app import create_app as create_realization
from services.evaluations.app import create_app as create_evaluations
from services.programs.app import create_app as create_programs

SERVICES: dict[str, Callable[[InstallationSettings], FastAPI]] = {
    "programs": create_programs,
    "evaluations": create_evaluations,
    "realization": create_realization,
}


def paths_of(app: FastAPI) -> Iterator[str]:
    """The documented paths of an app, and the ones every process has."""
    yield from app.openapi()["paths"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_serves_only_paths_it_owns(service: str, tmp_path: Path) -> None:
    app = SERVICES[service](InstallationSettings(state=tmp_path))
    served = sorted(set(paths_of(app)) - OWN)

    assert served
    assert {path: owner_of(path) for path in served} == dict.fromkeys(served, service)


def test_the_table_names_every_service_and_no_other() -> None:
    assert set(PATHS.values()) == set(SERVICES)


def test_no_entry_of_the_table_hides_behind_an_earlier_one() -> None:
    for prefix, service in PATHS.items():
        assert owner_of(prefix) == service
        assert prefix == "/" or (prefix.startswith("/v1/") and not prefix.endswith("/"))


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/", "realization"), ("/app/main.js", "realization"), ("/opening.json", "realization"),
        ("/v1/plans", "realization"), ("/v1/plans/kota-pontianak-2019-2028/departments", "realization"),
        ("/v1/masterplans", "programs"), ("/v1/masterplans/x/export", "programs"), ("/v1/events", "programs"),
        ("/v1/departments", "programs"), ("/v1/eventsource", "realization"), ("/v1/visits/x/1", "evaluations"),
        ("/v1/meetings", "evaluations"),
    ],
)  # fmt: skip
def test_a_path_belongs_to_the_service_the_interfaces_name(path: str, service: str) -> None:
    assert owner_of(path) == service
