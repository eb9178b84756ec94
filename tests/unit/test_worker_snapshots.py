"""When the live snapshots of a partition's plans are written: some of many at once, and none waits for ever."""

import time

import pytest
from prometheus_client import CollectorRegistry

from deploy.local.process_settings import InstallationSettings
from services.aggregator.worker.engine import Engine
from services.aggregator.worker.metrics import WorkerMetrics
from services.aggregator.worker.partition import (
    CATCHING_UP_RECORDS,
    SNAPSHOT_SECONDS,
    SNAPSHOT_SECONDS_CATCHING_UP,
    SNAPSHOTS_AT_ONCE,
    Partition,
)

PLANS = [f"kota-{number}" for number in range(SNAPSHOTS_AT_ONCE + 2)]


@pytest.fixture
def partition() -> Partition:
    """A partition all of whose plans have changed."""
    one = Engine(InstallationSettings(partitions=1), WorkerMetrics(CollectorRegistry()))._partition(0)
    one._state.changed.update(dict.fromkeys(PLANS))
    return one


def wrote(partition: Partition, seconds_ago: float) -> None:
    """It wrote snapshots so long ago."""
    partition._snapshots_at = time.monotonic() - seconds_ago


def test_those_that_have_waited_longest_are_written_first(partition: Partition) -> None:
    wrote(partition, SNAPSHOT_SECONDS)
    first = partition._due()
    assert first == PLANS[:SNAPSHOTS_AT_ONCE]

    for plan in first:
        del partition._state.changed[plan]
        partition._state.changed[plan] = None  # each changes again at once
    assert partition._due()[:2] == PLANS[SNAPSHOTS_AT_ONCE:]


def test_nothing_is_written_so_soon_after_the_last(partition: Partition) -> None:
    wrote(partition, SNAPSHOT_SECONDS / 10)

    assert partition._due() == []


def test_while_it_catches_up_all_are_written_now_and_then(partition: Partition) -> None:
    partition._behind["program-status"] = CATCHING_UP_RECORDS + 1
    wrote(partition, SNAPSHOT_SECONDS_CATCHING_UP / 2)
    assert partition._due() == []

    wrote(partition, SNAPSHOT_SECONDS_CATCHING_UP)
    assert partition._due() == PLANS
