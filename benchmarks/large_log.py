"""A large facts log, made quickly: the facts of many plans, written straight to `facts` in the aggregator's own format.

Every plan is the sample's (426 programs, two versions) under an id of its own. Its reports run evenly through ten years;
one in twenty is late by up to three years, one in fifty comes from a department that does not lead the program, one in
a hundred is retracted, and after every 200th an evaluator verifies a program. Seeded by the plan: the same plan is
always the same facts, and no two reports are alike.
"""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from benchmarks import loading
from benchmarks.loading import ToWrite
from deploy.local.process_settings import InstallationSettings
from samples.plan import build
from schemas.facts import NO_LINK, content, digest, fact_key, fact_record
from schemas.masterplan import MasterplanVersion
from schemas.registry import EVENT, Event, kind_of
from schemas.sources import council, department, evaluator
from schemas.topics import partition_of

FIRST, LAST = date(2019, 1, 1), date(2028, 12, 31)
DAYS = (LAST - FIRST).days
DAY_MS = 24 * 60 * 60 * 1000
FIRST_MS = int(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC).timestamp() * 1000)
TURN = 100  # facts of a plan in a row, before those of the next plan of its partition
STATUSES = ("not_started", "in_progress", "in_progress", "in_progress", "blocked", "realized", "realized", "cancelled")

Written = tuple[bytes, bytes]  # the key and the value of a fact's record


def plan_name(number: int) -> str:
    """The id of a plan of the log."""
    return f"kota-{number:03d}"


class LargeLog:
    """The facts of `plans` plans with `reports` reports each."""

    def __init__(self, plans: int, reports: int) -> None:
        self.plans = [plan_name(number) for number in range(plans)]
        self.reports = reports
        _, *self._versions = build()
        self._leads = [(program.code, program.department) for program in self._versions[0].programs]

    def facts(self, plan: str) -> Iterator[Written]:
        """A plan's facts in the order of `seq`: its first version, then reports, with the second version among them."""
        chance = random.Random(plan)
        log = _Log()
        sent: list[tuple[str, str]] = []
        yield log.write_event(_version(plan, self._versions[0]), FIRST_MS)
        for number in range(self.reports):
            day = number * DAYS // self.reports
            received_ms = FIRST_MS + (day + 3) * DAY_MS + chance.randrange(DAY_MS)
            yield self._report(plan, log, number, day, received_ms, chance, sent)
            if number == self.reports // 4:
                yield log.write_event(_version(plan, self._versions[1]), received_ms)
            if number % 100 == 99:
                yield log.write_event(_retraction(*chance.choice(sent), number), received_ms)
            if number % 200 == 199:
                program, _ = chance.choice(self._leads)
                yield log.write_event(_verification(plan, program, day, chance, number), received_ms)

    def _report(
        self,
        plan: str,
        log: "_Log",
        number: int,
        day: int,
        received_ms: int,
        chance: random.Random,
        sent: list[tuple[str, str]],
    ) -> Written:
        program, led_by = self._leads[number % len(self._leads)]
        draw = chance.random()
        if draw < 0.05:
            day = max(0, day - chance.randrange(3 * 365))
        elif draw < 0.07:
            _, led_by = chance.choice(self._leads)
        on = (FIRST + timedelta(days=day)).isoformat()
        status = chance.choice(STATUSES)
        physical = "100" if status == "realized" else f"{chance.randrange(100)}.5"
        source, event_id = department(plan, led_by), f"{chance.getrandbits(128):032x}"
        sent.append((source, event_id))
        # Formatted here, as `content` would, in a tenth of the time.
        public = (
            f'{{"data":{{"effective_on":"{on}","period":"{on[:7]}","physical":"{physical}","program":"{program}",'
            f'"spent":{chance.randrange(10**9) * 1000},"status":"{status}"}},"id":"{event_id}","source":"{source}",'
            f'"specversion":"1.0","time":"{on}T{chance.randrange(24):02}:{number % 60:02}:00Z",'
            '"type":"id.pantau.program.status.reported.v1"}'
        ).encode()
        return log.write(f"{plan}/report{source}/{event_id}".encode(), received_ms, "program-status", public)


class _Log:
    """The facts of a plan, each with the next `seq` and link. None has a private part."""

    def __init__(self) -> None:
        self._seq, self._link = 0, NO_LINK

    def write(self, key: bytes, received_ms: int, topic: str, public: bytes, fold: bool = True) -> Written:
        """The record of the next fact."""
        self._seq += 1
        value, self._link = fact_record(
            self._link,
            seq=self._seq,
            received_ms=received_ms,
            topic=topic,
            partition=0,
            offset=self._seq,
            digest=digest(public, None),
            public=public,
            fold=fold,
        )
        return key, value

    def write_event(self, event: Event, received_ms: int) -> Written:
        """The record of an event's fact."""
        kind = kind_of(event)
        key = fact_key(event.plan, kind.name, event.source, event.id)
        return self.write(key, received_ms, kind.topic, content(event).public, kind.fold)


def _version(plan: str, data: MasterplanVersion) -> Event:
    published = data.model_dump(mode="json")
    return _event("masterplan.version.published", council(plan), f"version-{data.version}", published)


def _event(kind: str, source: str, event_id: str, data: dict[str, Any]) -> Event:
    envelope = {"specversion": "1.0", "id": event_id, "source": source, "time": f"{LAST}T00:00:00Z"}
    return EVENT.validate_json(json.dumps(envelope | {"type": f"id.pantau.{kind}.v1", "data": data}))


def _retraction(source: str, event_id: str, number: int) -> Event:
    data = {"source": source, "id": event_id, "reason": "keliru"}
    return _event("program.status.retracted", source, f"retraction-{number}", data)


def _verification(plan: str, program: str, day: int, chance: random.Random, number: int) -> Event:
    data = {
        "program": program,
        "outcome": chance.choice(("confirmed", "confirmed", "not_confirmed")),
        "verified_on": (FIRST + timedelta(days=day)).isoformat(),
    }
    return _event("verification.recorded", evaluator(plan, "mentor"), f"verification-{number}", data)


async def write(log: LargeLog, settings: InstallationSettings) -> int:
    """Write the whole log to `facts`, alternating between the plans of a partition. Returns the number of facts."""
    by_partition: dict[int, list[str]] = {}
    for plan in log.plans:
        by_partition.setdefault(partition_of(plan, settings.partitions), []).append(plan)
    facts = (
        ToWrite(partition, *fact)
        for partition, plans in by_partition.items()
        for fact in _by_turns([log.facts(plan) for plan in plans])
    )
    async with loading.producer(settings.kafka) as producer:
        return await loading.write(producer, f"{settings.topic_prefix}facts", facts)


def _by_turns(plans: Sequence[Iterator[Written]]) -> Iterator[Written]:
    left = list(plans)
    while left:
        for each in list(left):
            turn = list(itertools.islice(each, TURN))
            yield from turn
            if len(turn) < TURN:
                left.remove(each)
