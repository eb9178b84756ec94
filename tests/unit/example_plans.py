"""Small plans and reports written by hand, for examples a reader can check in the head."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests import oracle
from tests.oracle import Json
from tests.strategies import PLAN, ReceivedEvent, council, department_source, envelope, midnight, milliseconds

SUB_DIMENSION = {
    "governance": "public_service",
    "branding": "tourism",
    "economy": "welfare",
    "living": "health",
    "society": "learning",
    "environment": "waste",
}
PONTIANAK = {  # programs, and those realized at the end of 2020 (illustrative; domain.md)
    "governance": (96, 46),
    "branding": (54, 18),
    "economy": (66, 23),
    "living": (78, 28),
    "society": (72, 22),
    "environment": (60, 18),
}


def program(code: str, dimension: str = "governance", **more: Any) -> Json:
    return {
        "code": code,
        "name": {"id": code, "en": code},
        "dimension": dimension,
        "sub_dimension": SUB_DIMENSION[dimension],
        "department": "dinkes",
        "weight": "1",
        "start_year": 2019,
        "finish_year": 2028,
        **more,
    }


def plan(programs: Sequence[Json], number: int = 1, effective_from: str = "2019-01-01", **more: Any) -> ReceivedEvent:
    keys = dict.fromkeys(["dinkes", *(each["department"] for each in programs)])
    data = {
        "version": number,
        "expects": number - 1 or None,
        "effective_from": effective_from,
        "city": "Kota Pontianak",
        "name": {"id": "Rencana induk", "en": "Masterplan"},
        "start_year": 2019,
        "end_year": 2028,
        "time_zone": "Asia/Pontianak",
        "departments": [{"key": key, "name": {"id": key, "en": key}} for key in keys],
        "programs": list(programs),
        **more,
    }
    event = envelope(oracle.PLAN_VERSION, council(PLAN), f"version-{number}", midnight(date(2018, 6, 1)), data)
    return ReceivedEvent(milliseconds(midnight(date(2018, 6, 1))), event)


def report(
    code: str,
    day: str,
    status: str = "in_progress",
    *,
    received: datetime | None = None,
    time: datetime | None = None,
    department: str = "dinkes",
    name: str = "",
    **more: Any,
) -> ReceivedEvent:
    came = received or midnight(date.fromisoformat(day)) + timedelta(days=1)
    data = {
        "program": code,
        "status": status,
        "physical": "100" if status == "realized" else "50",
        "effective_on": day,
        **more,
    }
    event_id = name or f"{code}-{day}-{milliseconds(came)}"
    event = envelope(oracle.REPORT, department_source(PLAN, department), event_id, time or came, data)
    return ReceivedEvent(milliseconds(came), event)


def visit(day: str, outcomes: Mapping[str, str]) -> ReceivedEvent:
    seen = [{"program": code, "outcome": outcome} for code, outcome in outcomes.items()]
    data = {"visited_on": day, "site": "RSUD SSMA", "institution": "Kementerian", "programs": seen}
    at = midnight(date.fromisoformat(day)) + timedelta(hours=9)
    return ReceivedEvent(
        milliseconds(at), envelope(oracle.VISIT, f"/plans/{PLAN}/evaluators/ministry", f"visit-{day}", at, data)
    )


def the_seed() -> list[ReceivedEvent]:
    """426 programs in the split of domain.md, 155 of them realized at the end of 2020."""
    programs = [
        program(f"{dimension[:3].upper()}-{number:03}", dimension, department=f"opd-{number % 25:02}")
        for dimension, (count, _) in PONTIANAK.items()
        for number in range(count)
    ]
    reports = [
        report(
            f"{dimension[:3].upper()}-{number:03}",
            "2020-12-31",
            "realized" if number < realized else "in_progress",
            department=f"opd-{number % 25:02}",
        )
        for dimension, (count, realized) in PONTIANAK.items()
        for number in range(count)
    ]
    return [plan(programs), *reports]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
