"""A short form of `make chaos`: a seeded run under faults is good, and one without a protection is not."""

from pathlib import Path

from deploy.local.broker import Broker
from tests.chaos import api_faults, run_records, worker_faults
from tests.chaos.controls import CONTROLS
from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import PARTITIONS
from tests.chaos.run import RunPlan, play
from tests.chaos.senders import Outbox
from tests.chaos.stages import STAGES
from tests.parts.history import RecordToSend
from tests.parts.waiting import until

SEED, EVENTS = 7, 2_500


def test_under_faults_nothing_is_lost_invented_or_counted_twice(broker: Broker, tmp_path: Path) -> None:
    faults = (worker_faults.worker_killed_in_mid_chunk, api_faults.api_killed_while_answering)
    result = play(RunPlan(SEED, EVENTS, STAGES["workers"], faults), RunEnvironment(broker), tmp_path, print)
    assert result.differences == []
    assert sum(result.hits.values()) >= 1


def test_without_a_protection_a_run_ends_badly(broker: Broker, tmp_path: Path) -> None:
    result = play(CONTROLS["dedupe"].plan("dedupe", SEED, EVENTS), RunEnvironment(broker), tmp_path, print)
    assert result.differences != []


def test_the_records_of_a_seed_are_always_the_same_and_go_both_ways() -> None:
    once, again = run_records.mixed(SEED, PARTITIONS, EVENTS), run_records.mixed(SEED, PARTITIONS, EVENTS)
    assert once == again
    assert EVENTS * 0.9 < len(once.direct) + len(once.by_http) < EVENTS * 1.1
    assert once.by_http
    assert run_records.mixed(SEED + 1, PARTITIONS, EVENTS) != once


def test_all_released_records_are_sent_in_the_end_however_slowly() -> None:
    records = run_records.mixed(SEED, PARTITIONS, EVENTS).direct
    outbox = Outbox(records, 0)
    left: dict[int, RecordToSend] = {}

    def fail_stop() -> bool:
        left.update(outbox.take(len(records)))
        return len(left) == len(records)

    outbox.release(0.5, 0.01)
    outbox.release(1.0, 3600)
    assert not fail_stop()
    outbox.release(1.0, 0.01)
    until(fail_stop)
    assert list(left.values()) == records
