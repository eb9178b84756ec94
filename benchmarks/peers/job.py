"""The bench's job over a key-value store, record by record: the part that the peers in Python share.

Decoding and validating are our engine's own (`decide.read`), the fastest here. What a peer's framework does is
fetching, keeping state, and writing; its store holds, per plan,

    {kind}{source}/{id}    digest of an event's content, 16 bytes; after it, of a report: its claim, and the key of the
                           report on the same program that came before it
    claims/{program}       the claim that stands, and the key of the last report
    plan                   seq, counts, and the heads of the plan versions
    places/{version}       of a plan version: where each program counts, and who leads it

A report counts if its department led the program on its own date. So a new plan version may change which of all claims
on a program stands: they are read again then, from the last report to the first.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Protocol

import msgspec

from realization.future_dates import latest_date
from schemas.codec import FlatReport
from schemas.facts import NO_LINK, digest, fact_key, fact_record
from schemas.masterplan import MasterplanVersionPublished
from schemas.secret import Secret
from schemas.sources import parse_source
from schemas.vocabulary import Dimension, Reason, Status
from services.aggregator.worker.decide import DecodedEvent, Rejection, read
from services.aggregator.worker.records import InputRecord, Message

DIMENSIONS = tuple(Dimension)
OVERALL = len(DIMENSIONS)  # the place of the whole plan's counts, after those of its dimensions
PLAN = "plan"
DIGEST = 16


class Store(Protocol):
    """What a framework keeps of one plan."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...


class _Claim(msgspec.Struct, array_like=True, order=True, frozen=True):
    """Of two claims on one program that count the greater stands."""

    effective_on: int
    time_us: int
    department: str
    id: str
    realized: bool


class _ClaimLink(msgspec.Struct, array_like=True, frozen=True):
    """A claim, and the key of the report on the same program that came before it."""

    claim: _Claim
    before: str | None


class _Program(msgspec.Struct, array_like=True, frozen=True):
    """What is claimed of a program. `last`: the key of the last report on it."""

    stands: _Claim | None = None
    last: str | None = None


class _Version(msgspec.Struct, array_like=True, frozen=True):
    effective_on: int
    number: int
    expects: int | None


class _JobPlan(msgspec.Struct, array_like=True):
    seq: int = 0
    received_ms: int = 0
    in_force: int | None = None
    versions: list[_Version] = msgspec.field(default_factory=list)
    cells: list[list[int]] = msgspec.field(default_factory=lambda: [[0, 0, 0] for _ in range(OVERALL + 1)])


SECRET = Secret("of peers, which keep no private parts")

_Places = dict[str, tuple[int, str]]  # program -> where its dimension is in DIMENSIONS, lead department

_encode = msgspec.msgpack.Encoder().encode
_plan_of = msgspec.msgpack.Decoder(_JobPlan).decode
_link_of = msgspec.msgpack.Decoder(_ClaimLink).decode
_program_of = msgspec.msgpack.Decoder(_Program).decode
_places_of = lru_cache(2048)(msgspec.msgpack.Decoder(_Places).decode)


def decide(
    topic: str, partition: int, partitions: int, record: InputRecord, store_of: Callable[[str], Store]
) -> tuple[str, str, Message] | None:
    """The output for a record: the topic to write to (`facts` or `rejected`), the plan, and the message; None of a
    duplicate. `store_of` gives the store of a plan."""
    decoded = read(topic, partition, partitions, record, SECRET)
    if isinstance(decoded, Rejection):
        return _refused(topic, partition, record, decoded)
    public, private = decoded.content
    content_digest = digest(public, private.hex() or None)
    outcome = _apply(store_of(decoded.plan), decoded, content_digest, record.received_ms)
    if outcome is None:
        return None
    if isinstance(outcome, Reason):
        return _refused(topic, partition, record, Rejection(outcome, "", decoded.plan, decoded.source, decoded.id))
    # It has no links, marks or private parts: only our engine does that, beside the same work.
    value, _ = fact_record(
        NO_LINK,
        seq=outcome,
        received_ms=record.received_ms,
        topic=topic,
        partition=partition,
        offset=record.offset,
        digest=content_digest,
        public=public,
    )
    return "facts", decoded.plan, Message(fact_key(decoded.plan, decoded.kind, decoded.source, decoded.id), value)


def _refused(topic: str, partition: int, record: InputRecord, why: Rejection) -> tuple[str, str, Message]:
    headers = {"reason": why.reason.value, "topic": topic, "partition": partition, "offset": record.offset}
    written = [(name, str(value).encode()) for name, value in headers.items()]
    return "rejected", why.plan, Message(why.plan.encode() or None, record.value or b"", written)


