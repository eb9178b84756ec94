"""A real Kafka: one for the whole run (`broker`), or one of a test's own to stop, kill and pause (`own_broker`)."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from tests.parts import logs
from tests.parts.waiting import free_port


@contextmanager
def running(folder: Path) -> Generator[Broker]:
    """A broker on free ports whose data is in `folder`."""
    with started(Broker(folder, free_port(), free_port())) as of_the_test:
        yield of_the_test


@contextmanager
def started(of_the_test: Broker) -> Generator[Broker]:
    """The broker, running."""
    name = f"the broker on {of_the_test.bootstrap}"
    logs.watched[name] = of_the_test.log
    try:
        of_the_test.start()
        try:
            yield of_the_test
        finally:
            of_the_test.resume()  # a paused process does not react to SIGTERM
            of_the_test.stop()
    finally:
        del logs.watched[name]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Broker]:
    """The broker all tests share: take a topic prefix of your own, leave it running."""
    with running(tmp_path_factory.mktemp("broker")) as shared:
        yield shared


@pytest.fixture
def own_broker(tmp_path: Path) -> Generator[Broker]:
    """A broker for one test, which may do with it what it likes."""
    with running(tmp_path / "broker") as own:
        yield own
