"""Records as they are read and as they are written."""

from collections.abc import Sequence
from typing import NamedTuple


class Record(NamedTuple):
    """A record of an input topic, as the broker gave it. `received_ms`: the broker's LogAppendTime."""

    offset: int
    received_ms: int
    key: bytes | None
    value: bytes | None


class Message(NamedTuple):
    """A record to be written."""

    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()
