"""The bench's job over a key-value store, record by record: what the peers in Python share, beside their frameworks.

Decoding and validating are our engine's own (`decide.read`), the quickest there is here. What a peer's framework does is
fetching, keeping state, and writing; its store holds, per plan,

    {kind}{source}/{id}               digest of an event's content, 16 bytes
    claims/{program}/{department}     the latest claim of that department on that program, whoever leads it
    plan                              seq, counts, and the heads of the plan versions
    places/{version}                  of a plan version: where each program counts, and who leads it
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import msgspec

from realization.receipt import latest_date
from schemas.book import digest, fact_key, fact_value
from schemas.masterplan import MasterplanVersionPublished
from schemas.reading import Report
from schemas.sources import parse_source
from schemas.vocabulary import Dimension, Reason, Status
from services.aggregator.worker.decide import Letter, Rejection, read
from services.aggregator.worker.records import Message, Record

DIMENSIONS = tuple(Dimension)
OVERALL = len(DIMENSIONS)  # the place of the whole plan's counts, after those of its dimensions
PLAN = "plan"


class Store(Protocol):
    """What a framework keeps of one plan."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...


class _Claim(msgspec.Struct, array_like=True, order=True, frozen=True):
    """Of two claims of one department on one program the greater stands."""

    effective_on: int
    time_us: int
    id: str
    realized: bool


class _Version(msgspec.Struct, array_like=True, frozen=True):
    effective_on: int
    number: int
    expects: int | None


class _Plan(msgspec.Struct, array_like=True):
    seq: int = 0
    received_ms: int = 0
    in_force: int | None = None
    versions: list[_Version] = msgspec.field(default_factory=list)
    cells: list[list[int]] = msgspec.field(default_factory=lambda: [[0, 0, 0] for _ in range(OVERALL + 1)])


_Places = dict[str, tuple[int, str]]  # program -> where its dimension is in DIMENSIONS, lead department

_encode = msgspec.msgpack.Encoder().encode
_plan_of = msgspec.msgpack.Decoder(_Plan).decode
_claim_of = msgspec.msgpack.Decoder(_Claim).decode
_places_of = lru_cache(2048)(msgspec.msgpack.Decoder(_Places).decode)


def decide(
    topic: str, partition: int, partitions: int, record: Record, store_of: Callable[[str], Store]
) -> tuple[str, str, Message] | None:
    """What becomes of a record: the topic to write to (`facts` or `rejected`), the plan, and the message; None of a
    duplicate. `store_of` gives the store of a plan."""
    letter = read(topic, partition, partitions, record)
    if isinstance(letter, Rejection):
        return _refused(topic, partition, record, letter)
    content_digest = digest(letter.content)
    outcome = _apply(store_of(letter.plan), letter, content_digest, record.received_ms)
    if outcome is None:
        return None
    if isinstance(outcome, Reason):
        return _refused(topic, partition, record, Rejection(outcome, "", letter.plan, letter.source, letter.id))
    value = fact_value(outcome, record.received_ms, topic, partition, record.offset, content_digest, letter.content)
    return "facts", letter.plan, Message(fact_key(letter.plan, letter.kind, letter.source, letter.id), value)


def _refused(topic: str, partition: int, record: Record, why: Rejection) -> tuple[str, str, Message]:
    headers = {"reason": why.reason.value, "topic": topic, "partition": partition, "offset": record.offset}
    written = [(name, str(value).encode()) for name, value in headers.items()]
    return "rejected", why.plan, Message(why.plan.encode() or None, record.value or b"", written)


def _apply(store: Store, letter: Letter, content_digest: bytes, received_ms: int) -> int | Reason | None:
    """Take good mail into the state: its `seq`, why it is refused all the same, or None of a duplicate."""
    identity = f"{letter.kind}{letter.source}/{letter.id}"
    known = store.get(identity)
    if known is not None:
        return None if known == content_digest else Reason.CONFLICT
    kept = store.get(PLAN)
    plan = _Plan() if kept is None else _plan_of(kept)
    said = letter.said
    if isinstance(said, MasterplanVersionPublished) and any(one.expects == said.data.expects for one in plan.versions):
        return Reason.VERSION_CONFLICT
    plan.seq += 1
    plan.received_ms = max(plan.received_ms, received_ms)
    if isinstance(said, MasterplanVersionPublished):
        _publish(store, plan, said)
    _put_in_force(store, plan)
    if isinstance(said, Report):
        _report(store, plan, said)
    store.put(identity, content_digest)
    store.put(PLAN, _encode(plan))
    return plan.seq


def _publish(store: Store, plan: _Plan, said: MasterplanVersionPublished) -> None:
    data = said.data
    places = {one.code: (DIMENSIONS.index(one.dimension), one.department) for one in data.programs}
    plan.versions.append(_Version(data.effective_from.toordinal(), data.version, data.expects))
    store.put(f"places/{data.version}", _encode(places))


def _put_in_force(store: Store, plan: _Plan) -> None:
    """Where a new version, or the passing of days, puts another one in force, count anew."""
    today = latest_date(plan.received_ms).toordinal()
    begun = [(one.effective_on, one.number) for one in plan.versions if one.effective_on <= today]
    number = max(begun)[1] if begun else None
    if number == plan.in_force:
        return
    plan.in_force, plan.cells = number, _Plan().cells
    for program, (dimension, lead) in _places(store, number).items():
        kept = store.get(f"claims/{program}/{lead}")
        for cell in (plan.cells[dimension], plan.cells[OVERALL]):
            cell[0] += 1
        if kept is not None:
            _count(plan, dimension, _claim_of(kept), 1)


def _places(store: Store, number: int | None) -> _Places:
    kept = store.get(f"places/{number}")
    return {} if kept is None else _places_of(kept)


def _report(store: Store, plan: _Plan, said: Report) -> None:
    office = parse_source(said.source).office
    key = f"claims/{said.program}/{office}"
    kept = store.get(key)
    before = None if kept is None else _claim_of(kept)
    after = _Claim(said.effective_on.toordinal(), said.time_us, said.id, said.status is Status.REALIZED)
    if before is not None and after < before:
        return
    store.put(key, _encode(after))
    dimension, lead = _places(store, plan.in_force).get(said.program, (OVERALL, ""))
    if lead == office:
        if before is not None:
            _count(plan, dimension, before, -1)
        _count(plan, dimension, after, 1)


def _count(plan: _Plan, dimension: int, claim: _Claim, sign: int) -> None:
    for cell in (plan.cells[dimension], plan.cells[OVERALL]):
        cell[1] += sign
        cell[2] += sign * claim.realized


def realization(name: str, store: Store) -> Message:
    """The record on `realization` of a plan that has facts."""
    kept = store.get(PLAN)
    assert kept is not None
    plan = _plan_of(kept)
    value = {
        "plan": name,
        "seq": plan.seq,
        "received_ms": plan.received_ms,
        "as_of": latest_date(plan.received_ms),
        "plan_version": plan.in_force,
        "cells": {
            "overall": {"overall": plan.cells[OVERALL]},
            "dimension": {one.value: cell for one, cell in zip(DIMENSIONS, plan.cells, strict=False) if cell[0]},
        },
    }
    return Message(name.encode(), msgspec.json.encode(value))
