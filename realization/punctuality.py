"""Who reports on time, late, not any more, or never did.

The plan says the day of the month by which a period's report is due. The period judged at a date is the last one whose
due day has passed. Whether a report came on time is judged by its receipt, in the plan's time zone; for periods that
ended before `punctual_by_receipt_from` (history brought over from an earlier system) by the time its sender gives.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from realization.book import EVERYTHING, PlanBook, Version
from realization.claims import Claim
from schemas.plans import Plan
from schemas.reports import period_end
from schemas.sources import department
from schemas.vocabulary import Punctuality, Status

SILENT_AFTER = 3  # due periods without a report after which a department is silent, a program stale
FINAL = (Status.REALIZED, Status.CANCELLED)  # nothing more is due of such a program


def month(day: date) -> str:
    """The monthly period a date lies in."""
    return f"{day.year:04}-{day.month:02}"


def months_between(earlier: str, later: str) -> int:
    """How many months `later` comes after `earlier`."""
    return (int(later[:4]) - int(earlier[:4])) * 12 + int(later[5:7]) - int(earlier[5:7])


def due_on(period: str, due_day: int) -> date:
    """The day by which a period's report is due: in the month after it ends."""
    after = period_end(period) + timedelta(days=1)
    return after.replace(day=due_day)


def due_period(plan: Plan, as_of: date) -> str | None:
    """The last monthly period whose due day has passed, or None before the first."""
    if as_of.year < plan.start_year:
        return None
    last = as_of.replace(day=1) - timedelta(days=1)
    if as_of.day < plan.report_due_day:
        last = last.replace(day=1) - timedelta(days=1)
    return month(last) if last.year >= plan.start_year else None


def told_of(claim: Claim) -> str:
    """The month a report is for: the last one of its period, but none after the date it is true of. A report that names
    a period in the future would else count for ever."""
    return min(month(period_end(claim.period)), month(claim.effective_on))


def received_on(claim: Claim, plan: Plan) -> date:
    """The date a report counts as received, in the plan's time zone."""
    before = plan.punctual_by_receipt_from
    if before is not None and period_end(told_of(claim)) < before:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=claim.time_us)
    else:
        at = datetime.fromtimestamp(claim.received_ms / 1000, UTC)
    return at.astimezone(ZoneInfo(plan.time_zone)).date()


def is_late(claim: Claim, plan: Plan) -> bool:
    """Whether a report came after its period's due day."""
    return received_on(claim, plan) > due_on(told_of(claim), plan.report_due_day)


def _judge(claims: list[Claim], plan: Plan, due: str | None, gone: Punctuality) -> Punctuality:
    if not claims:
        return Punctuality.NEVER
    if due is None:
        return Punctuality.ON_TIME
    for_due = [claim for claim in claims if told_of(claim) >= due]
    if for_due:
        return Punctuality.LATE if all(is_late(claim, plan) for claim in for_due) else Punctuality.ON_TIME
    missed = months_between(max(map(told_of, claims)), due)
    return gone if missed >= SILENT_AFTER else Punctuality.LATE


def program_punctuality(claims: Iterable[Claim], plan: Plan, as_of: date) -> Punctuality:
    """The state of reporting of one program, from its lead's standing reports, newest first.

    Nothing more is due of a program that is realized or cancelled.
    """
    known = list(claims)
    if known and known[0].status in FINAL:
        return Punctuality.ON_TIME
    return _judge(known, plan, due_period(plan, as_of), Punctuality.STALE)


@dataclass(frozen=True, slots=True)
class DepartmentState:
    """How a department keeps up. `missing`: its open programs without a report for the period that was due."""

    department: str
    state: Punctuality
    programs: int
    reported: int
    realized: int
    missing: int
    last_period: str | None
    last_received_ms: int | None
    periods_missed: int


def departments(book: PlanBook, version: Version, as_of: date, known_at: int = EVERYTHING) -> list[DepartmentState]:
    """The state of every department that leads a program of the version in force, in the plan's order."""
    plan, due = version.plan, due_period(version.plan, as_of)
    led: dict[str, list[str]] = {}
    for code, program in version.programs.items():
        led.setdefault(program.department, []).append(code)
    result = []
    for entry in plan.departments:
        codes = led.get(entry.key, [])
        if not codes:
            continue
        source = department(book.plan, entry.key)
        by_program = {code: list(book.reports_of(source, (code,), as_of, known_at)) for code in codes}
        claims = [claim for found in by_program.values() for claim in found]
        last = max(map(told_of, claims), default=None)
        open_programs = [found for found in by_program.values() if not found or found[0].status not in FINAL]
        missing = [found for found in open_programs if due and not any(told_of(claim) >= due for claim in found)]
        state = _judge(claims, plan, due, Punctuality.SILENT) if open_programs or not claims else Punctuality.ON_TIME
        result.append(
            DepartmentState(
                department=entry.key,
                state=state,
                programs=len(codes),
                reported=sum(1 for found in by_program.values() if found),
                realized=sum(1 for found in by_program.values() if found and found[0].status is Status.REALIZED),
                missing=len(missing),
                last_period=last,
                last_received_ms=max((claim.received_ms for claim in claims), default=None),
                periods_missed=max(0, months_between(last, due)) if last and due and open_programs else 0,
            )
        )
    return result
