"""Records as a projection reads them, and the fingerprint by which one is recognized."""

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
    """The last record that was read of a place: its offset, and the SHA-256 (hex) of its timestamp and value.

    A fact's value contains its `link`, which depends on every earlier fact of the plan. So comparing this hash is as
    strong as comparing links, and also works for records without one. The timestamp, set by the broker or the sender,
    distinguishes records with equal values, such as rejects of the same bytes.
    """

    offset: int
    sha256: str


def record_of(place: Place, record: ConsumerRecord) -> Record:
    """Decode a fetched record. Senders choose some of the headers, so any bytes in them become text that both databases
    can store: PostgreSQL refuses U+0000, and lone surrogates are not UTF-8.
    """
    headers = {name: (value or b"").decode(errors="replace").replace("\0", "\ufffd") for name, value in record.headers}
    return Record(*place, record.offset, record.timestamp, record.key, record.value, headers)


def last_of(record: Record) -> Last:
    """The offset and fingerprint of a record."""
    digest = hashlib.sha256(b"%d %d " % (record.timestamp_ms, record.value is not None))
    digest.update(record.value or b"")
    return Last(record.offset, digest.hexdigest())
