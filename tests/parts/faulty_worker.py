"""The worker with one protection taken away: `python -m tests.parts.faulty_worker <fault>`.

The tests that prove a guarantee run it to see that they fail without what guarantees it.
"""

import sys
from collections.abc import Callable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from services.aggregator.worker import __main__ as worker
from services.aggregator.worker import partition as partition_module
from services.aggregator.worker import state, transport, writer


class _NoLock:
    """Looks like a lock and lets everybody in."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...

    @staticmethod
    def locked() -> bool:
        return False


def faust_commits() -> None:
    """Acknowledging a chunk commits its offsets by a plain commit, as Faust's own consumer would."""

    def ack(self: Any, message: Any) -> bool:
        records = message.value.records
        tp = TopicPartition(message.topic, message.partition)
        position = {tp: OffsetAndMetadata(records[0].offset + 1, "")}  # Faust knows the offset of its message
        thread = self._thread
        thread.thread_loop.call_soon_threadsafe(
            lambda: thread.thread_loop.create_task(thread._ensure_consumer().commit(position))
        )
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    transport.ChunkConsumer.ack = ack  # type: ignore[method-assign]


def asks_before_opening() -> None:
    """Takeover reads the committed offsets before it opens its transactional id."""

    async def ask_then_open(self: Any) -> None:
        await self._ask()
        await self._writer.open()

    partition_module.Partition._open_then_ask = ask_then_open  # type: ignore[method-assign]


def no_lock() -> None:
    """Transactions of one partition may overlap."""
    before = partition_module.Partition.__init__

    def without(self: Any, *args: Any, **kwargs: Any) -> None:
        before(self, *args, **kwargs)
        self._lock = _NoLock()

    partition_module.Partition.__init__ = without  # type: ignore[method-assign]


def restore_stops_short() -> None:
    """The restore believes the book to end at half its length."""
    whole = partition_module.restore_facts

    async def half(*args: Any) -> int:
        *rest, report = args

        def stop_at_half(position: int, end: int) -> bool:
            return bool(report(position, end)) and position * 2 < end

        return await whole(*rest, stop_at_half)

    partition_module.restore_facts = half


def no_dedupe() -> None:
    """No identity is ever known."""

    class Forgetful(dict[bytes, bytes]):
        def get(self, *_: Any) -> None:  # type: ignore[override]
            return None

    before = state.PartitionState.__init__

    def without(self: Any, *args: Any) -> None:
        before(self, *args)
        self._contents = Forgetful()

    state.PartitionState.__init__ = without  # type: ignore[method-assign]


def no_fencing() -> None:
    """Each process has transactional ids of its own, so that nobody is fenced."""
    import os

    writer.PartitionWriter.transactional_id = property(  # type: ignore[assignment]
        lambda self: f"{self._settings.topic_prefix}aggregator-{self._partition}-{os.getpid()}"
    )


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault
    for fault in (faust_commits, asks_before_opening, no_lock, restore_stops_short, no_dedupe, no_fencing)
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    worker.main()
