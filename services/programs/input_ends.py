"""What the broker says of topics now: where they end, written or committed, and what lies between.

Behind a transaction that is open an input can't be read yet, so the aggregator knows nothing of what lies there, though it
was acknowledged to its sender.
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
FETCH_BYTES = 64 * KIB  # whether there is a record is all that is asked
POLL_MS = 100

Place = tuple[str, int]


class Ends(NamedTuple):
    """Where the inputs ended, written; and whether a transaction hid some of what is written."""

    written: dict[Place, int]
    hidden: bool


class _Looked(NamedTuple):
    """What was found from an offset on: the first record, or none up to an end."""

    first: int
    record: int | None
    end: int


class Inputs:
    """Asks the broker. Whatever asks raises KafkaError, OSError or TimeoutError when it does not answer."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._prefix = settings.topic_prefix
        self._places = [(topic, number) for topic in INPUTS for number in range(settings.partitions)]
        self._readers = Readers(settings, FETCH_BYTES)
        self._looked: dict[Place, _Looked] = {}
        self._looking = asyncio.Lock()
        self._open = OpenTransactions()

    async def ends(self) -> Ends:
        """Where the inputs end now, all partitions: a client that hashes keys in its own way writes to any of them."""
        written, committed = await self._both_ends()
        return Ends(written, any(committed[place] < written[place] for place in self._places))

    async def _both_ends(self) -> tuple[dict[Place, int], dict[Place, int]]:
        # Written ends first: what is written between the two questions is not taken for hidden.
        written = await self.written_ends(self._places)
        return written, await self._readers.ends(self._places)

    async def written_ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Where partitions of any topic end, what is not committed included."""
        return await self._readers.ends(places, "read_uncommitted")

    async def has_records(self, place: Place, first: int, end: int) -> bool:
        """Whether a committed record lies from offset `first` on and before `end`. Markers of transactions and what was
        aborted have offsets too, and are no records."""
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
        """Look at all inputs every few seconds while the block runs."""
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
                log.warning("the ends of the inputs are not known", extra={"error": str(error)})
            await asyncio.sleep(WATCH_SECONDS)
