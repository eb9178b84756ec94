from collections.abc import Mapping
from typing import Any, NamedTuple

class TP(NamedTuple):
    topic: str
    partition: int

class ConsumerMessage:
    """Its value is whatever a consumer delivers."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: Any
    value: Any

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp: float,
        timestamp_type: int,
        headers: list[tuple[str, bytes]] | Mapping[str, bytes] | None,
        key: bytes | None,
        value: object,
        checksum: bytes | None,
        serialized_key_size: int | None = None,
        serialized_value_size: int | None = None,
        tp: TP | None = None,
        time_in: float | None = None,
        time_out: float | None = None,
        time_total: float | None = None,
        generation_id: int | None = None,
    ) -> None: ...
