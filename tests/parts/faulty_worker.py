"""The worker with one protection taken away: `python -m tests.parts.faulty_worker <fault>`.

The tests that prove a guarantee run it to see that they fail without what guarantees it.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from schemas.facts import NO_LINK, fact_record
from schemas.secret import Secret
from services.aggregator.worker import __main__ as worker
from services.aggregator.worker import partition as partition_module
from services.aggregator.worker import restore, state, transport, writer
from services.kit import partition_readers as readers

ASKED_SECONDS = 2.0  # as long as a slow broker might take: time for the former owner to commit once more
ASKED_FIRST = "asked before opening"
APART_SECONDS = 0.2  # time to be killed in


class _NoLock:
    """Has the interface of a lock and locks nothing."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...

    @staticmethod
    def locked() -> bool:
        return False


def progress_apart() -> None:
    """Where to read on is committed after what was decided, in a transaction of its own."""
    together = writer.PartitionWriter.write

    async def apart(self: Any, to_write: Any) -> dict[str, int]:
        decided = {
            topic: messages for topic, messages in to_write.items() if topic != "aggregator-progress" and messages
        }
        ends = await together(self, decided)
        if decided:
            await self.commit()
        ends |= await together(self, {"aggregator-progress": to_write["aggregator-progress"]})
        await asyncio.sleep(APART_SECONDS)
        return ends

    writer.PartitionWriter.write = apart  # type: ignore[method-assign]  # the fault


def asks_before_opening() -> None:
    """Takeover looks for the last progress record before it opens its transactional id."""

    async def ask_then_open(self: Any) -> None:
        await self._load_progress()
        logging.getLogger(__name__).info(ASKED_FIRST, extra={"partition": self.number})
        await asyncio.sleep(ASKED_SECONDS)
        await self._writer.open()

    partition_module.Partition._open_then_load_progress = ask_then_open  # type: ignore[method-assign]  # the fault


def no_lock() -> None:
    """Transactions of one partition may overlap."""
    before = partition_module.Partition.__init__

    def without(self: Any, *args: Any, **kwargs: Any) -> None:
        before(self, *args, **kwargs)
        self._lock = _NoLock()

    partition_module.Partition.__init__ = without  # type: ignore[method-assign]  # the fault


def restore_stops_short() -> None:
    """The restore stops before the end of the facts log without an error."""
    whole = restore.restore_facts

    async def short(consumer: Any, tp: Any, position: int, take: Any, report: Any) -> int:
        facts: list[Any] = []
        reached = await whole(consumer, tp, position, lambda *fact: facts.append(fact), report)
        for fact in facts[: len(facts) // 2]:
            take(*fact)
        return reached

    partition_module.restore_facts = short  # type: ignore[attr-defined]  # the fault


def no_dedupe() -> None:
    """No identity is ever known."""
    state.PartitionState._ids = lambda *_: {}  # type: ignore[method-assign]  # the fault


def believes_every_claim() -> None:
    """A claim that the administrator sent an event counts without intake's attestation."""
    Secret.holds = lambda *_: True  # type: ignore[method-assign]  # the fault


def links_facts_to_nothing() -> None:
    """Each fact is linked as if it were its plan's first, and no restore looks at links."""
    state.fact_record = lambda _, **fields: fact_record(NO_LINK, **fields)  # type: ignore[attr-defined]  # the fault
    state.link_of = lambda _, value: bytes.fromhex(json.loads(value)["link"])  # type: ignore[attr-defined, assignment]  # the fault


def no_fencing() -> None:
    """Each process has transactional ids of its own, so that no former owner is fenced; and no takeover looks for
    open transactions, which would keep a successor out until the broker has ended it."""
    writer.PartitionWriter.transactional_id = property(  # type: ignore[assignment]  # the fault
        lambda self: f"{self._settings.topic_prefix}aggregator-{self._partition}-{os.getpid()}"
    )

    async def does_not_look(*_: Any) -> None: ...

    partition_module.wait_for_hanging_transactions = does_not_look  # type: ignore[attr-defined, assignment]  # the fault


def restores_what_is_not_committed() -> None:
    """The restore and the takeover read transactions that were aborted, or are still open."""
    reads_uncommitted(readers)


def reads_uncommitted(module: Any) -> None:
    """Have the consumers that a module makes read what is not committed."""
    before = module.AIOKafkaConsumer

    def consumer(*args: Any, **kwargs: Any) -> Any:
        return before(*args, **kwargs | {"isolation_level": "read_uncommitted"})

    module.AIOKafkaConsumer = consumer


def reads_uncommitted_records() -> None:
    """Input records of aborted and open transactions are read, too."""
    reads_uncommitted(transport)


def goes_on_after_errors() -> None:
    """A chunk that could not be written is logged, the writer opened again, and the next chunk taken."""
    before = partition_module.Partition.process

    async def process(self: Any, topic: str, chunk: Any) -> None:
        try:
            await before(self, topic, chunk)
        except Exception:
            logging.getLogger(__name__).exception("a chunk could not be written")
            await self._writer.open()

    partition_module.Partition.process = process  # type: ignore[method-assign]  # the fault


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault
    for fault in (
        progress_apart,
        asks_before_opening,
        no_lock,
        restore_stops_short,
        no_dedupe,
        believes_every_claim,
        links_facts_to_nothing,
        no_fencing,
        restores_what_is_not_committed,
        reads_uncommitted_records,
        goes_on_after_errors,
    )
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    worker.main()
