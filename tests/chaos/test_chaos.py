"""A short form of `make chaos`: a seeded run under faults is good, and one without a protection is not."""

from pathlib import Path

from deploy.local.broker import Broker
from tests.chaos import api_faults, mail, worker_faults
from tests.chaos.controls import CONTROLS
from tests.chaos.grounds import Ground
from tests.chaos.installation import PARTITIONS
from tests.chaos.play import Plan, play
from tests.chaos.senders import Outbox
from tests.chaos.stages import STAGES
from tests.parts.history import Letter
from tests.parts.waiting import until

SEED, EVENTS = 7, 2_500


def test_under_faults_nothing_is_lost_invented_or_counted_twice(broker: Broker, tmp_path: Path) -> None:
    faults = (worker_faults.worker_killed_in_mid_chunk, api_faults.api_killed_while_answering)
    told = play(Plan(SEED, EVENTS, STAGES["workers"], faults), Ground(broker), tmp_path, print)
    assert told.differences == []
    assert sum(told.hits.values()) >= 1


def test_without_a_protection_a_run_ends_badly(broker: Broker, tmp_path: Path) -> None:
    told = play(CONTROLS["dedupe"].plan("dedupe", SEED, EVENTS), Ground(broker), tmp_path, print)
    assert told.differences != []


def test_the_mail_of_a_seed_is_always_the_same_and_goes_both_ways() -> None:
    once, again = mail.mixed(SEED, PARTITIONS, EVENTS), mail.mixed(SEED, PARTITIONS, EVENTS)
    assert once == again
    assert EVENTS * 0.9 < len(once.direct) + len(once.by_http) < EVENTS * 1.1
    assert once.by_http
    assert mail.mixed(SEED + 1, PARTITIONS, EVENTS) != once


def test_released_mail_all_leaves_in_the_end_however_slowly() -> None:
    letters = mail.mixed(SEED, PARTITIONS, EVENTS).direct
    outbox = Outbox(letters, 0)
    left: dict[int, Letter] = {}

    def leave() -> bool:
        left.update(outbox.take(len(letters)))
        return len(left) == len(letters)

    outbox.release(0.5, 0.01)
    outbox.release(1.0, 3600)
    assert not leave()
    outbox.release(1.0, 0.01)
    until(leave)
    assert list(left.values()) == letters
