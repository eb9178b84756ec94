"""Kafka records as the worker reads and writes them. Every event needs one of each, so they are msgspec structs: a
tuple takes twice the time to make, and the garbage collector tracks it."""

from collections.abc import Sequence

import msgspec


class InputRecord(msgspec.Struct, frozen=True, gc=False):
    """A record of an input topic, as fetched. `received_ms`: the broker's LogAppendTime, in milliseconds since 1970."""

    offset: int
    received_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Message(msgspec.Struct, frozen=True, gc=False):
    """A record to write. Without a value it is a tombstone."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
