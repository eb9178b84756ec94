"""A seeded history of a few small plans as records: plan versions, reports, retractions, visits, and everything that goes wrong.

Larger than hypothesis would make it, for tests that send it through a real broker.
"""

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from schemas.envelope import MEDIA_TYPE
from schemas.sources import council, department, evaluator
from schemas.topics import EVENT_LIMIT, partition_of
from schemas.vocabulary import SUB_DIMENSIONS

Json = dict[str, Any]
DEPARTMENTS = ("dinkes", "dishub", "diskominfo")
SUBS = list(SUB_DIMENSIONS.items())
RETRACTED_AT = datetime(2022, 1, 10, 4, tzinfo=UTC)


class RecordToSend(NamedTuple):
    """One record to be sent."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


def event(kind: str, source: str, event_id: str, at: datetime, data: Json) -> Json:
    """A CloudEvent as a sender writes it."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": f"id.pantau.{kind}.v1",
        "time": at.isoformat(),
        "data": data,
    }


def program(number: int) -> Json:
    """The program with a number, as a plan version has it."""
    sub, dimension = SUBS[number % len(SUBS)]
    return {
        "code": f"P-{number:03d}",
        "name": {"id": f"Program {number}", "en": f"Program {number}"},
        "dimension": dimension.value,
        "sub_dimension": sub,
        "department": DEPARTMENTS[number % len(DEPARTMENTS)],
        "weight": "10" if number < 10 else "0",
        "start_year": 2019,
        "finish_year": 2019 + number % 10,
        "budget": {"2019": 1_000_000, "2021": 500_000},
        "quick_win_years": [2020] if number % 6 == 0 else [],
        "priority_problem": "Banjir" if number % 4 == 0 else None,
        "leading_sector": "Perdagangan" if number % 5 == 0 else None,
    }


def plan_version(programs: int, version: int = 1, effective_from: str = "2019-01-01") -> Json:
    """The data of a plan version."""
    return {
        "version": version,
        "expects": version - 1 or None,
        "effective_from": effective_from,
        "city": "Kota Uji",
        "name": {"id": "Rencana uji", "en": "Test plan"},
        "start_year": 2019,
        "end_year": 2028,
        "time_zone": "Asia/Pontianak",
        "departments": [{"key": key, "name": {"id": key, "en": key}} for key in DEPARTMENTS],
        "programs": [program(number) for number in range(programs)],
    }


def handed_over(data: Json) -> Json:
    """A plan version in which every other program is led by the next department."""
    for each in data["programs"][::2]:
        each["department"] = DEPARTMENTS[(DEPARTMENTS.index(each["department"]) + 1) % len(DEPARTMENTS)]
    return data


