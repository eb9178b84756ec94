"""Facts as the aggregator writes them, for tests that put them into the facts log themselves."""

import json
import os
from typing import Any, NamedTuple

from schemas.facts import NO_LINK, canonical, content, digest, fact_key, fact_record
from schemas.private import STORED, private_digest, private_value, put_private, read_private
from schemas.registry import EVENT, Event, kind_of
from schemas.secret import Secret

SECRET_TEXT = "5e" * 32
SECRET = Secret(SECRET_TEXT)
os.environ.setdefault("PANTAU_SECRET", SECRET_TEXT)  # of every process that a test starts


class WrittenFact(NamedTuple):
    """The key and value of a fact's record, and the value of its private part's; None where it has none."""

    key: bytes
    value: bytes
    private: bytes | None


def whole_event(fact: dict[str, Any], private: bytes | None) -> dict[str, Any]:
    """The event of a fact with its private part in it again, and every field at its default. `fact`: its value."""
    event = fact["event"]
    if private is not None:
        event = event | {"data": put_private(event["data"], read_private(private).data)}
    found: dict[str, Any] = EVENT.validate_json(json.dumps(event), context=STORED).model_dump(mode="json")
    return found


def public_text(event: dict[str, Any]) -> str:
    """The public part of an event's content, as its fact has it."""
    return content(EVENT.validate_json(json.dumps(event))).public.decode()


class FactsLog:
    """The facts of some plans, each with the number and link after the one before."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, bytes]] = {}

    def seq(self, plan: str) -> int:
        """The number of a plan's last fact."""
        return self._last.get(plan, (0, NO_LINK))[0]

    def add_unknown(self, plan: str, *, fold: bool) -> WrittenFact:
        """A fact of a kind that this version does not know."""
        seq, link = self._last.get(plan, (0, NO_LINK))
        source, event_id = f"/plans/{plan}/council", f"later-{seq}"
        event = {"id": event_id, "source": source, "type": "id.pantau.later.v1", "data": {"later": [1]}}
        public = canonical(event | {"specversion": "1.0", "time": "2021-01-01T00:00:00Z"})
        value, link = fact_record(
            link,
            seq=seq + 1,
            received_ms=1,
            topic="evaluations",
            partition=0,
            offset=seq + 1,
            digest=digest(public, None),
            public=public,
            fold=fold,
        )
        self._last[plan] = (seq + 1, link)
        return WrittenFact(fact_key(plan, "later", source, event_id), value, None)

    def add(self, event: Event, received_ms: int, partition: int = 0, offset: int | None = None) -> WrittenFact:
        """The fact after the last one of the event's plan. `offset`: where its record stood, by default its number."""
        seq, link = self._last.get(event.plan, (0, NO_LINK))
        kind = kind_of(event)
        key = fact_key(event.plan, kind.name, event.source, event.id)
        public, private = content(event)
        salt = SECRET.salt(key)
        of_private = private_digest(salt, private) if private else None
        value, link = fact_record(
            link,
            seq=seq + 1,
            received_ms=received_ms,
            topic=kind.topic,
            partition=partition,
            offset=seq + 1 if offset is None else offset,
            digest=digest(public, of_private),
            public=public,
            private_digest=of_private,
            fold=kind.fold,
        )
        self._last[event.plan] = (seq + 1, link)
        return WrittenFact(key, value, private_value(salt, private) if private else None)
