"""Faults of the worker: killed, paused, joined by another, left alone.

What the worker says of itself (its log) and what the broker holds (open transactions) show that one hit.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.grounds import Ground
from tests.chaos.installation import PARTITIONS, Installation, Kept
from tests.chaos.open_transactions import OpenTransactions

Here = Installation[Ground]

RESTORING, TAKEN_OVER, FENCED = '"restoring"', '"partition taken over"', "Fenced"
MID_CHUNK_SECONDS = 10.0
RESTORE_SECONDS = 30.0
REBALANCE_SECONDS = 45.0


@contextmanager
def watched(installation: Here) -> Iterator[OpenTransactions]:
    """A look at the broker's open transactions."""
    transactions = OpenTransactions(installation.mailbox)
    try:
        yield transactions
    finally:
        transactions.close()


def _kill_in_a_transaction(installation: Here, worker: Kept, transactions: OpenTransactions) -> set[int]:
    """SIGKILL while a transaction seems open. The partitions on which one was."""
    installation.wait(transactions.now, MID_CHUNK_SECONDS)
    worker.running.kill()
    return transactions.now()


def worker_killed_in_mid_chunk(installation: Here) -> str | None:
    """SIGKILL between a chunk's first record and the commit: the broker is left with its open transaction."""
    worker = installation.random.choice(installation.workers)
    with watched(installation) as transactions:
        open_on = _kill_in_a_transaction(installation, worker, transactions)
    installation.until_ready(worker)
    return f"killed with open transactions on {sorted(open_on)}" if open_on else None


def worker_killed_while_restoring(installation: Here) -> str | None:
    """SIGKILL, and again while the book is being read back."""
    worker = installation.random.choice(installation.workers)
    worker.running.kill()
    starts = worker.starts
    installation.wait(lambda: worker.starts > starts and RESTORING in worker.running.said, RESTORE_SECONDS)
    worker.running.kill()
    said = worker.running.said
    restored, begun = said.count(TAKEN_OVER), said.count(RESTORING)
    installation.until_ready(worker)
    return f"killed with {restored} of {begun} restores done" if begun > restored else None


def worker_killed_just_after_a_rebalance(installation: Here) -> str | None:
    """Another worker joins; when it has its first partition, the one that gave it up is killed."""
    worker = installation.workers[0]
    other = installation.start_worker("joined")
    joined = installation.wait(lambda: RESTORING in other.running.said, REBALANCE_SECONDS)
    worker.running.kill()
    installation.until_ready(worker, other)
    other.retire()
    gone = installation.wait(lambda: not other.running.alive, RESTORE_SECONDS)
    return "killed after the other was given a partition" if joined and gone else None


def worker_joins_and_leaves(installation: Here) -> str | None:
    """A second worker comes, works, and goes in order."""
    other = installation.start_worker("guest")
    worked = installation.wait(lambda: TAKEN_OVER in other.running.said, REBALANCE_SECONDS)
    installation.wait(lambda: False, installation.random.random())
    other.retire(signal.SIGTERM)
    gone = installation.wait(lambda: not other.running.alive, RESTORE_SECONDS)
    return "joined, owned a partition, left" if worked and gone else None


def worker_paused_past_its_session(installation: Here) -> str | None:
    """SIGSTOP in a transaction until another worker owns every partition, then SIGCONT: the broker must fence it."""
    paused = installation.workers[0]
    other = installation.start_worker("relief")
    installation.until_ready(other)
    with watched(installation) as transactions:
        installation.wait(transactions.now, MID_CHUNK_SECONDS)
        paused.running.pause()
        had = other.running.said.count(TAKEN_OVER)
        owned = installation.wait(lambda: other.running.said.count(TAKEN_OVER) >= had + PARTITIONS, REBALANCE_SECONDS)
    woken, taken_over = paused.running, paused.running.said.count(TAKEN_OVER)
    woken.resume()
    told = installation.wait(lambda: not woken.alive or woken.said.count(TAKEN_OVER) > taken_over, REBALANCE_SECONDS)
    other.retire()
    installation.wait(lambda: not other.running.alive, RESTORE_SECONDS)
    installation.until_ready(paused)
    if not (owned and told):
        return None
    return "woken after another owned its partitions" + (", and was fenced" if FENCED in woken.said else "")


def worker_started_twice(installation: Here) -> str | None:
    """A second process under the name of the first, which may be in a transaction: the first must go."""
    first = installation.workers[0]
    second = installation.start_worker(first.instance)
    first.wanted = False
    gone = installation.wait(lambda: not first.running.alive, REBALANCE_SECONDS)
    first.running.kill()
    installation.until_ready(second)
    return "the first left when the second came" if gone else None
