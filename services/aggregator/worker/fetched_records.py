"""Decodes what is fetched from the inputs straight into `InputRecord`s, whatever bytes it holds.

aiokafka makes a `ConsumerRecord` of eleven fields for each record, of which five are needed here. Converting those into
`InputRecord`s took two of the nine microseconds that reading a record takes.

Kafka's protocol says that header names are UTF-8. Neither brokers nor all clients check it, and aiokafka raises for the
whole batch: one such record would end the worker again and again. Here invalid bytes in a name become U+FFFD.
"""

from collections.abc import Iterator
from typing import Any, NoReturn, SupportsIndex

from services.aggregator.worker.library_internals import (
    HookedPartitionRecords,
    MemoryRecords,
    read_fetches_with,
    records_in_python,
)
from services.aggregator.worker.records import InputRecord


def as_records(_: bytes | None) -> NoReturn:
    """Marks a consumer that gives `InputRecord`s, as its `value_deserializer`. It is never called."""
    raise AssertionError("read_as_records was not called")


def read_as_records() -> None:
    """Have the consumers of this process whose `value_deserializer` is `as_records` give `InputRecord`s."""
    read_fetches_with(_Records, _PartitionRecords)


class _PartitionRecords(HookedPartitionRecords):
    """The fetched records of one partition. aiokafka itself skips those that are not committed."""

    def as_they_are(self, batches: Any, value_deserializer: Any) -> bool:
        batches.as_records = value_deserializer is as_records
        return bool(batches.as_records)


class _Records(MemoryRecords):
    """The fetched batches of one partition."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.as_records = False
        self._data, self._given = data, 0

    def next_batch(self) -> Any:
        batch = super().next_batch()
        self._given += 1
        return batch if batch is None or batch.is_control_batch else _Batch(batch, self)

    def read_slowly(self) -> Iterator[Any]:
        """The records of the last batch returned, decoded by aiokafka's pure Python."""
        return records_in_python(self._data, self._given, _Lenient)


class _Batch:
    """A batch, decoded by the fast decoder, or by the slow one where a header name is not UTF-8."""

    def __init__(self, batch: Any, records: _Records) -> None:
        self._batch, self._records = batch, records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(self._read(self._batch))
        except UnicodeDecodeError:
            return iter(self._read(self._records.read_slowly()))

    def _read(self, batch: Any) -> list[Any]:
        if not self._records.as_records:
            return list(batch)
        return [InputRecord(each.offset, each.timestamp, each.key, each.value, each.headers) for each in batch]


class _Lenient(bytearray):
    """Bytes whose slices decode as UTF-8 with replacement characters, so that decoding never fails."""

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, *_: str) -> str:
        return bytes(self).decode("utf-8", "replace")
