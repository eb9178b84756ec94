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
from tests.parts.history import History, Json, Letter, event, handed_over, plan_version

PLANS, PROGRAMS = 6, 10
COPIES = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 5)
MEAN_COPIES = sum(COPIES) / len(COPIES)
NEAR, FAR = 200, 0.1  # copies lie this many letters apart, but for one in ten, which may be anywhere
BY_HTTP = 0.1
THESE_DAYS = 0.05
OVERSIZE = 3  # letters above the limit of an event: more of them would make the ledger large for nothing


class Mail(NamedTuple):
    """Letters for the two ways in, each in the order in which they are to be sent."""

    direct: list[Letter]
    by_http: list[Letter]


def mixed(seed: int, partitions: int, events: int) -> Mail:
    """The mail of a run: about so many letters. The same seed gives the same mail, on the same day."""
    chance, today = random.Random(seed), datetime.now(UTC).date()
    history = History(seed, partitions=partitions, plans=PLANS, programs=PROGRAMS)
    life = [_of_these_days(letter, chance, today) for letter in history.life(int(events / MEAN_COPIES))]
    distinct = [*_few_oversize(life), *_versions(history, chance)]
    placed: list[tuple[float, Letter]] = []
    for place, letter in enumerate(distinct):
        begins = chance.random() * len(distinct) if letter.topic == "masterplans" else float(place)
        for copy in range(chance.choice(COPIES)):
            far = chance.random() < FAR
            at = chance.random() * len(distinct) if far else begins + chance.uniform(-NEAR, NEAR)
            placed.append((at, _written_differently(letter) if copy % 2 else letter))
    letters = [letter for _, letter in sorted(placed, key=lambda both: both[0])]
    fits = [chance.random() < BY_HTTP and _can_go_by_http(letter, partitions) for letter in letters]
    return Mail(
        [letter for letter, http in zip(letters, fits, strict=True) if not http],
        [letter for letter, http in zip(letters, fits, strict=True) if http],
    )


def _of_these_days(letter: Letter, chance: random.Random, today: date) -> Letter:
    """The same, but for a few reports that are of yesterday, today or tomorrow, at noon."""
    body = _object(letter.value) if chance.random() < THESE_DAYS else None
    if body is None or "effective_on" not in body.get("data", {}):
        return letter
    day = (today + timedelta(days=chance.choice((-1, 0, 1)))).isoformat()
    dated = body | {"time": f"{day}T12:00:00Z", "data": body["data"] | {"effective_on": day}}
    return letter._replace(value=json.dumps(dated).encode())


def _few_oversize(letters: Iterable[Letter]) -> Iterable[Letter]:
    left = OVERSIZE
    for letter in letters:
        oversize = len(letter.value or b"") > EVENT_LIMIT
        left -= oversize
        if not oversize or left >= 0:
            yield letter


def _versions(history: History, chance: random.Random) -> list[Letter]:
    """Of every plan a first version, and two that want to replace it and move leads."""
    kind, at = "masterplan.version.published", datetime(2019, 1, 1, tzinfo=UTC)
    letters = history.beginnings()
    for plan in history.plans:
        for event_id, programs in (("version-2", PROGRAMS + 1), ("version-2-too", PROGRAMS + 2)):
            day = f"{chance.choice((2020, 2021))}-0{chance.randrange(1, 10)}-01"
            data = handed_over(plan_version(programs, 2, day))
            letters.append(history.letter("masterplans", plan, event(kind, council(plan), event_id, at, data)))
    return letters


def _written_differently(letter: Letter) -> Letter:
    """The same content in other bytes: other order of the fields, other spaces. What is no JSON object stays."""
    body = _object(letter.value)
    return (
        letter if body is None else letter._replace(value=json.dumps(dict(reversed(body.items())), indent=1).encode())
    )


def _can_go_by_http(letter: Letter, partitions: int) -> bool:
    """Whether intake would have a say in it: a JSON object for the right topic and partition, of moderate size."""
    key = (letter.key or b"").decode()
    addressed = letter.topic == "program-status" and letter.partition == partition_of(key, partitions)
    return addressed and len(letter.value or b"") < EVENT_LIMIT and _object(letter.value) is not None


def _object(value: bytes | None) -> Json | None:
    try:
        found = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
