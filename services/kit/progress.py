"""How far the aggregator has got, as a projection sees it: what makes "read your own write" possible."""

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, select

from schemas.book import Progress
from services.kit.databases import upsert

TOPIC = "aggregator-progress"


class AggregatorProgress:
    """The last progress record of each partition, in a table and in memory."""

    def __init__(self, service: str, metadata: MetaData) -> None:
        self._table = Table(
            f"{service}_progress",
            metadata,
            Column("partition", Integer, primary_key=True, autoincrement=False),
            Column("value", LargeBinary, nullable=False),
        )
        self._last: dict[int, Progress] = {}

    def of(self, partition: int) -> Progress | None:
        """The last record of a partition; None when the aggregator never wrote one."""
        return self._last.get(partition)

    def apply(self, connection: Connection, records: Sequence[tuple[int, bytes]]) -> None:
        """Store records (partition, value)."""
        upsert(connection, self._table, [{"partition": partition, "value": value} for partition, value in records])

    def load(self, connection: Connection) -> None:
        """Take what is stored into memory."""
        self.remember([(row.partition, row.value) for row in connection.execute(select(self._table))])

    def remember(self, records: Sequence[tuple[int, bytes]]) -> None:
        """Take records into memory, after they were stored."""
        for partition, value in records:
            self._last[partition] = Progress.model_validate_json(value, extra="ignore")
