"""What the engine does with a takeover that takes too long, or that another rebalance has overtaken."""

import asyncio
from typing import NoReturn

import pytest
from prometheus_client import CollectorRegistry

from deploy.local.process_settings import InstallationSettings
from services.aggregator.worker import engine as engine_module
from services.aggregator.worker.engine import Engine
from services.aggregator.worker.metrics import WorkerMetrics
from services.aggregator.worker.partition import Partition


class _LeftError(Exception):
    pass


@pytest.fixture
def engine() -> Engine:
    return Engine(InstallationSettings(partitions=2), WorkerMetrics(CollectorRegistry()))


def test_a_takeover_that_does_not_end_ends_the_process(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    # Faust would give it up, and never begin another: a worker that lives, owns nothing and is not seen to.
    def fail_stop(doing: str, error: BaseException) -> NoReturn:
        raise _LeftError(doing, type(error))

    async def never(_: Partition) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(engine_module, "fail_stop", fail_stop)
    monkeypatch.setattr(engine_module, "TAKEOVER_SECONDS", 0.01)
    monkeypatch.setattr(Partition, "_open_then_load_progress", never)

    with pytest.raises(_LeftError) as left:
        asyncio.run(engine.take_over({0, 1}))
    assert left.value.args == ("taking over", TimeoutError)


def test_faust_waits_longer_for_a_takeover_than_the_engine() -> None:
    from services.aggregator.worker.app import create_app

    app, _ = create_app(InstallationSettings(partitions=2), CollectorRegistry())

    assert app.conf.broker_request_timeout > engine_module.TAKEOVER_SECONDS


def test_a_partition_that_was_given_up_meanwhile_is_not_owned(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lived() -> Partition:
        asking, answered = asyncio.Event(), asyncio.Event()

        async def slow(_: Partition) -> None:
            asking.set()
            await answered.wait()

        monkeypatch.setattr(Partition, "_open_then_load_progress", slow)
        partition = engine._partition(0)
        takeover = asyncio.create_task(partition.take_over())
        await asking.wait()
        await partition.give_up()
        answered.set()
        await takeover
        return partition

    partition = asyncio.run(lived())

    assert not partition.owned
    assert partition._restoring is None
