"""Faults of the worker: killed, paused, joined by another, which then goes.

What the worker logs and what the broker holds (open transactions) show that one hit.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import PARTITIONS, ChaosInstallation, KeptProcess
from tests.chaos.open_transactions import OpenFactsTransactions
from tests.parts.faulty_worker import ASKED_FIRST
from tests.parts.processes import Running

Here = ChaosInstallation[RunEnvironment]

RESTORING, TAKEN_OVER, FENCED, REBALANCING = (
    '"restoring"',
    '"partition taken over"',
    "Fenced",
    "because it is rebalancing",
)
MID_CHUNK_SECONDS = 20.0
RESTORE_SECONDS = 30.0
STILL_SECONDS = 1.0  # for which a transaction must stay open to be a paused worker's: others end sooner
REBALANCE_SECONDS = 30.0
HIDDEN_RECORDS = 500


@contextmanager
def watched(installation: Here) -> Iterator[OpenFactsTransactions]:
    """A look at the broker's open transactions."""
    transactions = OpenFactsTransactions(installation.kafka_topics)
    try:
        yield transactions
    finally:
        transactions.close()


def _pause_in_a_transaction(installation: Here, worker: KeptProcess, transactions: OpenFactsTransactions) -> set[int]:
    """Pause a worker again and again, until it is paused in a transaction. The partitions on which one stays open."""
    still = set[int]()

    def paused() -> bool:
        worker.running.pause()
        still.update(transactions.now())
        if not still or installation.wait(ended, STILL_SECONDS):
            worker.running.resume()
        return bool(still)

    def ended() -> bool:
        still.intersection_update(transactions.now())
        return not still

    installation.wait(paused, MID_CHUNK_SECONDS)
    return still


def worker_killed_in_mid_chunk(installation: Here) -> str | None:
    """SIGKILL between a chunk's first record and the commit: the broker is left with its open transaction."""
    worker = installation.random.choice(installation.workers)
    with watched(installation) as transactions:
        _pause_in_a_transaction(installation, worker, transactions)
        worker.running.kill()
        open_on = transactions.now()
    installation.until_ready(worker)
    return f"killed with open transactions on {sorted(open_on)}" if open_on else None


def worker_killed_while_restoring(installation: Here) -> str | None:
    """SIGKILL, and again while the facts log is being read back."""
    worker = installation.random.choice(installation.workers)
    worker.running.kill()
    starts = worker.starts
    installation.wait(lambda: worker.starts > starts and RESTORING in worker.running.output, RESTORE_SECONDS)
    worker.running.kill()
    output = worker.running.output
    restored, begun = output.count(TAKEN_OVER), output.count(RESTORING)
    installation.until_ready(worker)
    return f"killed with {restored} of {begun} restores done" if begun > restored else None


def worker_killed_just_after_a_rebalance(installation: Here) -> str | None:
    """Another worker joins; when it has its first partition, the one that gave it up is killed."""
    worker = installation.workers[0]
    other = installation.start_worker("joined")
    joined = installation.wait(lambda: RESTORING in other.running.output, REBALANCE_SECONDS)
    worker.running.kill()
    installation.until_ready(worker, other)
    other.retire()
    gone = installation.wait(lambda: not other.running.alive, RESTORE_SECONDS)
    return "killed after the other was given a partition" if joined and gone else None


def worker_joins_and_leaves(installation: Here) -> str | None:
    """A second worker comes, works, and goes in order."""
    other = installation.start_worker("guest")
    worked = installation.wait(lambda: TAKEN_OVER in other.running.output, REBALANCE_SECONDS)
    installation.wait(lambda: False, installation.random.random())
    other.retire(signal.SIGTERM)
    gone = installation.wait(lambda: not other.running.alive, RESTORE_SECONDS)
    return "joined, owned a partition, stopped" if worked and gone else None


def worker_paused_past_its_session(installation: Here) -> str | None:
    """SIGSTOP in a transaction until another worker owns every partition, then SIGCONT: the broker must fence it."""
    woken, fenced = _paused(
        installation, lambda relief, had: relief.count(TAKEN_OVER) >= had.count(TAKEN_OVER) + PARTITIONS
    )
    if not fenced:
        return None
    return "woken after another owned its partitions" + (", and was fenced" if FENCED in woken.output else "")


def worker_woken_in_the_middle_of_a_takeover(installation: Here) -> str | None:
    """SIGSTOP in a transaction, and SIGCONT when another worker begins to take over: both want its partitions."""
    woken, fenced = _paused(installation, lambda relief, had: relief.count(REBALANCING) > had.count(REBALANCING))
    if not fenced:
        return None
    return "woken while another took its partitions over" + (", and was fenced" if FENCED in woken.output else "")


