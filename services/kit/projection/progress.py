"""The aggregator's progress as a projection knows it, which makes "read your own write" possible."""

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, select

from schemas.facts import Progress
from services.kit.projection.databases import upsert
from services.kit.projection.records import Record

TOPIC = "aggregator-progress"


class AggregatorProgress:
    """The last progress record of each partition, in a table and in memory."""

    def __init__(self, prefix: str, metadata: MetaData) -> None:
        self.table = Table(
            f"{prefix}progress",
            metadata,
            Column("partition", Integer, primary_key=True, autoincrement=False),
            Column("value", LargeBinary, nullable=False),
        )
        self._last: dict[int, Progress] = {}

    def of(self, partition: int) -> Progress | None:
        """The last progress record of a partition; None when the aggregator never wrote one."""
        return self._last.get(partition)

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Store the progress records among a chunk's records."""
        rows = [{"partition": partition, "value": value} for partition, value in _decoded(records)]
        upsert(connection, self.table, rows)

    def load(self, connection: Connection) -> None:
        """Load the stored progress into memory."""
        self._last.clear()
        self._remember([(row.partition, row.value) for row in connection.execute(select(self.table))])

    def remember(self, records: Sequence[Record]) -> None:
        """Update the progress in memory from records that were stored."""
        self._remember(_decoded(records))

    def _remember(self, decoded: Sequence[tuple[int, bytes]]) -> None:
        for partition, value in decoded:
            self._last[partition] = Progress.model_validate_json(value, extra="ignore")


def _decoded(records: Sequence[Record]) -> list[tuple[int, bytes]]:
    return [(record.partition, record.value) for record in records if record.topic == TOPIC and record.value]
