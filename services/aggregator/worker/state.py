"""The aggregator's state of one partition: a projection of the book, kept in memory.

`fold` takes a chunk of mail and gives, record by record, its one outcome; `restore` takes facts back out of the book.
Both lead to the same state.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from realization.book import PlanBook
from realization.live import Live
from schemas.book import Fact, Snapshot, content, digest, fact_key, fact_value
from schemas.events import Event
from schemas.masterplan import MasterplanVersionPublished
from schemas.vocabulary import Reason
from services.aggregator.worker.decide import Record, Rejection, read

log = logging.getLogger(__name__)

DUPLICATE = "duplicate"
ACCEPTED = "accepted"


class NewFact(NamedTuple):
    """A fact to be written."""

    key: bytes
    value: bytes


class Refused(NamedTuple):
    """A record to be written to `rejected`, with why."""

    record: Record
    why: Rejection


@dataclass(slots=True)
class Folded:
    """What became of a chunk: facts and rejects to write, and how many records had which outcome."""

    facts: list[NewFact] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0


class _Known(NamedTuple):
    """What `PlanBook.add` needs of an accepted event, before it is a record in the book."""

    seq: int
    received_ms: int
    event: Event


class _Plan:
    """One plan of the partition."""

    def __init__(self, plan: str) -> None:
        self.book = PlanBook(plan)
        self.live = Live(self.book)
        self.expected: set[int | None] = set()  # the versions that accepted plan versions replace


def _identity(topic: str, event: Event) -> bytes:
    return blake2b(f"{topic}\n{event.source}\n{event.id}".encode(), digest_size=16).digest()


class PartitionState:
    """Everything the aggregator must know of one partition to decide and to count."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._contents: dict[bytes, bytes] = {}  # identity -> digest of its content
        self._plans: dict[str, _Plan] = {}
        self.changed: set[str] = set()  # plans whose snapshot is not what the book says any more

    @property
    def facts(self) -> int:
        """How many facts the book of this partition holds."""
        return len(self._contents)

    def fold(self, topic: str, records: Sequence[Record]) -> Folded:
        """Decide every record of a chunk, in order, and apply what is accepted."""
        folded = Folded()
        for record in records:
            try:
                outcome = self._decide(topic, record)
            except Exception as error:
                log.exception("deciding a record failed", extra={"topic": topic, "offset": record.offset})
                outcome = Rejection(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}"[:1000])
            if isinstance(outcome, NewFact):
                folded.facts.append(outcome)
                folded.accepted += 1
            elif outcome is None:
                folded.duplicate += 1
            else:
                folded.refused.append(Refused(record, outcome))
                if outcome.reason is Reason.CONFLICT:
                    folded.conflict += 1
                else:
                    folded.rejected += 1
        return folded

    def _decide(self, topic: str, record: Record) -> NewFact | Rejection | None:
        """The outcome of one record; None is a duplicate. Whatever raises, raises before anything is applied."""
        event = read(topic, self._partition, self._partitions, record)
        if isinstance(event, Rejection):
            return event
        normalized = content(event)
        content_digest = digest(normalized)
        identity = _identity(topic, event)
        known = self._contents.get(identity)
        if known == content_digest:
            return None
        who = (event.plan, event.source, event.id)
        if known is not None:
            return Rejection(Reason.CONFLICT, "the same source and id came before, with another content", *who)
        plan = self._plan(event.plan)
        if isinstance(event, MasterplanVersionPublished) and event.data.expects in plan.expected:
            detail = f"another version that replaces version {event.data.expects or 'none'} came before"
            return Rejection(Reason.VERSION_CONFLICT, detail, *who)
        seq = plan.book.seq + 1
        fact = NewFact(
            fact_key(event),
            fact_value(seq, record.received_ms, topic, self._partition, record.offset, content_digest, normalized),
        )
        self._apply(plan, identity, content_digest, _Known(seq, record.received_ms, event))
        return fact

    def restore(self, fact: Fact) -> None:
        """Take a fact of the book back into the state."""
        identity = _identity(fact.topic, fact.event)
        self._apply(self._plan(fact.event.plan), identity, bytes.fromhex(fact.digest), fact)

    def _apply(self, plan: _Plan, identity: bytes, content_digest: bytes, fact: Fact | _Known) -> None:
        touched = plan.book.add(fact)
        plan.live.touch(touched)
        if isinstance(fact.event, MasterplanVersionPublished):
            plan.expected.add(fact.event.data.expects)
        self._contents[identity] = content_digest
        self.changed.add(plan.book.plan)

    def _plan(self, plan: str) -> _Plan:
        found = self._plans.get(plan)
        if found is None:
            found = self._plans[plan] = _Plan(plan)
        return found

    def book(self, plan: str) -> PlanBook:
        """The book of one plan of this partition."""
        return self._plan(plan).book

    @property
    def plans(self) -> tuple[str, ...]:
        """The plans this partition has facts of."""
        return tuple(self._plans)

    def snapshot(self, plan: str) -> Snapshot:
        """The live snapshot of a plan; the plan is then no longer `changed`."""
        self.changed.discard(plan)
        return self._plan(plan).live.snapshot()
