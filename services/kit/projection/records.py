"""Records as a projection sees them, and what one is known by again."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import ConsumerRecord


class Place(NamedTuple):
    """A partition of a topic, named without prefix."""

    topic: str
    partition: int


class Record(NamedTuple):
    """A record of a followed topic, named without prefix. `headers` are UTF-8 text."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]


class Last(NamedTuple):
    """The last record that was read of a place: its offset, and the SHA-256 (hex) of its time and value.

    The value of a fact holds its `link`, and the link stands for every fact of the plan up to it: comparing these is
    as strong as comparing links, and does the same for records that have none. The time is the broker's or the
    sender's; it tells records with one value apart, such as rejects of the same bytes.
    """

    offset: int
    sha256: str


def record_of(place: Place, record: ConsumerRecord) -> Record:
    """A record as it was fetched, decoded. Senders choose some of the headers: whatever bytes they are, they become
    text that both databases hold. (U+0000 is the one character that PostgreSQL does not take; surrogates are no UTF-8.)
    """
    headers = {name: (value or b"").decode(errors="replace").replace("\0", "\ufffd") for name, value in record.headers}
    return Record(*place, record.offset, record.timestamp, record.key, record.value, headers)


def last_of(record: Record) -> Last:
    """What a record is known by again."""
    digest = hashlib.sha256(b"%d %d " % (record.timestamp_ms, record.value is not None))
    digest.update(record.value or b"")
    return Last(record.offset, digest.hexdigest())
