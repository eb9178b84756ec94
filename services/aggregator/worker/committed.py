"""What the group has committed on one partition number of the inputs."""

import asyncio
import time

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.topics import INPUTS
from services.aggregator.worker.readers import Readers
from services.aggregator.worker.writer import group_id

COORDINATOR_SECONDS = 30.0
RETRY_SECONDS = 0.05


async def committed_offsets(readers: Readers, partition: int) -> dict[str, int]:
    """The committed next offset per input (name without prefix); an input without one is left out.

    Ask only after the partition's transactional id was opened: OffsetFetch as aiokafka sends it does not wait for an
    open transaction, and gives the older offset.
    """
    settings = readers.settings
    names = {TopicPartition(settings.topic_prefix + topic, partition): topic for topic in INPUTS}
    deadline = time.monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            async with readers.admin() as admin:
                found = await admin.list_consumer_group_offsets(group_id(settings), partitions=list(names))
        except KafkaError as error:  # a new broker first has to make its topic of offsets
            if not error.retriable or time.monotonic() > deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return {names[tp]: position.offset for tp, position in found.items() if position.offset >= 0}


async def input_ends(readers: Readers, partition: int) -> dict[str, int]:
    """Where each input ends (name without prefix): the offset that its next record will have, or a later one."""
    names = {TopicPartition(readers.settings.topic_prefix + topic, partition): topic for topic in INPUTS}
    async with readers.consumer() as consumer:
        return {names[tp]: end for tp, end in (await consumer.end_offsets(list(names))).items()}
