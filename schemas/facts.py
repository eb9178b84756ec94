"""What the aggregator writes: facts (the facts log), rejects, the live snapshot, and its progress.

Content. An event's content is its JSON with normalized fields, without fields that are absent or at their default, so
that a new optional field changes no existing content. It has a public part, which is in the fact, and a private part
(schemas/private.py), which is on `facts-private`. Both are canonical JSON: keys sorted, no spaces, UTF-8 (RFC 8785, for
objects, lists, texts, integers and booleans; there are no other numbers).

Chain. A fact's value is the canonical JSON of its fields with `link` put first. `link` is the SHA-256 over the link of
the plan's previous fact (32 bytes; zeros for the first fact) and the canonical JSON of the fact without its `link`,
which includes the digest of the private part. Anyone with the public facts can recompute it.
"""

import hashlib
from datetime import date
from hashlib import blake2b
from typing import Annotated, Any, NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from schemas.private import STORED, Json, private_fields, take_private
from schemas.registry import BY_TYPE, Event
from schemas.topics import InputTopic
from schemas.vocabulary import Reason

NO_LINK = bytes(32)
"""The link before a plan's first fact."""

_ENCODE = msgspec.json.Encoder(order="sorted").encode
_LINK_CHARACTERS = len('{"link":"",') + 64


class WrittenModel(BaseModel):
    """Base of what the aggregator writes. Readers ignore fields of later versions."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Fact(WrittenModel):
    """An accepted event, in the facts log: once, with a dense number `seq` per plan, beginning at 1.

    `received_ms` is the broker's time of receipt (milliseconds since 1970, UTC); `topic`, `partition` and `offset` are
    those of the input record; `digest` is the hex digest of the content, which distinguishes a duplicate from a
    conflict; `private` is the salted digest of the private part, null where there is none; `link` is the hash chain's
    (see above); `fold` says whether figures depend on the fact; `ignored` names attributes that the sender set and that
    were not attested. The event has no private fields here.
    """

    seq: Annotated[int, Field(ge=1)]
    received_ms: int
    topic: InputTopic
    partition: int
    offset: int
    digest: str
    link: str
    fold: bool
    private: str | None = None
    ignored: tuple[str, ...] = ()
    event: Event


class UnknownFact(NamedTuple):
    """A fact of a kind that only a later version knows. `digest` and `link` as in `Fact`."""

    seq: int
    received_ms: int
    topic: str
    digest: str
    link: str
    fold: bool
    source: str
    id: str
    type: str


class NewerFactError(Exception):
    """A fact of an unknown kind on which figures depend: without it every figure could be wrong."""

    def __init__(self, fact: UnknownFact) -> None:
        super().__init__(
            f"fact {fact.seq} of {fact.source}, written by a newer version, is of the unknown type {fact.type}, and "
            "figures depend on it; update this program"
        )


class _Attributes(msgspec.Struct):
    source: str
    id: str
    type: str


class _Head(msgspec.Struct):
    seq: int
    received_ms: int
    topic: str
    digest: str
    link: str
    fold: bool
    event: _Attributes


_DECODE_HEAD = msgspec.json.Decoder(_Head).decode


def parse_fact(value: bytes) -> Fact | UnknownFact:
    """A fact of the facts log. Raises ValidationError or msgspec.ValidationError for anything else."""
    head = _DECODE_HEAD(value)
    event = head.event
    if event.type in BY_TYPE:
        return Fact.model_validate_json(value, extra="ignore", context=STORED)
    return UnknownFact(
        head.seq, head.received_ms, head.topic, head.digest, head.link, head.fold, event.source, event.id, event.type
    )


class EventContent(NamedTuple):
    """The content of an event, each part as canonical JSON; `private` is empty where there is nothing private."""

    public: bytes
    private: bytes


def canonical(value: Any) -> bytes:
    """A value as canonical JSON: keys sorted, no spaces."""
    return _ENCODE(value)


def _dumped(event: Event) -> Json:
    return event.model_dump(mode="json", exclude_defaults=True)


def written(event: Event) -> bytes:
    """The whole event as it is published: canonical, without fields at their default."""
    return canonical(_dumped(event))


def statement(event: Event) -> bytes:
    """The bytes that intake attests: the whole event without the attestation itself."""
    dumped = _dumped(event)
    dumped.pop("attestation", None)
    return canonical(dumped)


def content(event: Event) -> EventContent:
    """The content of an event whose attestation was checked. The attestation is not part of the content."""
    dumped = _dumped(event)
    dumped.pop("attestation", None)
    private = take_private(dumped["data"], private_fields(type(event.data)))
    return EventContent(canonical(dumped), canonical(private) if private else b"")


def digest(public: bytes, private_digest: str | None) -> bytes:
    """The 16-byte digest of a content: of its public part and the digest of its private part."""
    content = public + private_digest.encode() if private_digest else public
    return blake2b(content, digest_size=16).digest()


class FactRecord(NamedTuple):
    """The value of a fact's record, and its link (32 bytes)."""

    value: bytes
    link: bytes


