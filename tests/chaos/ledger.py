"""The ledger: what was sent and what was acknowledged, on disk, outside Kafka.

A file to which lines are only added. Lines that say "this is going to be sent" are forced to the disk before any of it
is sent, and lines that say "this was acknowledged" as soon as it was; so whatever dies, nothing was sent that the
ledger does not know. Senders number their records.
"""

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from tests.parts.history import RecordToSend

Way: TypeAlias = Literal["direct", "http"]


class AcknowledgedPlace(NamedTuple):
    """Where an acknowledged record lies."""

    topic: str
    partition: int
    offset: int


class Entry:
    """All that the ledger has of one record."""

    def __init__(self, way: Way, record: RecordToSend) -> None:
        self.way, self.record = way, record
        self.attempts = 0
        self.acknowledged: list[AcknowledgedPlace] = []
        self.refused = False


class Ledger:
    """The ledger of one run, open for writing by several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")
        self._lock = threading.Lock()
        self._known: set[int] = set()

    def attempt(self, way: Way, records: Mapping[int, RecordToSend]) -> None:
        """Note that records are going to be sent, once more or for the first time."""
        self._write({"attempt": number} | self._content(number, way, record) for number, record in records.items())

    def acknowledge(self, places: Mapping[int, AcknowledgedPlace]) -> None:
        """Note the offsets of acknowledged records."""
        self._write({"acknowledged": number, "place": place} for number, place in places.items())

    def refuse(self, numbers: Sequence[int]) -> None:
        """Note that intake refused records for what is wrong with them."""
        self._write({"refused": number} for number in numbers)

    def close(self) -> None:
        self._file.close()

    def _content(self, number: int, way: Way, record: RecordToSend) -> dict[str, Any]:
        if number in self._known:
            return {}
        self._known.add(number)
        topic, partition, key, value = record
        return {"way": way, "record": [topic, partition, _text(key), _text(value)]}

    def _write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        if not text:
            return
        with self._lock:
            self._file.write(text)
            self._file.flush()
            os.fsync(self._file.fileno())


def read(path: Path) -> dict[int, Entry]:
    """The entries of a ledger, by the records' numbers."""
    entries: dict[int, Entry] = {}
    with path.open("rb") as file:
        for line in file:
            entry = json.loads(line)
            if "attempt" in entry:
                if "record" in entry:
                    topic, partition, key, value = entry["record"]
                    record = RecordToSend(topic, partition, _bytes(key), _bytes(value))
                    entries[entry["attempt"]] = Entry(entry["way"], record)
                entries[entry["attempt"]].attempts += 1
            elif "acknowledged" in entry:
                entries[entry["acknowledged"]].acknowledged.append(AcknowledgedPlace(*entry["place"]))
            else:
                entries[entry["refused"]].refused = True
    return entries


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")  # each byte one character, and back


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")
