"""Whether the broker holds a transaction of the aggregator that is neither committed nor aborted."""

from kafka import KafkaConsumer, TopicPartition

from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts.kafka_topics import KafkaTopics


class OpenFactsTransactions:
    """The open transactions on the facts log of one installation."""

    def __init__(self, kafka_topics: KafkaTopics) -> None:
        self._facts_partitions = [
            TopicPartition(f"{kafka_topics.prefix}facts", number) for number in range(kafka_topics.partitions)
        ]
        self._committed, self._written = (
            KafkaConsumer(
                **client_options(KafkaSettings(kafka=kafka_topics.bootstrap)),
                isolation_level=level,
                metrics_enabled=False,
                enable_auto_commit=False,
            )
            for level in ("read_committed", "read_uncommitted")
        )

    def now(self) -> set[int]:
        """Partitions whose facts log is written further than it is committed.

        The committed ends are asked first: what is committed between the two questions shows as open, so an answer is
        proof only when nobody writes any more.
        """
        committed = self._committed.end_offsets(self._facts_partitions)
        written = self._written.end_offsets(self._facts_partitions)
        return {tp.partition for tp in self._facts_partitions if written[tp] > committed[tp]}

    def close(self) -> None:
        for consumer in (self._committed, self._written):
            consumer.close()