def fact_record(
    before: bytes,
    *,
    seq: int,
    received_ms: int,
    topic: str,
    partition: int,
    offset: int,
    digest: bytes,
    public: bytes,
    private_digest: str | None = None,
    fold: bool = True,
    ignored: tuple[str, ...] = (),
) -> FactRecord:
    """A fact's record. `before`: the link of the plan's previous fact. The JSON is assembled as text, in canonical
    order, because the content is encoded already."""
    claims = b',"ignored":' + _ENCODE(ignored) if ignored else b""
    private = f',"private":"{private_digest}"' if private_digest else ""
    rest = f',"offset":{offset},"partition":{partition}{private},"received_ms":{received_ms},"seq":{seq},"topic":"{topic}"}}'
    unlinked = b'"digest":"%b","event":%b,"fold":%b%b%b' % (
        digest.hex().encode(), public, b"true" if fold else b"false", claims, rest.encode(),
    )  # fmt: skip
    link = hashlib.sha256(b"%b{%b" % (before, unlinked))
    return FactRecord(b'{"link":"%b",%b' % (link.hexdigest().encode(), unlinked), link.digest())


def link_of(before: bytes, value: bytes) -> bytes:
    """The link that the value of a fact's record must have after the link `before`."""
    return hashlib.sha256(before + b"{" + value[_LINK_CHARACTERS:]).digest()


def fact_key(plan: str, kind: str, source: str, event_id: str) -> bytes:
    """`plan/kind/source/id`."""
    return f"{plan}/{kind}{source}/{event_id}".encode()


class RejectHeaders(WrittenModel):
    """The headers of a record on `rejected`; its value is the original bytes."""

    reason: Reason
    detail: str
    topic: InputTopic
    partition: int
    offset: int
    received_ms: int
    plan: str = ""
    source: str = ""
    id: str = ""


COUNTS = (
    "programs", "reported", "realized", "verified", "weight", "weight_realized", "weight_verified", "physical",
    "spent", "budget",
)  # fmt: skip


class Snapshot(WrittenModel):
    """The live state of one plan, on `realization`: integer counts and sums per cell.

    `cells` maps a grouping to its cells, each a list in the order of `COUNTS`; weights in 1/10,000 percent, physical
    progress in 1/100 percent, money in rupiah. At most 8 KB: groupings in `omitted` did not fit.
    """

    plan: str
    seq: int
    received_ms: int
    as_of: date
    plan_version: int | None
    counts: tuple[str, ...] = COUNTS
    cells: dict[str, dict[str, tuple[int, ...]]]
    omitted: tuple[str, ...] = ()


class OutcomeCounts(WrittenModel):
    """How many records of one input topic and partition had which outcome, ever."""

    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0


class Progress(WrittenModel):
    """How far the aggregator has read one partition, and what it wrote: one record in each transaction.

    `secret` tells which secret its private digests and marks are made with (schemas/secret.py), without giving it away.
    """

    partition: int
    next_offsets: dict[InputTopic, int]
    outcomes: dict[InputTopic, OutcomeCounts]
    facts_end: int
    rejected_end: int
    private_end: int = 0
    secret: str = ""
