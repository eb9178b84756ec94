"""End offsets of the topics of one partition number, and a check that no transaction hangs on the outputs."""

import asyncio
import time
from collections.abc import Iterable

from services.aggregator.worker.writer import OUTPUTS
from services.kit.partition_readers import Isolation, Readers

HANGING_SECONDS = 10.0
RETRY_SECONDS = 0.05


class HangingTransactionError(Exception):
    """A transaction is open that no producer will end."""


async def wait_for_hanging_transactions(readers: Readers, partition: int) -> None:
    """Wait until no transaction is open on the output topics. Raises HangingTransactionError after HANGING_SECONDS.

    Opening the partition's transactional id ended the former owner's transaction. One may be open all the same: Kafka
    4.3 and 4.4 forget to end a committed transaction on partitions that have no leader at that moment (KAFKA-20734).
    Its records are hidden, and the commit or abort of the next transaction would apply to them too, so nothing may be
    processed before it is ended.
    """
    deadline = time.monotonic() + HANGING_SECONDS
    while True:
        written = await ends(readers, partition, OUTPUTS, "read_uncommitted")
        committed = await ends(readers, partition, OUTPUTS)
        hanging = [
            f"{topic}-{partition} at {committed[topic]}" for topic in OUTPUTS if committed[topic] < written[topic]
        ]
        if not hanging:
            return
        if time.monotonic() > deadline:
            raise HangingTransactionError(f"a transaction hangs on {', '.join(hanging)}; see docs/operations.md")
        await asyncio.sleep(RETRY_SECONDS)


async def ends(
    readers: Readers, partition: int, topics: Iterable[str], isolation: Isolation = "read_committed"
) -> dict[str, int]:
    """The end offset of each topic (name without prefix) of one partition number, at an isolation level."""
    found = await readers.ends([(topic, partition) for topic in topics], isolation)
    return {topic: end for (topic, _), end in found.items()}
