"""What the group has committed on one partition number of the inputs."""

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.topics import INPUTS
from services.aggregator.worker.writer import group_id
from services.kit.settings import Settings


async def committed_offsets(settings: Settings, partition: int) -> dict[str, int]:
    """The committed next offset per input (name without prefix); an input without one is left out.

    Ask only after the partition's transactional id was opened: OffsetFetch as aiokafka sends it does not wait for an
    open transaction, and gives the older offset.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        names = {TopicPartition(settings.topic_prefix + topic, partition): topic for topic in INPUTS}
        found = await admin.list_consumer_group_offsets(group_id(settings), partitions=list(names))
    finally:
        await admin.close()
    return {names[tp]: position.offset for tp, position in found.items() if position.offset >= 0}