def _apply(store: Store, decoded: DecodedEvent, content_digest: bytes, received_ms: int) -> int | Reason | None:
    """Apply an acceptable record to the state. Returns its `seq`, why it is refused nevertheless, or None of a duplicate."""
    identity = f"{decoded.kind}{decoded.source}/{decoded.id}"
    known = store.get(identity)
    if known is not None:
        return None if known[:DIGEST] == content_digest else Reason.CONFLICT
    kept = store.get(PLAN)
    plan = _JobPlan() if kept is None else _plan_of(kept)
    payload = decoded.payload
    if isinstance(payload, MasterplanVersionPublished) and any(
        one.expects == payload.data.expects for one in plan.versions
    ):
        return Reason.VERSION_CONFLICT
    plan.seq += 1
    plan.received_ms = max(plan.received_ms, received_ms)
    if isinstance(payload, MasterplanVersionPublished):
        _publish(store, plan, payload)
    else:
        _put_in_force(store, plan)
    link = _report(store, plan, payload, identity) if isinstance(payload, FlatReport) else b""
    store.put(identity, content_digest + link)
    store.put(PLAN, _encode(plan))
    return plan.seq


def _publish(store: Store, plan: _JobPlan, payload: MasterplanVersionPublished) -> None:
    data = payload.data
    places = {one.code: (DIMENSIONS.index(one.dimension), one.department) for one in data.programs}
    plan.versions.append(_Version(data.effective_from.toordinal(), data.version, data.expects))
    store.put(f"places/{data.version}", _encode(places))
    for program in {program for one in plan.versions for program in _places(store, one.number)}:
        last = _program(store, program).last
        counting = (claim for claim in _claims(store, last) if _leads(store, plan, program, claim))
        if last is not None:
            store.put(f"claims/{program}", _encode(_Program(max(counting, default=None), last)))
    _put_in_force(store, plan, anew=True)


def _put_in_force(store: Store, plan: _JobPlan, *, anew: bool = False) -> None:
    """Where a new version, or the passing of days, puts another one in force, count anew."""
    number = _version_on(plan, latest_date(plan.received_ms).toordinal())
    if number == plan.in_force and not anew:
        return
    plan.in_force, plan.cells = number, _JobPlan().cells
    for program, (dimension, _) in _places(store, number).items():
        stands = _program(store, program).stands
        for cell in (plan.cells[dimension], plan.cells[OVERALL]):
            cell[0] += 1
        if stands is not None:
            _count(plan, dimension, stands, 1)


def _version_on(plan: _JobPlan, day: int) -> int | None:
    """The number of the version in force on a day."""
    begun = [(one.effective_on, one.number) for one in plan.versions if one.effective_on <= day]
    return max(begun)[1] if begun else None


def _leads(store: Store, plan: _JobPlan, program: str, claim: _Claim) -> bool:
    """Whether the department of a claim led the program on the claim's own date."""
    place = _places(store, _version_on(plan, claim.effective_on)).get(program)
    return place is not None and place[1] == claim.department


def _program(store: Store, program: str) -> _Program:
    kept = store.get(f"claims/{program}")
    return _Program() if kept is None else _program_of(kept)


def _claims(store: Store, key: str | None) -> Iterator[_Claim]:
    """The claims on a program, from the last report to the first."""
    while key is not None:
        kept = store.get(key)
        assert kept is not None
        link = _link_of(kept[DIGEST:])
        yield link.claim
        key = link.before


def _places(store: Store, number: int | None) -> _Places:
    kept = store.get(f"places/{number}")
    return {} if kept is None else _places_of(kept)


def _report(store: Store, plan: _JobPlan, payload: FlatReport, identity: str) -> bytes:
    """Count a report. Returns what is kept of it under its identity."""
    day, department = payload.effective_on.toordinal(), parse_source(payload.source).organization
    known = _program(store, payload.program)
    before, after = (
        known.stands,
        _Claim(day, payload.time_us, department, payload.id, payload.status is Status.REALIZED),
    )
    number = _version_on(plan, day)
    places = _places(store, number)
    stands = (
        (before is None or after > before) and payload.program in places and places[payload.program][1] == department
    )
    store.put(f"claims/{payload.program}", _encode(_Program(after if stands else before, identity)))
    if number != plan.in_force:
        places = _places(store, plan.in_force)
    if stands and payload.program in places:
        dimension, _ = places[payload.program]
        if before is not None:
            _count(plan, dimension, before, -1)
        _count(plan, dimension, after, 1)
    return _encode(_ClaimLink(after, known.last))


def _count(plan: _JobPlan, dimension: int, claim: _Claim, sign: int) -> None:
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
