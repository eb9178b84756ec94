"""When the worker exits because nothing moves: records wait, and neither it nor one of its partitions makes progress."""

import pytest
from prometheus_client import CollectorRegistry

from deploy.local.process_settings import InstallationSettings
from services.aggregator.worker.engine import LEFT_OUT_SECONDS, STALL_SECONDS, Engine
from services.aggregator.worker.metrics import WorkerMetrics
from services.aggregator.worker.partition import Partition

NOW = 10_000.0


@pytest.fixture
def engine() -> Engine:
    return Engine(InstallationSettings(partitions=2), WorkerMetrics(CollectorRegistry()))


def partition(engine: Engine, number: int, idle_seconds: float, *, waiting: int = 0) -> Partition:
    """A partition this worker owns, restored, that last moved so long ago."""
    one = engine._partition(number)
    one.owned = one._restored = True
    one.progressed_at = NOW - idle_seconds
    one._behind["program-status"] = waiting
    return one


def test_a_worker_without_records_may_be_idle_for_ever(engine: Engine) -> None:
    partition(engine, 0, idle_seconds=10 * LEFT_OUT_SECONDS)

    assert engine.stalled(NOW) is None


def test_a_worker_that_moves_nothing_though_records_wait_is_stalled(engine: Engine) -> None:
    partition(engine, 0, STALL_SECONDS + 1, waiting=1)
    assert "no partition made progress for 61 seconds" in (engine.stalled(NOW) or "")

    partition(engine, 1, idle_seconds=1)
    assert engine.stalled(NOW) is None  # it is the other one's turn


def test_a_restore_that_does_not_move_is_a_stall(engine: Engine) -> None:
    partition(engine, 0, STALL_SECONDS + 1)._restored = False

    assert "no partition made progress" in (engine.stalled(NOW) or "")


def test_one_partition_that_is_left_out_for_long_is_a_stall(engine: Engine) -> None:
    partition(engine, 0, LEFT_OUT_SECONDS + 1, waiting=1)
    partition(engine, 1, idle_seconds=1, waiting=1)

    assert "partition 0 made no progress" in (engine.stalled(NOW) or "")


def test_a_partition_of_another_worker_is_not_ours_to_judge(engine: Engine) -> None:
    partition(engine, 0, LEFT_OUT_SECONDS + 1, waiting=1).owned = False

    assert engine.stalled(NOW) is None
