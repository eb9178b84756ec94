"""What the aggregator writes: facts (the book), rejects, the live snapshot, and its progress."""

from datetime import date
from hashlib import blake2b
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.events import Event
from schemas.vocabulary import Reason

InputTopic = Literal["masterplans", "program-status", "evaluations"]


class Written(BaseModel):
    """Base of what the aggregator writes. Readers ignore fields of later versions."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Fact(Written):
    """An accepted event, in the book: once, with a dense number `seq` per plan, beginning at 1.

    `received_ms` is the broker's time of receipt (milliseconds since 1970, UTC); `topic`, `partition` and `offset`
    say where the mail lies; `digest` is the hex digest of the event's content, by which a duplicate is told from a
    conflict.
    """

    seq: Annotated[int, Field(ge=1)]
    received_ms: int
    topic: InputTopic
    partition: int
    offset: int
    digest: str
    event: Event


def content(event: Event) -> bytes:
    """The event as the book keeps it: normalized domain fields as JSON, always the same bytes for the same content."""
    return event.model_dump_json().encode()


def digest(content: bytes) -> bytes:
    """16 bytes that stand for a content."""
    return blake2b(content, digest_size=16).digest()


def fact_value(
    seq: int, received_ms: int, topic: str, partition: int, offset: int, digest: bytes, content: bytes
) -> bytes:
    """The value of a fact's record. Written by hand because the content is JSON already: nothing is encoded twice."""
    head = (
        f'{{"seq":{seq},"received_ms":{received_ms},"topic":"{topic}","partition":{partition},'
        f'"offset":{offset},"digest":"{digest.hex()}","event":'
    )
    return head.encode() + content + b"}"


def fact_key(plan: str, kind: str, source: str, event_id: str) -> bytes:
    """`plan/kind/source/id`."""
    return f"{plan}/{kind}{source}/{event_id}".encode()


class RejectHeaders(Written):
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


class Snapshot(Written):
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


class OutcomeCounts(Written):
    """How many records of one input topic and partition had which outcome, ever."""

    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0


class Progress(Written):
    """How far the aggregator has read one partition, and what it wrote: one record in each transaction."""

    partition: int
    next_offsets: dict[InputTopic, int]
    outcomes: dict[InputTopic, OutcomeCounts]
    facts_end: int
    rejected_end: int
