"""What a fetch of the inputs brings, as `Record`s: each is made once, and none can stop the reading.

aiokafka makes a `ConsumerRecord` of eleven fields for each record, of which five are needed here; a chunk of those was
then made into `Record`s. That is two of every nine microseconds that reading costs.

Kafka's protocol says that the names of headers are UTF-8; neither brokers nor all clients check it, and aiokafka raises
for the whole batch: one such record would end the worker again and again. Here a name is read with U+FFFD for what is
none.
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
    """The `value_deserializer` of a consumer that gives `Record`s. It names the wish and is never called."""
    raise AssertionError("read_as_records was not called")


def read_as_records() -> None:
    """Have the consumers of this process that ask for it (`as_records`) give `Record`s."""
    read_fetches_with(_Records, _PartitionRecords)


class _PartitionRecords(HookedPartitionRecords):
    """The records of one partition; which of them are committed aiokafka knows."""

    def as_they_are(self, batches: Any, value_deserializer: Any) -> bool:
        batches.as_records = value_deserializer is as_records
        return bool(batches.as_records)


class _Records(MemoryRecords):
    """What a fetch brought of a partition, batch by batch."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.as_records = False
        self._data, self._given = data, 0

    def next_batch(self) -> Any:
        batch = super().next_batch()
        self._given += 1
        return batch if batch is None or batch.is_control_batch else _Batch(batch, self)

    def read_slowly(self) -> Iterator[Any]:
        """The records of the batch given last, read by aiokafka's own Python."""
        return records_in_python(self._data, self._given, _Lenient)


class _Batch:
    """A batch, read at once; where that can't be done, slowly."""

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
    """Bytes whose parts are text, whatever they are."""

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, *_: str) -> str:
        return bytes(self).decode("utf-8", "replace")
