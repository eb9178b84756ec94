"""Whether the broker holds a transaction of the aggregator that is neither committed nor aborted."""

from kafka import KafkaConsumer, TopicPartition

from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts.mailbox import Mailbox


class OpenTransactions:
    """Looks at the book of one installation."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._book = [TopicPartition(f"{mailbox.prefix}facts", number) for number in range(mailbox.partitions)]
        self._committed, self._written = (
            KafkaConsumer(
                **client_options(KafkaSettings(kafka=mailbox.bootstrap)),
                isolation_level=level,
                metrics_enabled=False,
                enable_auto_commit=False,
            )
            for level in ("read_committed", "read_uncommitted")
        )

    def now(self) -> set[int]:
        """Partitions whose book is written further than it is committed.

        The committed ends are asked first: what is committed between the two questions shows as open, so an answer is
        proof only when nobody writes any more.
        """
        committed = self._committed.end_offsets(self._book)
        written = self._written.end_offsets(self._book)
        return {tp.partition for tp in self._book if written[tp] > committed[tp]}

    def close(self) -> None:
        for consumer in (self._committed, self._written):
            consumer.close()
