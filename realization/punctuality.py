"""Punctuality: who reports on time, late, no longer, or never did.

The plan sets the day of the month by which a period's report is due. The period judged at a date is the last one whose
due day has passed. It was reported on time when a report for it or for a later month was received by its due day, in
the plan's time zone. Otherwise it is late, and stays late. For periods that ended before `punctual_by_receipt_from`
(history imported from an earlier system) the sender's `time` counts as the time of receipt.

A department owes a period's report on each program that it led on the period's last day and that was not realized or
cancelled before (docs/decisions/0024). All reports here are standing ones.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from realization.claims import Claim
from realization.plan_facts import EVERYTHING, PlanFacts, Version
from schemas.plan_versions import PlanVersion
from schemas.reports import period_end
from schemas.sources import department
from schemas.vocabulary import Punctuality, Status

SILENT_AFTER = 3  # due periods without a report, after which a department is silent and a program stale
FINAL = (Status.REALIZED, Status.CANCELLED)  # no report is due on such a program for later months


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


def due_period(plan: PlanVersion, as_of: date) -> str | None:
    """The last monthly period whose due day has passed, or None before the first."""
    if as_of.year < plan.start_year:
        return None
    last = as_of.replace(day=1) - timedelta(days=1)
    if as_of.day < plan.report_due_day:
        last = last.replace(day=1) - timedelta(days=1)
    return month(last) if last.year >= plan.start_year else None


def reported_month(claim: Claim) -> str:
    """The month a report is for: the last one of its period, but not after its `effective_on`. Otherwise a report for a
    period far in the future would count as punctual for ever."""
    return _month_of(claim.period, claim.effective_on)


@lru_cache(4096)
def _month_of(period: str, effective_on: date) -> str:
    return min(month(period_end(period)), month(effective_on))


def _received_by_due_day(claim: Claim, plan: PlanVersion, period: str) -> bool:
    """Whether a report counts as received by the day on which a period's report is due."""
    before = plan.punctual_by_receipt_from
    if before is not None and period_end(period) < before:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=claim.time_us)
    else:
        at = datetime.fromtimestamp(claim.received_ms / 1000, UTC)
    return at.astimezone(ZoneInfo(plan.time_zone)).date() <= due_on(period, plan.report_due_day)


def is_late(claim: Claim, plan: PlanVersion) -> bool:
    """Whether a report came after its own period's due day."""
    return not _received_by_due_day(claim, plan, reported_month(claim))


def _finished_before(reports: Sequence[Claim], period: str) -> bool:
    """Whether the last report for the months before a period says that the program was realized or cancelled."""
    before = next((claim for claim in reports if reported_month(claim) < period), None)
    return before is not None and before.status in FINAL


def _judge(reports: Sequence[Claim], plan: PlanVersion, due: str, gone: Punctuality) -> Punctuality:
    """How punctual the report owed for a period was. `gone`: the state after SILENT_AFTER periods without one."""
    enough = [claim for claim in reports if reported_month(claim) >= due]
    if enough:
        in_time = any(_received_by_due_day(claim, plan, due) for claim in enough)
        return Punctuality.ON_TIME if in_time else Punctuality.LATE
    missed = months_between(max(map(reported_month, reports)), due)
    return gone if missed >= SILENT_AFTER else Punctuality.LATE


def program_punctuality(
    plan_facts: PlanFacts, version: Version, code: str, as_of: date, known_at: int = EVERYTHING
) -> Punctuality:
    """The state of reporting of one program of the version in force, whichever departments led it."""
    reports = list(plan_facts.standing_reports(code, as_of, known_at))
    if not reports:
        return Punctuality.NEVER
    due = due_period(version.plan, as_of)
    if due is None or not plan_facts.lead(code, period_end(due), known_at) or _finished_before(reports, due):
        return Punctuality.ON_TIME
    return _judge(reports, version.plan, due, Punctuality.STALE)


@dataclass(frozen=True, slots=True)
class DepartmentState:
    """The punctuality of a department, with counts. `programs`: how many it leads; `reported` of them have a standing
    report and `realized` of them are realized, also where an earlier lead department reported it. `missing`: on how
    many programs it owes the report for the due period and has sent none. The other fields are about its own
    reports."""

    department: str
    state: Punctuality
    programs: int
    reported: int
    realized: int
    missing: int
    last_period: str | None
    last_received_ms: int | None
    periods_missed: int


def departments(
    plan_facts: PlanFacts, version: Version, as_of: date, known_at: int = EVERYTHING
) -> list[DepartmentState]:
    """The state of every department that leads a program of the version in force, in the plan's order."""
    plan, due = version.plan, due_period(version.plan, as_of)
    ever = dict.fromkeys(code for each in plan_facts.versions_until(as_of, known_at) for code in each.programs)
    reports = {code: list(plan_facts.standing_reports(code, as_of, known_at)) for code in ever}
    sent: dict[str, list[tuple[str, Claim]]] = defaultdict(list)
    for code, found in reports.items():
        for claim in found:
            sent[claim.source].append((code, claim))
    led, owed = defaultdict(list), defaultdict(list)
    for code, lead in version.leads.items():
        led[lead].append(reports[code])
    judged = plan_facts.version(period_end(due), known_at) if due else None
    if due and judged:
        for code, lead in judged.leads.items():
            if not _finished_before(reports[code], due):
                owed[lead].append(code)
    result = []
    for entry in plan.departments:
        source = department(plan_facts.plan, entry.key)
        if source not in led:
            continue
        own = [claim for _, claim in sent[source]]
        last = max(map(reported_month, own), default=None)
        if not own:
            state = Punctuality.NEVER
        elif due is None or not owed[source]:
            state = Punctuality.ON_TIME
        else:
            state = _judge(own, plan, due, Punctuality.SILENT)
        enough = {code for code, claim in sent[source] if due and reported_month(claim) >= due}
        result.append(
            DepartmentState(
                department=entry.key,
                state=state,
                programs=len(led[source]),
                reported=sum(1 for found in led[source] if found),
                realized=sum(1 for found in led[source] if found and found[0].status is Status.REALIZED),
                missing=sum(1 for code in owed[source] if code not in enough),
                last_period=last,
                last_received_ms=max((claim.received_ms for claim in own), default=None),
                periods_missed=max(0, months_between(last, due)) if last and due and owed[source] else 0,
            )
        )
    return result
