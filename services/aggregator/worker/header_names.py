"""Reads records whose headers have names that are no UTF-8.

Kafka's protocol says that names are UTF-8; neither brokers nor all clients check it, and aiokafka raises for the whole
batch: one such record would end the worker again and again. Here a name is read with U+FFFD for what is none.
"""

from collections.abc import Iterator
from typing import Any, SupportsIndex

from services.aggregator.worker.library_internals import MemoryRecords, read_fetches_with, records_in_python


def read_any_header_name() -> None:
    """Have the consumers of this process read such records."""
    read_fetches_with(_Records)


class _Records(MemoryRecords):  # type: ignore[misc]  # one of two classes, chosen where it is imported
    """What a fetch brought of a partition, batch by batch."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data, self._given = data, 0

    def next_batch(self) -> Any:
        batch = super().next_batch()
        self._given += 1
        return batch if batch is None or batch.is_control_batch else _Batch(batch, self)

    def read_slowly(self) -> Iterator[Any]:
        """The records of the batch given last, read by aiokafka's own Python."""
        return records_in_python(self._data, self._given, _Lenient)


class _Batch:
    """A batch whose records are read slowly from the first one on that can't be read at once."""

    def __init__(self, batch: Any, records: _Records) -> None:
        self._batch, self._records = batch, records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            yield from self._records.read_slowly()  # the fetcher passes over those that it has


class _Lenient(bytearray):
    """Bytes whose parts are text, whatever they are."""

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, *_: str) -> str:
        return bytes(self).decode("utf-8", "replace")
