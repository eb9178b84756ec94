"""Connections that died without a reset: a takeover does not wait for an answer on one."""

import asyncio
from collections.abc import Generator

import pytest

from deploy.local.broker import HOST
from deploy.local.process_settings import InstallationSettings
from schemas.topics import INPUTS
from services.aggregator.worker.end_offsets import ends
from services.aggregator.worker.restore import last_progress
from services.kit import partition_readers as readers
from services.kit.partition_readers import Readers
from services.kit.topics import declare_topics
from tests.parts import proxy
from tests.parts.proxy import Proxy


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Generator[Proxy]:
    """A proxy before a broker."""
    with proxy.broker_behind(tmp_path_factory.mktemp("network"), "VIA") as (_, proxies):
        yield proxies["VIA"]


async def _taken_over_again(network: Proxy) -> None:
    """What a takeover asks, and asks again when the connections it used have died."""
    settings = InstallationSettings(kafka=f"{HOST}:{network.port}", partitions=1)
    await declare_topics(settings)
    shared = Readers(settings)
    try:
        await _ask(shared)
        network.forget()
        await _ask(shared)
    finally:
        await shared.close()


async def _ask(shared: Readers) -> None:
    async with asyncio.timeout(5):
        assert await ends(shared, 0, INPUTS) == dict.fromkeys(INPUTS, 0)
        assert await last_progress(shared, 0) is None


def test_a_connection_idle_for_long_is_not_asked_again(network: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "IDLE_SECONDS", 0.0)
    asyncio.run(_taken_over_again(network))


def test_one_that_is_kept_for_ever_costs_a_whole_timeout(network: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(readers, "IDLE_SECONDS", float("inf"))
    with pytest.raises(TimeoutError):
        asyncio.run(_taken_over_again(network))
