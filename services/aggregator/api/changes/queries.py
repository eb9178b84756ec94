"""What became realized, was withdrawn, was verified... between two moments."""

from collections import Counter
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import get_args

from realization import formulas
from realization.cells import PHYSICAL_UNIT, Counts
from realization.exact import text as exact
from realization.plan_facts import NEVER_REPORTED, ProgramState, Version
from schemas.plan_versions import VersionProgram
from services.aggregator.api.cells import figure
from services.aggregator.api.changes.models import ChangedProgram, ChangeKind, Changes, Side
from services.aggregator.api.models import FactRef, Figure, Text
from services.aggregator.api.moments import Moment

KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)


def changes(since: date | int, after: Moment) -> Changes:
    """The changes up to a moment: since an earlier date with the same `known_at`, or since an earlier `seq` with the
    same `as_of`.

    Sorted by `ChangeKind`, then by program code.
    """
    if isinstance(since, date):
        before = replace(after, as_of=since)
    else:
        before = replace(after, known_at=min(since, after.known_at))
    first, last = _look(before), _look(after)
    items = [
        _changed(kind, code, first, last, after)
        for code in sorted(first.keys() | last.keys())
        for kind in _kinds(first.get(code), last.get(code))
    ]
    items.sort(key=lambda item: KINDS.index(item.change))
    counts = Counter(item.change for item in items)
    return Changes(
        plan=after.opened.plan_facts.plan,
        since=since,
        as_of=after.as_of,
        known_at=after.known,
        before=_share(before, first),
        after=_share(after, last),
        counts={kind: counts[kind] for kind in KINDS},
        items=items,
    )


_Look = dict[str, tuple[VersionProgram, ProgramState]]


def _look(moment: Moment) -> _Look:
    version = moment.version
    if version is None:
        return {}
    states = moment.opened.plan_facts.states(version, moment.as_of, moment.known_at)
    return {code: (program, states[code]) for code, program in version.programs.items()}


def _share(moment: Moment, look: _Look) -> Figure:
    version: Version | None = moment.version
    if version is None:
        return figure(formulas.nothing_in_force("share.v1"))
    counts = Counts()
    for program, state in look.values():
        counts.take(program, state, moment.as_of.year)
    return figure(formulas.share(counts))


def _kinds(
    first: tuple[VersionProgram, ProgramState] | None, last: tuple[VersionProgram, ProgramState] | None
) -> list[ChangeKind]:
    if last is None:
        return ["removed"]
    kinds: list[ChangeKind] = [] if first else ["added"]
    before, after = first[1] if first else NEVER_REPORTED, last[1]
    if before.realized != after.realized:
        kinds.append("realized" if after.realized else "withdrawn")
    if before.verified != after.verified:
        kinds.append("verified" if after.verified else "unverified")
    if kinds:
        return kinds
    if _status(before) != _status(after):
        return ["status"]
    if before.claim and after.claim and before.claim.physical != after.claim.physical:
        return ["progress"]
    return []


def _status(state: ProgramState) -> str | None:
    return state.claim.status if state.claim else None


def _side(found: tuple[VersionProgram, ProgramState] | None) -> Side | None:
    if found is None:
        return None
    state = found[1]
    if state.claim is None:
        return Side(status=None, physical=None, verified=False)
    return Side(
        status=state.claim.status,
        physical=exact(Fraction(state.claim.physical, PHYSICAL_UNIT)),
        verified=state.verified,
    )


def _changed(kind: ChangeKind, code: str, first: _Look, last: _Look, after: Moment) -> ChangedProgram:
    program = (last.get(code) or first[code])[0]
    return ChangedProgram(
        program=code,
        name=Text(id=program.name.id, en=program.name.en),
        dimension=program.dimension.value,
        department=program.department,
        change=kind,
        before=_side(first.get(code)),
        after=_side(last.get(code)),
        report=_rests_on(kind, code, last, after),
    )


def _rests_on(kind: ChangeKind, code: str, last: _Look, after: Moment) -> FactRef | None:
    if kind in {"verified", "unverified"}:
        seen = after.opened.plan_facts.verification(code, after.as_of, after.known_at)
        return FactRef(source=seen.source, id=seen.id, seq=seen.seq) if seen else None
    claim = last[code][1].claim if code in last else None
    return FactRef(source=claim.source, id=claim.id, seq=claim.seq) if claim else None
