"""The end offsets of topics at the broker now, written and committed, and the records between.

Records of an input after the start of an open transaction can't be read yet, so the aggregator does not know them,
though they were acknowledged to their senders.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.topics import INPUTS, KIB
from services.kit.open_transactions import OpenTransactions
from services.kit.partition_readers import Readers
from services.kit.settings import KafkaSettings

log = logging.getLogger(__name__)

WATCH_SECONDS = 2.0
FETCH_BYTES = 64 * KIB  # enough to see whether there is a record
POLL_MS = 100

Place = tuple[str, int]


class Ends(NamedTuple):
    """The end offsets of the inputs, uncommitted records included; and whether an open transaction hid some records."""

    written: dict[Place, int]
    hidden: bool


class _Looked(NamedTuple):
    """The result of a search from an offset on: the first record, or none up to an end offset."""

    first: int
    record: int | None
    end: int


class Inputs:
    """Queries the broker. Methods raise KafkaError, OSError or TimeoutError when it does not respond."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._prefix = settings.topic_prefix
        self._places = [(topic, number) for topic in INPUTS for number in range(settings.partitions)]
        self._readers = Readers(settings, FETCH_BYTES)
        self._looked: dict[Place, _Looked] = {}
        self._looking = asyncio.Lock()
        self._open = OpenTransactions()

    async def ends(self) -> Ends:
        """The end offsets of the inputs now, in all partitions: a client with another partitioner writes to any of
        them."""
        written, committed = await self._both_ends()
        return Ends(written, any(committed[place] < written[place] for place in self._places))

    async def _both_ends(self) -> tuple[dict[Place, int], dict[Place, int]]:
        # Written ends first, so that a record written between the two requests does not count as hidden.
        written = await self.written_ends(self._places)
        return written, await self._readers.ends(self._places)

    async def written_ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """The end offsets of partitions of any topic, uncommitted records included."""
        return await self._readers.ends(places, "read_uncommitted")

    async def has_records(self, place: Place, first: int, end: int) -> bool:
        """Whether there is a committed record from offset `first` on and before `end`. Transaction markers and aborted
        records have offsets too, but do not count."""
        if first >= end:
            return False
        async with self._looking:
            known = self._looked.get(place)
            if known is None or known.first != first:
                known = _Looked(first, None, first)
            if known.record is None and known.end < end:
                record = await self._first_record(place, known.end, end)
                known = self._looked[place] = _Looked(first, record, end)
        return known.record is not None and known.record < end

    async def _first_record(self, place: Place, first: int, end: int) -> int | None:
        tp = TopicPartition(self._prefix + place[0], place[1])
        async with self._readers.consumer() as consumer:
            consumer.assign([tp])
            consumer.seek(tp, first)
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=1)).get(tp, ()):
                    return int(record.offset)
        return None

    # ── watching for transactions that stay open ─────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """Check all inputs every few seconds while the block runs."""
        task = asyncio.create_task(self._watch(), name="inputs")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self._readers.close()

    def check(self) -> list[dict[str, object]]:
        """For `/readyz`: transactions that have been open for long."""
        return self._open.check()

    async def _watch(self) -> None:
        while True:
            try:
                written, committed = await self._both_ends()
                for place in self._places:
                    self._open.observe(*place, committed[place], written[place], time.monotonic())
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("the end offsets of the inputs could not be read", extra={"error": str(error)})
            await asyncio.sleep(WATCH_SECONDS)
