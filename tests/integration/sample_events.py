"""Events of departments, evaluators and the council for the tests of the api, about the plans of tests.parts.history."""

from datetime import UTC, datetime
from typing import Any

from schemas.sources import council, department, evaluator
from tests.parts.history import DEPARTMENTS, Json, event, plan_version


def beginning(plan: str, programs: int = 12, **more: Any) -> Json:
    """The first version of a plan."""
    data = plan_version(programs) | more
    return event("masterplan.version.published", council(plan), "version-1", datetime(2019, 1, 1, tzinfo=UTC), data)


def report(plan: str, number: int, report_id: str, day: str, status: str = "realized", **more: Any) -> Json:
    """A report of the department that leads a program."""
    data = {"program": f"P-{number:03d}", "status": status, "physical": 100 if status == "realized" else 40}
    data |= {"effective_on": day} | more
    department_key = DEPARTMENTS[number % len(DEPARTMENTS)]
    at = datetime.fromisoformat(f"{day}T09:00:00+00:00")
    return event("program.status.reported", department(plan, department_key), report_id, at, data)


def visit(plan: str, visit_id: str, day: str, *numbers: int) -> Json:
    """A visit that confirmed some programs."""
    seen = [{"program": f"P-{number:03d}", "outcome": "confirmed", "note": "Sudah beroperasi."} for number in numbers]
    evidence = [{"title": "Foto", "sha256": "ab" * 32}]
    data = {"visited_on": day, "site": "Lokasi", "institution": "Tim", "programs": seen, "evidence": evidence}
    at = datetime.fromisoformat(f"{day}T10:00:00+00:00")
    return event("visit.recorded", evaluator(plan, "mentor"), visit_id, at, data)
