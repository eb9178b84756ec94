"""The realization of a plan: overall and by group."""

from typing import TypedDict

from realization import formulas
from realization.cells import WEIGHT_UNIT, Counts, Grouping, Tally, membership, tally
from realization.formulas import Basis
from realization.plan_facts import Version
from realization.targets import target
from services.aggregator.api.cells import _nothing_in_force, cell, figure, labels
from services.aggregator.api.figures.models import Realization
from services.aggregator.api.models import Group, Overall, Text
from services.aggregator.api.moments import TIME_ZONE, Moment


class PlanIdentity(TypedDict):
    """The name and other fields of a plan."""

    name: Text
    city: str | None
    illustrative: bool
    plan_version: int | None
    start_year: int | None
    end_year: int | None
    time_zone: str


def identity(moment: Moment) -> PlanIdentity:
    """The name and other fields of a plan: from the version in force, else from the first one known, else empty."""
    plan_facts = moment.opened.plan_facts
    known = [version for version in plan_facts.versions if version.seq <= moment.known_at]
    version = moment.version
    shown = version or next(iter(known), None)
    if shown is None:
        return {
            "name": Text(id=plan_facts.plan, en=plan_facts.plan),
            "city": None,
            "illustrative": False,
            "plan_version": None,
            "start_year": None,
            "end_year": None,
            "time_zone": TIME_ZONE,
        }
    plan = shown.plan
    return {
        "name": Text(id=plan.name.id, en=plan.name.en),
        "city": plan.city,
        "illustrative": plan.illustrative,
        "plan_version": version.number if version else None,
        "start_year": plan.start_year,
        "end_year": plan.end_year,
        "time_zone": plan.time_zone,
    }


def _count(moment: Moment, version: Version, grouping: Grouping, quick_win: int | None) -> Tally:
    plan_facts, as_of, known_at = moment.opened.plan_facts, moment.as_of, moment.known_at
    only = None if quick_win is None else plan_facts.quick_wins(quick_win, as_of, known_at)
    states = plan_facts.states(version, as_of, known_at)
    return tally(version, states, as_of, membership(grouping, plan_facts, as_of, known_at), only)


def realization(
    moment: Moment, group_by: Grouping = "dimension", basis: Basis = "claimed", quick_win: int | None = None
) -> Realization:
    """How far a plan is realized as of a date, by the facts known at a `seq`."""
    version = moment.version
    overall, groups = _nothing_in_force(), []
    if version is not None:
        counts = _count(moment, version, group_by, quick_win)
        weight = sum(int(program.weight * WEIGHT_UNIT) for program in version.programs.values())
        expected = target(version.plan, moment.as_of)
        overall = Overall(
            **dict(cell(counts.overall, weight, basis, expected)),
            dimension_mean=figure(formulas.dimension_mean(counts.dimensions, basis)),
        )
        for key, label in labels(group_by, version, counts.groups).items():
            own = target(version.plan, moment.as_of, key) if group_by == "dimension" else expected
            found = cell(counts.groups.get(key, Counts()), weight, basis, own)
            groups.append(Group(key=key, label=label, **dict(found)))
    return Realization(
        plan=moment.opened.plan_facts.plan,
        **identity(moment),
        as_of=moment.as_of,
        known_at=moment.known,
        fresh_at=moment.opened.fresh_at(moment.known_at),
        basis=basis,
        group_by=group_by,
        quick_win=quick_win,
        overall=overall,
        groups=groups,
    )
