"""The ledger: what was sent and what was acknowledged, on disk, outside Kafka.

A file to which lines are only added. Lines that say "this is going to be sent" are forced to the disk before any of it
is sent, and lines that say "this was acknowledged" as soon as it was; so whatever dies, nothing was sent that the
ledger does not know. Letters are numbered by those who send them.
"""

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from tests.parts.history import Letter

Way: TypeAlias = Literal["direct", "http"]


class Place(NamedTuple):
    """Where an acknowledged record lies."""

    topic: str
    partition: int
    offset: int


class Entry:
    """All that the ledger says of one letter."""

    def __init__(self, way: Way, letter: Letter) -> None:
        self.way, self.letter = way, letter
        self.attempts = 0
        self.acknowledged: list[Place] = []
        self.refused = False


class Ledger:
    """The ledger of one run, open for writing by several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")
        self._lock = threading.Lock()
        self._known: set[int] = set()

    def attempt(self, way: Way, letters: Mapping[int, Letter]) -> None:
        """Note that letters are going to be sent, once more or for the first time."""
        self._write({"attempt": number} | self._content(number, way, letter) for number, letter in letters.items())

    def acknowledge(self, places: Mapping[int, Place]) -> None:
        """Note where acknowledged letters lie."""
        self._write({"acknowledged": number, "place": place} for number, place in places.items())

    def refuse(self, numbers: Sequence[int]) -> None:
        """Note that intake refused letters for what is wrong with them."""
        self._write({"refused": number} for number in numbers)

    def close(self) -> None:
        self._file.close()

    def _content(self, number: int, way: Way, letter: Letter) -> dict[str, Any]:
        if number in self._known:
            return {}
        self._known.add(number)
        topic, partition, key, value = letter
        return {"way": way, "letter": [topic, partition, _text(key), _text(value)]}

    def _write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        if not text:
            return
        with self._lock:
            self._file.write(text)
            self._file.flush()
            os.fsync(self._file.fileno())


def read(path: Path) -> dict[int, Entry]:
    """What a ledger says, by the letters' numbers."""
    entries: dict[int, Entry] = {}
    with path.open("rb") as file:
        for line in file:
            said = json.loads(line)
            if "attempt" in said:
                if "letter" in said:
                    topic, partition, key, value = said["letter"]
                    letter = Letter(topic, partition, _bytes(key), _bytes(value))
                    entries[said["attempt"]] = Entry(said["way"], letter)
                entries[said["attempt"]].attempts += 1
            elif "acknowledged" in said:
                entries[said["acknowledged"]].acknowledged.append(Place(*said["place"]))
            else:
                entries[said["refused"]].refused = True
    return entries


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")  # each byte one character, and back


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")
