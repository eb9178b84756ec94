"""The aggregator's state of one partition: a projection of the book, kept in memory.

`fold` takes a chunk of mail and gives, record by record, its one outcome; `restore` takes facts back out of the book.
Both lead to the same state.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from realization.book import PlanBook
from realization.live import Live
from schemas.book import Fact, Snapshot, digest, fact_key, fact_value
from schemas.events import Event
from schemas.masterplan import MasterplanVersionPublished
from schemas.plans import PlanFact
from schemas.reading import Report, ReportFact
from schemas.sources import parse_source
from schemas.vocabulary import Reason
from services.aggregator.worker.decide import Rejection, read
from services.aggregator.worker.records import Message, Record

log = logging.getLogger(__name__)

DIGEST_BYTES = 16


class Refused(NamedTuple):
    """A record to be written to `rejected`, with why."""

    record: Record
    why: Rejection


@dataclass(slots=True)
class Folded:
    """What became of a chunk: facts and rejects to write, and how many records had which outcome."""

    facts: list[Message] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0

    @property
    def accepted(self) -> int:
        return len(self.facts)


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
        self.digests = bytearray()  # of every fact's content, in the order of seq
        self.expected: set[int | None] = set()  # the versions that accepted plan versions replace

    def digest(self, seq: int) -> bytearray:
        """The digest of a fact's content."""
        return self.digests[(seq - 1) * DIGEST_BYTES : seq * DIGEST_BYTES]


class GapError(Exception):
    """The book does not hold a plan's facts in the order of their numbers, none left out."""


class PartitionState:
    """Everything the aggregator must know of one partition to decide and to count."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._seqs: dict[tuple[str, str], dict[str, int]] = {}  # (topic, source) -> id -> seq of the fact
        self._plans: dict[str, _Plan] = {}
        self.changed: dict[str, None] = {}  # plans whose snapshot is not what the book says any more, in order of that

    @property
    def facts(self) -> int:
        """How many facts the book of this partition holds."""
        return sum(plan.book.seq for plan in self._plans.values())

    def fold(self, topic: str, records: Sequence[Record]) -> Folded:
        """Decide every record of a chunk, in order, and apply what is accepted."""
        folded = Folded()
        for record in records:
            try:
                outcome = self._decide(topic, record)
            except Exception as error:
                log.exception("deciding a record failed", extra={"topic": topic, "offset": record.offset})
                outcome = Rejection(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}"[:1000])
            if isinstance(outcome, Message):
                folded.facts.append(outcome)
            elif outcome is None:
                folded.duplicate += 1
            else:
                folded.refused.append(Refused(record, outcome))
                if outcome.reason is Reason.CONFLICT:
                    folded.conflict += 1
                else:
                    folded.rejected += 1
        return folded

    def _decide(self, topic: str, record: Record) -> Message | Rejection | None:
        """The fact to write for one record, or why it is refused; None is a duplicate. Whatever raises, raises before
        anything is applied."""
        letter = read(topic, self._partition, self._partitions, record)
        if isinstance(letter, Rejection):
            return letter
        plan_id, source, event_id, normalized, said = letter.plan, letter.source, letter.id, letter.content, letter.said
        content_digest = digest(normalized)
        plan = self._plan(plan_id)
        ids = self._ids(topic, source)
        known = ids.get(event_id)
        if known is not None:
            if plan.digest(known) == content_digest:
                return None
            detail = "the same source and id came before, with another content"
            return Rejection(Reason.CONFLICT, detail, plan_id, source, event_id)
        # Asked of reports first, which are nearly all: whether something is one of the models is a slow question.
        if (
            not isinstance(said, Report)
            and isinstance(said, MasterplanVersionPublished)
            and said.data.expects in plan.expected
        ):
            detail = f"another version that replaces version {said.data.expects or 'none'} came before"
            return Rejection(Reason.VERSION_CONFLICT, detail, plan_id, source, event_id)
        seq, received_ms = plan.book.seq + 1, record.received_ms
        fact = Message(
            fact_key(plan_id, letter.kind, source, event_id),
            fact_value(seq, received_ms, topic, self._partition, record.offset, content_digest, normalized),
        )
        ids[event_id] = seq
        plan.digests += content_digest
        self._apply(plan, said, seq, received_ms)
        return fact

    def restore(self, fact: ReportFact | PlanFact | Fact) -> None:
        """Take a fact of the book back into the state. Raises GapError unless it is the one after the plan's last."""
        if isinstance(fact, ReportFact):
            said: Report | PlanFact | Event = fact.report
            topic: str = fact.topic
            content_digest = fact.digest
        elif isinstance(fact, PlanFact):
            said, topic, content_digest = fact, MasterplanVersionPublished.KIND.topic, fact.digest
        else:
            said, topic, content_digest = fact.event, fact.topic, bytes.fromhex(fact.digest)
        plan = self._plan(parse_source(said.source).plan)
        if fact.seq != plan.book.seq + 1:
            raise GapError(f"after fact {plan.book.seq} of {plan.book.plan} comes fact {fact.seq}")
        self._ids(topic, said.source)[said.id] = fact.seq
        plan.digests += content_digest
        self._apply(plan, said, fact.seq, fact.received_ms)

    def _ids(self, topic: str, source: str) -> dict[str, int]:
        """The accepted events of a source by their ids, each with the seq of its fact."""
        found = self._seqs.get((topic, source))
        if found is None:
            found = self._seqs[topic, source] = {}
        return found

    def _apply(self, plan: _Plan, said: Report | PlanFact | Event, seq: int, received_ms: int) -> None:
        touched: tuple[str, ...] | None = None
        if isinstance(said, Report):
            touched = plan.book.add_report(said, seq, received_ms)
        elif isinstance(said, PlanFact):
            plan.book.add_plan(said.plan, seq, received_ms)
            plan.expected.add(said.plan.expects)
        else:
            touched = plan.book.add(_Known(seq, received_ms, said))
            if isinstance(said, MasterplanVersionPublished):
                plan.expected.add(said.data.expects)
        plan.live.touch(touched)
        self.changed.setdefault(plan.book.plan)

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
        self.changed.pop(plan, None)
        return self._plan(plan).live.snapshot()