def worker_woken_when_another_has_asked_before_opening(installation: Here) -> str | None:
    """SIGSTOP in a transaction, and SIGCONT when another has asked for all end offsets, and has opened no transactional id yet.

    Only for workers that do it in this order: `asks_before_opening` in tests.parts.faulty_worker.
    """
    _, fenced = _paused(
        installation, lambda relief, had: relief.count(ASKED_FIRST) >= had.count(ASKED_FIRST) + PARTITIONS
    )
    return "resumed after another had asked for offsets and before it opened the transactional id" if fenced else None


def _paused(installation: Here, enough: Callable[[str, str], bool]) -> tuple[Running, bool]:
    """Pause a worker beside another until `enough` is true of what the other has logged now and before.

    Returns the process that was paused, and whether all came about: it was in a transaction, lost its
    partitions, and learned of it when it was resumed.
    """
    paused = installation.workers[0]
    relief = installation.start_worker("relief")
    installation.until_ready(relief)
    with watched(installation) as transactions:
        held = bool(_pause_in_a_transaction(installation, paused, transactions))
    had = relief.running.output
    moved = held and installation.wait(lambda: enough(relief.running.output, had), REBALANCE_SECONDS)
    woken, owned = paused.running, paused.running.output.count(TAKEN_OVER)
    woken.resume()
    fenced = moved and installation.wait(
        lambda: not woken.alive or woken.output.count(TAKEN_OVER) > owned, REBALANCE_SECONDS
    )
    relief.retire()
    installation.wait(lambda: not relief.running.alive, RESTORE_SECONDS)
    installation.until_ready(paused)
    return woken, fenced


def worker_started_twice(installation: Here) -> str | None:
    """A second process under the name of the first, which may be in a transaction: the first must exit."""
    first = installation.workers[0]
    second = installation.start_worker(first.instance)
    first.wanted = False
    gone = installation.wait(lambda: not first.running.alive, REBALANCE_SECONDS)
    first.running.kill()
    installation.until_ready(second)
    return "the first exited when the second joined" if gone else None


def writer_fenced_by_a_stranger(installation: Here) -> str | None:
    """Another producer opens the transactional id of a partition, which fences its owner, and writes nothing."""
    kafka_topics = installation.kafka_topics
    workers = installation.workers
    started = {worker: worker.starts for worker in workers}
    transactional_id = f"{kafka_topics.prefix}aggregator-{installation.random.randrange(PARTITIONS)}"
    with KafkaProducer(
        **client_options(KafkaSettings(kafka=kafka_topics.bootstrap)),
        transactional_id=transactional_id,
        metrics_enabled=False,
    ) as stranger:
        fenced = [worker.running for worker in workers]
        stranger.init_transactions()
        exited = installation.wait(
            lambda: any(worker.starts > started[worker] for worker in workers), REBALANCE_SECONDS
        )
    installation.until_ready()
    return (
        "its owner was fenced, and exited" if exited and any(FENCED in running.output for running in fenced) else None
    )


def input_hidden_by_a_stranger(installation: Here) -> str | None:
    """Another producer holds a transaction open on an input topic and aborts it later: meanwhile no record after it can be read."""
    kafka_topics = installation.kafka_topics
    options = client_options(KafkaSettings(kafka=kafka_topics.bootstrap))
    tp = TopicPartition(f"{kafka_topics.prefix}program-status", installation.random.randrange(PARTITIONS))
    with (
        KafkaProducer(**options, transactional_id=f"{kafka_topics.prefix}stranger", metrics_enabled=False) as stranger,
        KafkaConsumer(**options, metrics_enabled=False, enable_auto_commit=False) as every,
        KafkaConsumer(
            **options, isolation_level="read_committed", metrics_enabled=False, enable_auto_commit=False
        ) as committed,
    ):
        stranger.init_transactions()
        stranger.begin_transaction()
        open_at = stranger.send(tp.topic, b"never to be read", partition=tp.partition).get(REBALANCE_SECONDS).offset

        def behind() -> int:
            return int(every.end_offsets([tp])[tp]) - open_at - 1

        hidden = installation.wait(lambda: behind() >= HIDDEN_RECORDS, REBALANCE_SECONDS)
        hidden = hidden and int(committed.end_offsets([tp])[tp]) == open_at
        records = behind()
        stranger.abort_transaction()
        readable = installation.wait(lambda: int(committed.end_offsets([tp])[tp]) > open_at, REBALANCE_SECONDS)
    return f"{records} records lay after it" if hidden and readable else None
