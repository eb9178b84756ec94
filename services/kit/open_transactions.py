"""Transactions that are open on topics read `read_committed`: whatever lies behind the first of them can't be read yet.

The broker names two ends of a partition. Before the last stable offset everything is decided; the high watermark is where
the log ends. Between the two lies a transaction that is open, and what anyone wrote after its first record. That is so
for milliseconds while a transaction is under way, and for long when its producer died, until the broker times it out.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

NORMAL_SECONDS = 2.0  # for which a transaction may be open before it is worth a word


class OpenTransaction(NamedTuple):
    """A transaction by the offset of its first record, and for how long we have seen it open."""

    topic: str
    partition: int
    offset: int
    age_seconds: float


class _Seen(NamedTuple):
    offset: int
    since: float
    until: float  # the last answer in which it was open, not now: a partition that is not asked about does not age
    answer: float


class OpenTransactions:
    """The oldest open transaction of each partition, by what the broker answered. May be asked from any thread."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], _Seen] = {}

    def observe(self, topic: str, partition: int, stable: int, end: int, answer: float) -> float:
        """Note the two ends of a partition. `answer` tells answers apart: one that is noted twice is no news.

        Returns for how many seconds a transaction has been open there; 0 when none is.
        """
        place, now = (topic, partition), time.monotonic()
        if stable >= end:
            self._seen.pop(place, None)
            return 0.0
        seen = self._seen.get(place)
        if seen is None or seen.offset != stable:
            seen = _Seen(stable, now, now, answer)
        elif seen.answer != answer:
            seen = seen._replace(until=now, answer=answer)
        self._seen[place] = seen
        return seen.until - seen.since

    def forget(self, partition: int) -> None:
        """Forget a partition number of all topics."""
        for place in [place for place in self._seen if place[1] == partition]:
            self._seen.pop(place, None)

    def age_seconds(self, topic: str) -> float:
        """For how long the oldest of a topic has been open; 0 when none is."""
        return max((one.age_seconds for one in self._all() if one.topic == topic), default=0.0)

    def older_than(self, seconds: float) -> list[OpenTransaction]:
        """Those that have been open for longer, the oldest first."""
        found = [one for one in self._all() if one.age_seconds > seconds]
        return sorted(found, key=lambda one: -one.age_seconds)

    def check(self) -> list[dict[str, object]]:
        """For `/readyz`: those that are open for longer than a transaction takes."""
        return [one._asdict() | {"age_seconds": round(one.age_seconds)} for one in self.older_than(NORMAL_SECONDS)]

    def _all(self) -> Iterator[OpenTransaction]:
        for (topic, partition), seen in list(self._seen.items()):
            yield OpenTransaction(topic, partition, seen.offset, seen.until - seen.since)
