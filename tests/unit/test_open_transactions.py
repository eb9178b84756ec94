"""For how long a transaction has been open, by what the broker answers; and when that makes a worker not ready."""

import asyncio
import itertools

import pytest
from prometheus_client import CollectorRegistry

from deploy.local.process_settings import InstallationSettings
from services.aggregator.worker.engine import HIDDEN_SECONDS, Engine
from services.aggregator.worker.metrics import WorkerMetrics
from services.kit import open_transactions
from services.kit.open_transactions import NORMAL_SECONDS, OpenTransaction, OpenTransactions

INPUT = "program-status"


class StandingClock:
    """Stands until it is set."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    made = StandingClock()
    monkeypatch.setattr(open_transactions, "time", made)
    return made


answers = itertools.count(1.0)


def test_it_is_as_old_as_the_stable_offset_has_stood_below_the_end(clock: StandingClock) -> None:
    seen = OpenTransactions()
    assert seen.observe(INPUT, 0, 7, 7, next(answers)) == 0
    assert seen.observe(INPUT, 0, 7, 8, next(answers)) == 0
    clock.now += 30
    assert seen.observe(INPUT, 0, 7, 900, next(answers)) == 30
    assert seen.older_than(29) == [OpenTransaction(INPUT, 0, 7, 30)]
    assert seen.older_than(30) == []
    assert seen.check() == [{"topic": INPUT, "partition": 0, "offset": 7, "age_seconds": 30}]
    assert (seen.age_seconds(INPUT), seen.age_seconds("masterplans")) == (30, 0)
    assert seen.observe(INPUT, 0, 900, 900, next(answers)) == 0
    assert seen.check() == []


def test_one_after_another_does_not_age(clock: StandingClock) -> None:
    seen = OpenTransactions()
    for stable in range(0, 1_000, 10):
        assert seen.observe(INPUT, 0, stable, stable + 5, next(answers)) == 0
        clock.now += NORMAL_SECONDS


def test_what_the_broker_was_not_asked_about_again_does_not_age(clock: StandingClock) -> None:
    """A partition that is not fetched for a minute, as while its worker restores, was seen with a transaction under way."""
    seen, answer = OpenTransactions(), next(answers)
    seen.observe(INPUT, 0, 7, 8, answer)
    clock.now += 60
    assert seen.observe(INPUT, 0, 7, 8, answer) == 0
    assert seen.age_seconds(INPUT) == 0


def test_a_worker_is_not_ready_when_one_hides_what_it_should_decide_for_long(clock: StandingClock) -> None:
    registry = CollectorRegistry()
    engine = Engine(InstallationSettings(partitions=2, topic_prefix="city-"), WorkerMetrics(registry))
    one = engine._partition(1)
    one.owned = one._restored = True
    engine.observe_ends(f"city-{INPUT}", 1, 7, 9, next(answers))
    clock.now += HIDDEN_SECONDS
    engine.observe_ends(f"city-{INPUT}", 1, 7, 9, next(answers))
    is_ready, checks = engine.ready()
    assert is_ready, "its producer has a minute"
    assert checks["open_transactions"] == [{"topic": INPUT, "partition": 1, "offset": 7, "age_seconds": HIDDEN_SECONDS}]
    labels = {"topic": INPUT, "partition": "1"}
    assert registry.get_sample_value("pantau_input_open_transaction_age_seconds", labels) == HIDDEN_SECONDS
    assert registry.get_sample_value("pantau_input_last_stable_offset", labels) == 7

    clock.now += 1
    engine.observe_ends(f"city-{INPUT}", 1, 7, 9, next(answers))
    assert not engine.ready()[0]

    engine.observe_ends(f"city-{INPUT}", 1, 12, 12, next(answers))
    assert engine.ready()[0]


def test_of_a_partition_that_was_given_up_nothing_is_reported(clock: StandingClock) -> None:
    engine = Engine(InstallationSettings(partitions=2), WorkerMetrics(CollectorRegistry()))
    for number in (0, 1):
        engine.observe_ends(INPUT, number, 7, 9, next(answers))
        clock.now += NORMAL_SECONDS + 1
        engine.observe_ends(INPUT, number, 7, 9, next(answers))
    asyncio.run(engine.give_up([0]))
    assert [one.partition for one in engine._open.older_than(0)] == [1]
