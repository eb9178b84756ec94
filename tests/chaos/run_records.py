"""What is sent in a run: a seeded history of a few plans, and everything that goes wrong with it on the way.

To what `tests.parts.history` mixes in (conflicts, retractions, poison of every kind) this adds: copies, some written
differently; an order that has nothing to do with the dates; retractions before their reports; plan versions after the
reports of their programs; two versions that expect the same one; reports of these days, which a clock that is a day off takes
for the future's, or the other way round.
"""

import json
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from schemas.sources import council
from schemas.topics import EVENT_LIMIT, partition_of
from tests.parts.history import Json, RecordToSend, SeededHistory, event, handed_over, plan_version

PLANS, PROGRAMS = 6, 10
COPIES = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 5)
MEAN_COPIES = sum(COPIES) / len(COPIES)
NEAR, FAR = 200, 0.1  # copies lie this many records apart, but for one in ten, which may be anywhere
BY_HTTP = 0.1
THESE_DAYS = 0.05
OVERSIZE = 3  # records above the limit of an event: more of them would make the ledger large for nothing


class RunRecords(NamedTuple):
    """The records to send by Kafka and by HTTP, each in the order of sending."""

    direct: list[RecordToSend]
    by_http: list[RecordToSend]


def mixed(seed: int, partitions: int, events: int) -> RunRecords:
    """The records of a run, about so many. The same seed gives the same records on the same day."""
    chance, today = random.Random(seed), datetime.now(UTC).date()
    history = SeededHistory(seed, partitions=partitions, plans=PLANS, programs=PROGRAMS)
    life = [_of_these_days(record, chance, today) for record in history.life(int(events / MEAN_COPIES))]
    distinct = [*_few_oversize(life), *_versions(history, chance)]
    placed: list[tuple[float, RecordToSend]] = []
    for place, record in enumerate(distinct):
        begins = chance.random() * len(distinct) if record.topic == "masterplans" else float(place)
        for copy in range(chance.choice(COPIES)):
            far = chance.random() < FAR
            at = chance.random() * len(distinct) if far else begins + chance.uniform(-NEAR, NEAR)
            placed.append((at, _written_differently(record) if copy % 2 else record))
    records = [record for _, record in sorted(placed, key=lambda both: both[0])]
    fits = [chance.random() < BY_HTTP and _can_go_by_http(record, partitions) for record in records]
    return RunRecords(
        [record for record, http in zip(records, fits, strict=True) if not http],
        [record for record, http in zip(records, fits, strict=True) if http],
    )


def _of_these_days(record: RecordToSend, chance: random.Random, today: date) -> RecordToSend:
    """The same, but for a few reports that are of yesterday, today or tomorrow, at noon."""
    body = _object(record.value) if chance.random() < THESE_DAYS else None
    if body is None or "effective_on" not in body.get("data", {}):
        return record
    day = (today + timedelta(days=chance.choice((-1, 0, 1)))).isoformat()
    dated = body | {"time": f"{day}T12:00:00Z", "data": body["data"] | {"effective_on": day}}
    return record._replace(value=json.dumps(dated).encode())


def _few_oversize(records: Iterable[RecordToSend]) -> Iterable[RecordToSend]:
    left = OVERSIZE
    for record in records:
        oversize = len(record.value or b"") > EVENT_LIMIT
        left -= oversize
        if not oversize or left >= 0:
            yield record


def _versions(history: SeededHistory, chance: random.Random) -> list[RecordToSend]:
    """Of every plan a first version, and two that want to replace it and move leads."""
    kind, at = "masterplan.version.published", datetime(2019, 1, 1, tzinfo=UTC)
    records = history.beginnings()
    for plan in history.plans:
        for event_id, programs in (("version-2", PROGRAMS + 1), ("version-2-too", PROGRAMS + 2)):
            day = f"{chance.choice((2020, 2021))}-0{chance.randrange(1, 10)}-01"
            data = handed_over(plan_version(programs, 2, day))
            records.append(history.record("masterplans", plan, event(kind, council(plan), event_id, at, data)))
    return records


def _written_differently(record: RecordToSend) -> RecordToSend:
    """The same content in other bytes: other order of the fields, other spaces. What is no JSON object stays."""
    body = _object(record.value)
    return (
        record if body is None else record._replace(value=json.dumps(dict(reversed(body.items())), indent=1).encode())
    )


def _can_go_by_http(record: RecordToSend, partitions: int) -> bool:
    """Whether it can be sent to intake: a JSON object for the right topic and partition, of moderate size."""
    key = (record.key or b"").decode()
    addressed = record.topic == "program-status" and record.partition == partition_of(key, partitions)
    return addressed and len(record.value or b"") < EVENT_LIMIT and _object(record.value) is not None


def _object(value: bytes | None) -> Json | None:
    try:
        found = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
