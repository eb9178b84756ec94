"""The aggregator's state of one partition: an in-memory projection of the facts log.

`fold` takes a chunk of input records and gives each its one outcome; `restore` replays facts from the log. Both lead to
the same state.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from realization.plan_facts import PlanFacts
from realization.snapshot import LiveCounts
from schemas.codec import FlatReport, ReportFact
from schemas.facts import NO_LINK, Fact, NewerFactError, Snapshot, UnknownFact, digest, fact_key, fact_record, link_of
from schemas.masterplan import MasterplanVersionPublished
from schemas.plan_versions import PlanVersionFact
from schemas.private import private_digest, private_value
from schemas.registry import ERASURE, KINDS, PLAN_VERSION, Event, handlers
from schemas.reports import PrivatePartErased
from schemas.secret import Secret
from schemas.sources import parse_source
from schemas.topics import INPUTS
from schemas.vocabulary import Reason
from services.aggregator.worker.decide import DecodedEvent, Rejection, read
from services.aggregator.worker.records import InputRecord, Message

log = logging.getLogger(__name__)

DIGEST_BYTES = 16

KINDS_WITH_PRIVATE_PARTS: dict[str, tuple[str, ...]] = {
    topic: tuple(kind.name for kind in KINDS if kind.topic == topic and kind.private) for topic in INPUTS
}
"""By input topic. A private part's key names the kind of its event, which the state does not keep for each fact."""


class RefusedRecord(NamedTuple):
    """A record to write to `rejected`, with the reason."""

    record: InputRecord
    why: Rejection


@dataclass(slots=True)
class Folded:
    """The result of folding a chunk: facts, private parts and rejects to write, and the number of records by
    outcome."""

    facts: list[Message] = field(default_factory=list)
    private: list[Message] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0

    @property
    def accepted(self) -> int:
        return len(self.facts)


class _AcceptedEvent(NamedTuple):
    """What `PlanFacts.add` needs of an accepted event, before it is a record of the facts log."""

    seq: int
    received_ms: int
    event: Event


class _PartitionPlan:
    """One plan of the partition."""

    def __init__(self, plan: str) -> None:
        self.plan_facts = PlanFacts(plan)
        self.live = LiveCounts(self.plan_facts)
        self.link = NO_LINK  # of the last fact
        self.digests = bytearray()  # of every fact's content, in the order of seq
        self.erased: set[tuple[str, str]] = set()  # source and id of facts whose private part is not kept
        self.expected: set[int | None] = set()  # the versions that accepted plan versions replace

    def digest(self, seq: int) -> bytearray:
        """The digest of a fact's content."""
        return self.digests[(seq - 1) * DIGEST_BYTES : seq * DIGEST_BYTES]


def _replaced(plan: _PartitionPlan, event: MasterplanVersionPublished) -> None:
    plan.expected.add(event.data.expects)


def _erased(plan: _PartitionPlan, event: PrivatePartErased) -> None:
    plan.erased.add((event.data.source, event.data.id))


_REMEMBERED: dict[str, Callable[[_PartitionPlan, Any], None]] = handlers(
    "the worker's state beside the fold",
    (kind for kind in KINDS if kind.replaces or kind.erases),
    {PLAN_VERSION: _replaced, ERASURE: _erased},
)


class GapError(Exception):
    """The facts log does not hold a plan's facts by consecutive `seq`."""


class ChainError(Exception):
    """The facts log was altered: a fact's link does not follow from the facts before it."""