class SeededHistory:
    """Records of some plans. The same seed gives the same records."""

    def __init__(self, seed: int, *, partitions: int, plans: int = 6, programs: int = 12) -> None:
        self._random = random.Random(seed)
        self._partitions = partitions
        self.plans = [f"kota-{number}" for number in range(plans)]
        self._programs = programs
        self._reports: list[tuple[str, Json]] = []
        self._count = 0

    def record(self, topic: str, plan: str, value: Json | bytes | None) -> RecordToSend:
        """A record with the right topic, partition and key."""
        raw = json.dumps(value).encode() if isinstance(value, dict) else value
        return RecordToSend(topic, partition_of(plan, self._partitions), plan.encode(), raw)

    def beginnings(self) -> list[RecordToSend]:
        """The first version of every plan."""
        at = datetime(2019, 1, 1, tzinfo=UTC)
        data = plan_version(self._programs)
        kind = "masterplan.version.published"
        return [
            self.record("masterplans", plan, event(kind, council(plan), "version-1", at, data)) for plan in self.plans
        ]

    def change_of_lead(self, plan: str) -> RecordToSend:
        """A second version, which gives every other program to the next department."""
        data = handed_over(plan_version(self._programs, 2, "2020-06-15"))
        at = datetime(2020, 6, 1, tzinfo=UTC)
        return self.record(
            "masterplans", plan, event("masterplan.version.published", council(plan), "version-2", at, data)
        )

    def life(self, records: int) -> list[RecordToSend]:
        """What comes after: mostly reports, and the irregularities of life."""
        return [self._one() for _ in range(records)]

    def _one(self) -> RecordToSend:
        plan = self._random.choice(self.plans)
        draw = self._random.random()
        if draw < 0.72 or not self._reports:
            return self._report(plan)
        if draw < 0.82:
            return self.record("program-status", *self._random.choice(self._reports))
        if draw < 0.86:
            return self._conflict()
        if draw < 0.90:
            return self._retraction()
        if draw < 0.95:
            return self._visit(plan)
        return self._poison(plan)

    def _id(self) -> str:
        self._count += 1
        return f"e-{self._count}"

    def _day(self) -> date:
        return date(2019, 1, 1) + timedelta(days=self._random.randrange(3 * 365))

    def _report(self, plan: str) -> RecordToSend:
        number = self._random.randrange(self._programs + 2)  # two of them are in no plan
        department_key = DEPARTMENTS[(number + (self._random.random() < 0.1)) % len(DEPARTMENTS)]
        status = self._random.choice(("not_started", "in_progress", "realized", "blocked", "cancelled"))
        day = self._day()
        data = {
            "program": f"P-{number:03d}",
            "status": status,
            "physical": 100 if status == "realized" else self._random.randrange(10_000) / 100,
            "spent": self._random.randrange(2_000_000),
            "effective_on": day.isoformat(),
        }
        at = datetime(day.year, day.month, day.day, self._random.randrange(24), tzinfo=UTC)
        if day.day % 5 == 0:  # the month is not over: true of the day on which it is sent
            del data["effective_on"]
            data["period"] = f"{day:%Y-%m}"
        made = event("program.status.reported", department(plan, department_key), self._id(), at, data)
        self._reports.append((plan, made))
        return self.record("program-status", plan, made)

    def _conflict(self) -> RecordToSend:
        plan, made = self._random.choice(self._reports)
        return self.record("program-status", plan, made | {"data": made["data"] | {"note": f"other {self._id()}"}})

    def _retraction(self) -> RecordToSend:
        plan, made = self._random.choice(self._reports)
        source = made["source"] if self._random.random() < 0.7 else department(plan, self._random.choice(DEPARTMENTS))
        data = {"source": made["source"], "id": made["id"], "reason": "keliru"}
        retraction = event("program.status.retracted", source, self._id(), RETRACTED_AT, data)
        if self._count % 3 == 0:  # a claim that intake did not attest, which is ignored
            retraction |= {"attestedrole": "administrator", "attestation": "0" * 64}
        return self.record("program-status", plan, retraction)

    def _visit(self, plan: str) -> RecordToSend:
        day = self._day()
        codes = self._random.sample(range(self._programs), 3)
        data = {
            "visited_on": day.isoformat(),
            "site": "Lokasi",
            "institution": "Tim pembimbing",
            "programs": [
                {"program": f"P-{c:03d}", "outcome": self._random.choice(("confirmed", "confirmed", "not_confirmed"))}
                for c in codes
            ],
        }
        at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        return self.record(
            "evaluations", plan, event("visit.recorded", evaluator(plan, "mentor"), self._id(), at, data)
        )

    def _poison(self, plan: str) -> RecordToSend:
        good = self._report(plan)
        assert good.value is not None
        body = json.loads(good.value)
        return self._random.choice(
            (
                good._replace(partition=(good.partition + 1) % self._partitions),
                good._replace(key=None),
                good._replace(value=b"\xff\xfe not json"),
                good._replace(value=b"[" * 5000),
                good._replace(value=None),
                good._replace(topic="evaluations"),
                good._replace(value=json.dumps(body | {"type": "id.pantau.unknown.v1"}).encode()),
                good._replace(value=json.dumps(body | {"data": body["data"] | {"physical": 101, "extra": 1}}).encode()),
                good._replace(value=json.dumps(body | {"source": council(plan)}).encode()),
                good._replace(
                    value=json.dumps(body | {"data": body["data"] | {"effective_on": "2999-01-01"}}).encode()
                ),
                good._replace(value=json.dumps(body | {"time": "2999-01-01T00:00:00Z"}).encode()),
                good._replace(value=json.dumps(body | {"padding": "x" * EVENT_LIMIT}).encode()),
            )
        )


HEADERS = [("content-type", MEDIA_TYPE.encode())]
