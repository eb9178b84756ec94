"""The private parts of facts that are not erased: a table of a service's projection."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, delete, select, tuple_

from schemas.facts import fact_key
from schemas.private import Json, read_private
from schemas.registry import KINDS
from schemas.sources import parse_source
from services.kit.projection.databases import TEXT, upsert
from services.kit.projection.follower import Record

TOPIC = "facts-private"
ERASURES = frozenset(kind.name.encode() for kind in KINDS if kind.erases)


class FactIdentity(NamedTuple):
    """The identity of a fact and the kind of its event, which together make its key."""

    kind: str
    source: str
    id: str


class Private(NamedTuple):
    """The private part of a fact's `data`, empty where there is none; `erased`: an administrator had it erased."""

    data: Json
    erased: bool


class PrivateParts:
    """Follows `facts-private`, and the erasures among the facts."""

    def __init__(self, prefix: str, tables: MetaData) -> None:
        self.table = Table(
            f"{prefix}private",
            tables,
            Column("key", TEXT, primary_key=True),
            Column("value", LargeBinary, nullable=False),
        )
        self._erased = Table(
            f"{prefix}erased",
            tables,
            Column("source", TEXT, primary_key=True),
            Column("id", TEXT, primary_key=True),
        )

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Apply records of `facts` and `facts-private`. Applying a record twice changes nothing."""
        last: dict[str, bytes | None] = {}
        erased: list[dict[str, str]] = []
        for record in records:
            assert record.key is not None or record.topic not in {TOPIC, "facts"}
            if record.topic == TOPIC and record.key is not None:
                last[record.key.decode()] = record.value
            elif record.topic == "facts" and record.key is not None and record.key.split(b"/", 2)[1] in ERASURES:
                data = json.loads(record.value or b"")["event"]["data"]
                erased.append({"source": data["source"], "id": data["id"]})
        upsert(connection, self.table, [{"key": key, "value": value} for key, value in last.items() if value])
        for key in (key for key, value in last.items() if not value):
            connection.execute(delete(self.table).where(self.table.c.key == key))
        upsert(connection, self._erased, erased)

    def find(self, connection: Connection, identities: Iterable[FactIdentity]) -> dict[FactIdentity, Private]:
        """The private part of each fact."""
        keys = {_key(each): each for each in identities}
        columns = self._erased.c
        named = [(each.source, each.id) for each in keys.values()]
        erased = {
            (row.source, row.id)
            for row in connection.execute(select(self._erased).where(tuple_(columns.source, columns.id).in_(named)))
        }
        rows = connection.execute(select(self.table).where(self.table.c.key.in_(keys)))
        parts = {keys[row.key]: read_private(row.value).data for row in rows}
        return {
            each: Private({}, True) if (each.source, each.id) in erased else Private(parts.get(each, {}), False)
            for each in keys.values()
        }


def _key(identity: FactIdentity) -> str:
    kind, source, event_id = identity
    return fact_key(parse_source(source).plan, kind, source, event_id).decode()
