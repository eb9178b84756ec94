from collections.abc import Callable, Iterator, Sequence
from typing import Any

from aiokafka.record import memory_records
from aiokafka.structs import TopicPartition

MemoryRecords: type[memory_records.MemoryRecords]

class PartitionRecords:
    _consumer_record: Callable[[TopicPartition, Any], Any]
    _records_iterator: Iterator[Any] | None
    _value_deserializer: Callable[[bytes | None], Any] | None

    def __init__(
        self,
        tp: TopicPartition,
        records: memory_records.MemoryRecords,
        aborted_transactions: Sequence[Any],
        fetch_offset: int,
        key_deserializer: None,
        value_deserializer: Callable[[bytes | None], Any] | None,
        check_crcs: bool,
        isolation_level: int,
    ) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...
