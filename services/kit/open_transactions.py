"""Open transactions on topics read `read_committed`, which hide every record after their first one.

A partition has two end offsets. Up to the last stable offset all transactions are committed or aborted; the high
watermark is the end of the log. Where they differ, a transaction is open: for milliseconds in normal operation, or for
long when its producer died, until the broker times it out.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

NORMAL_SECONDS = 2.0  # for which a transaction may be open before `/readyz` reports it


class OpenTransaction(NamedTuple):
    """An open transaction: the offset of its first record, and how long this process has seen it open."""

    topic: str
    partition: int
    offset: int
    age_seconds: float


class _Seen(NamedTuple):
    offset: int
    since: float
    until: float  # time of the last response that showed it open: a partition that is not fetched does not age
    answer: float


class OpenTransactions:
    """The oldest open transaction of each partition, from the broker's responses. Can be read from any thread."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], _Seen] = {}

    def observe(self, topic: str, partition: int, stable: int, end: int, answer: float) -> float:
        """Record the two end offsets of a partition. `answer` is the time of the broker's response; the same response
        counts once.

        Returns how many seconds a transaction has been open there; 0 when none is.
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
        """How many seconds the oldest open transaction of a topic has been open; 0 when none is."""
        return max((one.age_seconds for one in self._all() if one.topic == topic), default=0.0)

    def older_than(self, seconds: float) -> list[OpenTransaction]:
        """The transactions open for longer than this, oldest first."""
        found = [one for one in self._all() if one.age_seconds > seconds]
        return sorted(found, key=lambda one: -one.age_seconds)

    def check(self) -> list[dict[str, object]]:
        """For `/readyz`: the transactions open for longer than NORMAL_SECONDS."""
        return [one._asdict() | {"age_seconds": round(one.age_seconds)} for one in self.older_than(NORMAL_SECONDS)]

    def _all(self) -> Iterator[OpenTransaction]:
        for (topic, partition), seen in list(self._seen.items()):
            yield OpenTransaction(topic, partition, seen.offset, seen.until - seen.since)
