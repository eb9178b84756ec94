"""Records as they are read and as they are written. Of each event there is one of either: hence no tuples, which take
twice the time to make, and the collector's."""

from collections.abc import Sequence

import msgspec


class InputRecord(msgspec.Struct, frozen=True, gc=False):
    """A record of an input topic, as the broker gave it. `received_ms`: the broker's LogAppendTime."""

    offset: int
    received_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Message(msgspec.Struct, frozen=True, gc=False):
    """A record to be written. No value: a tombstone."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
