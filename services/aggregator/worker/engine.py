"""The engine: owns the partitions assigned to this process.

Fail stop: an error of I/O or of the engine itself is logged and ends the process at once. A supervisor restarts it, and
the next owner takes over. Nothing is lost, because only whole transactions are visible.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping
from typing import TypeVar

from schemas.topics import INPUTS
from services.aggregator.worker.metrics import WorkerMetrics
from services.aggregator.worker.partition import Partition, TransactionLimiter
from services.aggregator.worker.settings import WorkerSettings
from services.aggregator.worker.transport import Chunk
from services.kit.fail_stop import fail_stop
from services.kit.open_transactions import OpenTransactions
from services.kit.partition_readers import Readers

T = TypeVar("T")

SNAPSHOT_POLL_SECONDS = 0.1
TAKEOVER_SECONDS = 60.0
STALL_SECONDS = 60.0  # without progress on any partition, though there is lag
# Longer than a broker lets a transaction live (transaction.max.timeout.ms): this one does not end by itself.
HIDDEN_SECONDS = 60.0
# Without progress on one partition, though others make progress: with a long backlog a partition waits for its turn.
LEFT_OUT_SECONDS = 300.0


class Engine:
    """All partitions of this process."""

    def __init__(self, settings: WorkerSettings, metrics: WorkerMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._readers = Readers(settings)
        self._limiter = TransactionLimiter()
        self._partitions: dict[int, Partition] = {}
        self._open = OpenTransactions()

    def _partition(self, number: int) -> Partition:
        found = self._partitions.get(number)
        if found is None:
            found = self._partitions[number] = Partition(
                self._settings, number, self._metrics, self._readers, self._limiter
            )
        return found

    def epoch(self, partition: int) -> int:
        """Changes whenever the partition is taken over or given up."""
        return self._partition(partition).epoch

    async def take_over(self, partitions: Iterable[int]) -> Mapping[tuple[str, int], int]:
        """Become the owner of exactly these partitions. Returns the next offset to read per full topic name and
        partition.

        A takeover that takes longer than TAKEOVER_SECONDS is a fail stop: meanwhile nothing is fetched, and no other
        worker can own the partitions.
        """
        wanted = sorted(partitions)
        await self.give_up(number for number, one in self._partitions.items() if one.owned and number not in wanted)
        takeovers = asyncio.gather(*(self._partition(number).take_over() for number in wanted))
        found = await self._or_fail_stop("taking over", asyncio.wait_for(takeovers, TAKEOVER_SECONDS))
        return {
            (self._settings.topic_prefix + topic, number): offsets[topic]
            for number, offsets in zip(wanted, found, strict=True)
            for topic in INPUTS
        }

    async def give_up(self, partitions: Iterable[int]) -> None:
        """Stop owning partitions."""
        given_up = list(partitions)
        await self._or_fail_stop("giving up", asyncio.gather(*(self._partition(n).give_up() for n in given_up)))
        for number in given_up:
            self._open.forget(number)

    def observe_ends(self, topic: str, partition: int, stable: int, end: int, answer: float) -> None:
        """Record the last stable offset and the end offset of an input partition."""
        name = topic.removeprefix(self._settings.topic_prefix)
        age = self._open.observe(name, partition, stable, end, answer)
        self._metrics.stable_offset.labels(name, partition).set(stable)
        self._metrics.open_seconds.labels(name, partition).set(age)

    async def process(self, chunk: Chunk) -> None:
        """Fold a chunk of input records and write the results in one transaction."""
        topic = chunk.topic.removeprefix(self._settings.topic_prefix)
        await self._or_fail_stop("processing", self._partition(chunk.partition).process(topic, chunk))

    async def keep_snapshots(self) -> None:
        """Write snapshots that are due, until cancelled."""
        while True:
            await asyncio.sleep(SNAPSHOT_POLL_SECONDS)
            for partition in list(self._partitions.values()):
                await self._or_fail_stop("writing snapshots", partition.write_due_snapshots())

    async def watch(self) -> None:
        """Fail stop when there is lag and no progress. Liveness is progress."""
        while True:
            await asyncio.sleep(1.0)
            for partition in self._partitions.values():
                if partition.failure is not None:
                    fail_stop(f"restoring partition {partition.number}", partition.failure)
            stalled = self.stalled(time.monotonic())
            if stalled is not None:
                fail_stop(stalled)

    def stalled(self, now: float) -> str | None:
        """What makes no progress any more, as a sentence; None while all is well."""
        owned = [one for one in self._partitions.values() if one.owned]
        waiting = [one for one in owned if one.behind > 0 or not one.ready]
        if not waiting:
            return None
        idle = now - max(one.progressed_at for one in owned)
        if idle > STALL_SECONDS:
            return f"input records are waiting, and no partition made progress for {idle:.0f} seconds"
        longest = min(waiting, key=lambda one: one.progressed_at)
        idle = now - longest.progressed_at
        return (
            f"partition {longest.number} made no progress for {idle:.0f} seconds" if idle > LEFT_OUT_SECONDS else None
        )

    async def close(self) -> None:
        """Give up all partitions and close all connections."""
        await asyncio.gather(*(partition.close() for partition in self._partitions.values()))
        await self._readers.close()

    def ready(self) -> tuple[bool, dict[str, object]]:
        """Whether every owned partition is restored and no open transaction hides its records; with the details of
        /readyz."""
        owned = [partition for partition in self._partitions.values() if partition.owned]
        restored = sum(partition.ready for partition in owned)
        behind = sum(partition.behind for partition in owned)
        details: dict[str, object] = {
            "partitions": len(owned),
            "restored": restored,
            "records_behind": behind,
            "open_transactions": self._open.check(),
        }
        return bool(owned) and restored == len(owned) and not self._open.older_than(HIDDEN_SECONDS), details

    async def _or_fail_stop(self, doing: str, work: Awaitable[T]) -> T:
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            fail_stop(doing, error)
