"""Which departments are on time, late, silent, or never reported."""

from collections import Counter

from realization import punctuality
from services.aggregator.api.departments.models import Department, Departments
from services.aggregator.api.models import Text
from services.aggregator.api.moments import Moment
from services.aggregator.api.open_plans import moment_of


def departments(moment: Moment) -> Departments:
    """The state of every department that leads a program, in the plan's order."""
    plan_facts, version = moment.opened.plan_facts, moment.version
    period = punctuality.due_period(version.plan, moment.as_of) if version else None
    found = punctuality.departments(plan_facts, version, moment.as_of, moment.known_at) if version else []
    names = {entry.key: entry.name for entry in version.plan.departments} if version else {}
    counts = Counter(each.state.value for each in found)
    return Departments(
        plan=plan_facts.plan,
        as_of=moment.as_of,
        known_at=moment.known,
        period=period,
        due_on=punctuality.due_on(period, version.plan.report_due_day) if version and period else None,
        counts={state: counts[state] for state in ("on_time", "late", "silent", "never")},
        items=[
            Department(
                department=each.department,
                name=Text(id=names[each.department].id, en=names[each.department].en),
                state=each.state,
                programs=each.programs,
                reported=each.reported,
                realized=each.realized,
                missing=each.missing,
                last_period=each.last_period,
                last_received_at=None if each.last_received_ms is None else moment_of(each.last_received_ms),
                periods_missed=each.periods_missed,
            )
            for each in found
        ],
    )
