"""The installed Prometheus: the server, and promtool, which tests rules."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.parts import installed_programs


class Prometheus(NamedTuple):
    """Where its two programs are."""

    server: Path
    promtool: Path


@pytest.fixture(scope="session")
def prometheus() -> Prometheus:
    return Prometheus(
        installed_programs.find("prometheus", package="prometheus"),
        installed_programs.find("promtool", package="prometheus"),
    )