class PartitionState:
    """Everything the aggregator must know of one partition to decide and to count."""

    def __init__(self, partition: int, partitions: int, secret: Secret) -> None:
        self._partition = partition
        self._partitions = partitions
        self._secret = secret
        self._seqs: dict[tuple[str, str], dict[str, int]] = {}  # (topic, source) -> id -> seq of the fact
        self._plans: dict[str, _PartitionPlan] = {}
        self.changed: dict[str, None] = {}  # plans whose snapshot is out of date, oldest change first

    @property
    def facts(self) -> int:
        """How many facts of this partition are in the state."""
        return sum(plan.plan_facts.seq for plan in self._plans.values())

    def fold(self, topic: str, records: Sequence[InputRecord]) -> Folded:
        """Decide every record of a chunk, in order, and apply what is accepted.

        A record that can't be decoded is rejected. Any later exception is a defect and is raised: part of the record
        may already be in the state, which must not be used again.
        """
        folded = Folded()
        for record in records:
            decoded = self._decode(topic, record)
            outcome = decoded if isinstance(decoded, Rejection) else self._decide(topic, record, decoded, folded)
            if outcome is None:
                continue
            folded.refused.append(RefusedRecord(record, outcome))
            if outcome.reason is Reason.CONFLICT:
                folded.conflict += 1
            else:
                folded.rejected += 1
        return folded

    def _decode(self, topic: str, record: InputRecord) -> DecodedEvent | Rejection:
        try:
            return read(topic, self._partition, self._partitions, record, self._secret)
        except Exception as error:
            log.exception("a record could not be decoded", extra={"topic": topic, "offset": record.offset})
            return Rejection(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}"[:1000])

    def _decide(self, topic: str, record: InputRecord, decoded: DecodedEvent, folded: Folded) -> Rejection | None:
        """Accept an event into `folded` and the state, or count it as a duplicate, or return why it is refused."""
        plan_id, source, event_id, payload = decoded.plan, decoded.source, decoded.id, decoded.payload
        public, private = decoded.content
        key = fact_key(plan_id, decoded.kind, source, event_id)
        salt = self._secret.salt(key) if private else b""
        of_private = private_digest(salt, private) if private else None
        content_digest = digest(public, of_private)
        plan = self._plan(plan_id)
        ids = self._ids(topic, source)
        known = ids.get(event_id)
        if known is not None:
            if plan.digest(known) == content_digest:
                folded.duplicate += 1
                return None
            detail = "an event with this source and id, but with other content, was accepted before"
            return Rejection(Reason.CONFLICT, detail, plan_id, source, event_id)
        # Reports, nearly all records, are excluded first: `isinstance` with a model is slow.
        if (
            not isinstance(payload, FlatReport)
            and isinstance(payload, MasterplanVersionPublished)
            and payload.data.expects in plan.expected
        ):
            detail = f"another plan version that replaces version {payload.data.expects or 'none'} was accepted before"
            return Rejection(Reason.VERSION_CONFLICT, detail, plan_id, source, event_id)
        seq, received_ms = plan.plan_facts.seq + 1, record.received_ms
        value, link = fact_record(
            plan.link,
            seq=seq,
            received_ms=received_ms,
            topic=topic,
            partition=self._partition,
            offset=record.offset,
            digest=content_digest,
            public=public,
            private_digest=of_private,
            fold=decoded.fold,
            ignored=decoded.ignored,
        )
        ids[event_id] = seq
        plan.digests += content_digest
        plan.link = link
        folded.facts.append(Message(key, value))
        if isinstance(payload, PrivatePartErased):
            folded.private.extend(self._tombstones(plan_id, payload.data.source, payload.data.id))
        self._apply(plan, payload, seq, received_ms)
        if private and (source, event_id) not in plan.erased:
            folded.private.append(Message(key, private_value(salt, private)))
        return None

    def _tombstones(self, plan: str, source: str, event_id: str) -> Iterator[Message]:
        """The tombstones that erase the private parts of the facts with this source and id."""
        for topic, kinds in KINDS_WITH_PRIVATE_PARTS.items():
            if event_id in self._ids(topic, source):
                for kind in kinds:
                    yield Message(fact_key(plan, kind, source, event_id), None)

    def restore(self, fact: ReportFact | PlanVersionFact | Fact | UnknownFact, value: bytes) -> None:
        """Replay a fact of the facts log into the state. `value` is its record's value.

        Raises GapError unless its `seq` is the next of its plan, ChainError where its link does not follow from the
        last one, NewerFactError for a kind that this version does not know and that figures depend on.
        """
        if isinstance(fact, ReportFact):
            payload: FlatReport | PlanVersionFact | Event | None = fact.report
            topic: str = fact.topic
            source, event_id, content_digest = fact.report.source, fact.report.id, fact.digest
        elif isinstance(fact, PlanVersionFact):
            payload, topic, content_digest = fact, PLAN_VERSION.topic, fact.digest
            source, event_id = fact.source, fact.id
        elif isinstance(fact, Fact):
            payload, topic, content_digest = fact.event, fact.topic, bytes.fromhex(fact.digest)
            source, event_id = fact.event.source, fact.event.id
        else:
            if fact.fold:
                raise NewerFactError(fact)
            payload, topic, content_digest = None, fact.topic, bytes.fromhex(fact.digest)
            source, event_id = fact.source, fact.id
        plan = self._plan(parse_source(source).plan)
        if fact.seq != plan.plan_facts.seq + 1:
            raise GapError(f"after fact {plan.plan_facts.seq} of {plan.plan_facts.plan} comes fact {fact.seq}")
        link = link_of(plan.link, value)
        if link.hex() != fact.link:
            raise ChainError(
                f"fact {fact.seq} of {plan.plan_facts.plan} was altered: its link does not follow from the facts before it"
            )
        self._ids(topic, source)[event_id] = fact.seq
        plan.digests += content_digest
        plan.link = link
        self._apply(plan, payload, fact.seq, fact.received_ms)

    def _ids(self, topic: str, source: str) -> dict[str, int]:
        """The accepted events of a source by their ids, each with the seq of its fact."""
        found = self._seqs.get((topic, source))
        if found is None:
            found = self._seqs[topic, source] = {}
        return found

    def _apply(
        self, plan: _PartitionPlan, payload: FlatReport | PlanVersionFact | Event | None, seq: int, received_ms: int
    ) -> None:
        touched: tuple[str, ...] | None = None
        if isinstance(payload, FlatReport):
            touched = plan.plan_facts.add_report(payload, seq, received_ms)
        elif isinstance(payload, PlanVersionFact):
            plan.plan_facts.add_plan(payload.plan, seq, received_ms)
            plan.expected.add(payload.plan.expects)
        elif payload is None:
            plan.plan_facts.skip(seq, received_ms)
            touched = ()
        else:
            touched = plan.plan_facts.add(_AcceptedEvent(seq, received_ms, payload))
            remember = _REMEMBERED.get(payload.type)
            if remember is not None:
                remember(plan, payload)
        plan.live.touch(touched)
        self.changed.setdefault(plan.plan_facts.plan)

    def _plan(self, plan: str) -> _PartitionPlan:
        found = self._plans.get(plan)
        if found is None:
            found = self._plans[plan] = _PartitionPlan(plan)
        return found

    def plan_facts(self, plan: str) -> PlanFacts:
        """The facts of one plan of this partition."""
        return self._plan(plan).plan_facts

    @property
    def plans(self) -> tuple[str, ...]:
        """The plans of which the state has facts."""
        return tuple(self._plans)

    def snapshot(self, plan: str) -> Snapshot:
        """The live snapshot of a plan, which is then no longer in `changed`."""
        self.changed.pop(plan, None)
        return self._plan(plan).live.snapshot()
