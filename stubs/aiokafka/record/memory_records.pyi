from collections.abc import Iterable
from typing import Protocol

from aiokafka.structs import ConsumerRecord

class Batch(Iterable[ConsumerRecord], Protocol):
    """A batch of records; aiokafka has one class of them in C and one in Python."""

    @property
    def is_control_batch(self) -> bool: ...

class MemoryRecords:
    """What a fetch brought of a partition; in C where aiokafka was built with it."""

    def __init__(self, bytes_data: bytes) -> None: ...
    def next_batch(self) -> Batch | None: ...

class _MemoryRecordsPy:
    _next_slice: memoryview | None

    def __init__(self, bytes_data: bytes) -> None: ...
    def next_batch(self) -> Batch | None: ...
