"""Programs with their latest claim, and one program's whole story: the answer to "why"."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from realization import punctuality
from realization.cells import PHYSICAL_UNIT
from realization.claims import Claim
from realization.exact import text as exact
from realization.plan_facts import ProgramState, Version
from schemas.private import Json, put_private
from schemas.registry import BY_TYPE
from schemas.vocabulary import Punctuality
from services.aggregator.api.models import ReceivedRef, Text
from services.aggregator.api.moments import Moment
from services.aggregator.api.open_plans import moment_of
from services.aggregator.api.programs.models import (
    Evidence,
    FullProgramStory,
    FullReport,
    FullVerification,
    Program,
    ProgramFilters,
    Programs,
    ProgramStory,
    Report,
    Verification,
)
from services.kit.http.problems import NotFoundProblem
from services.kit.http.responses import cursor_of
from services.kit.projection.private_parts import Private

_Wins = Mapping[int, frozenset[str]]


def _wins(moment: Moment) -> _Wins:
    """The Quick Win programs by year."""
    plan_facts, as_of, known_at = moment.opened.plan_facts, moment.as_of, moment.known_at
    return {year: plan_facts.quick_wins(year, as_of, known_at) for year in plan_facts.quick_win_years(as_of, known_at)}


def programs(moment: Moment, filters: ProgramFilters, after: str, limit: int) -> Programs:
    """A page of the programs that pass the filters, sorted by code, with codes after `after`."""
    version = moment.version
    states = moment.opened.plan_facts.states(version, moment.as_of, moment.known_at) if version else {}
    codes = sorted(_passing(moment, version, states, filters)) if version else []
    page = [code for code in codes if code > after][:limit]
    more = bool(page) and page[-1] != codes[-1]
    wins = _wins(moment)
    return Programs(
        plan=moment.opened.plan_facts.plan,
        as_of=moment.as_of,
        known_at=moment.known,
        total=len(codes),
        items=[_program(moment, version, wins, code, states[code]) for code in page] if version else [],
        next=cursor_of(moment.as_of, moment.known_at, page[-1]) if more else None,
    )


def _passing(
    moment: Moment, version: Version, states: Mapping[str, ProgramState], filters: ProgramFilters
) -> Iterable[str]:
    plan_facts = moment.opened.plan_facts
    wins = (
        None if filters.quick_win is None else plan_facts.quick_wins(filters.quick_win, moment.as_of, moment.known_at)
    )
    sought = filters.q.casefold() if filters.q else ""
    for code, program in version.programs.items():
        claim = states[code].claim
        if (
            filters.dimension in {None, program.dimension}
            and filters.sub_dimension in {None, program.sub_dimension}
            and filters.department in {None, program.department}
            and (filters.status is None or (claim is not None and claim.status is filters.status))
            and (wins is None or code in wins)
            and any(sought in name.casefold() for name in (code, program.name.id, program.name.en))
            and (filters.state is None or _state(moment, version, code) == filters.state)
        ):
            yield code


def _state(moment: Moment, version: Version, code: str) -> Punctuality:
    """The punctuality of reports on a program."""
    return punctuality.program_punctuality(moment.opened.plan_facts, version, code, moment.as_of, moment.known_at)


def _program(moment: Moment, version: Version, wins: _Wins, code: str, state: ProgramState) -> Program:
    program, claim = version.programs[code], state.claim
    return Program(
        program=code,
        name=Text(id=program.name.id, en=program.name.en),
        dimension=program.dimension.value,
        sub_dimension=program.sub_dimension,
        department=program.department,
        supporting=list(program.supporting),
        weight=str(program.weight),
        start_year=program.start_year,
        finish_year=program.finish_year,
        quick_win_years=[year for year, codes in wins.items() if code in codes],
        priority_problem=program.priority_problem,
        leading_sector=program.leading_sector,
        status=claim.status if claim else None,
        physical=physical(claim) if claim else None,
        spent=_spent(claim) if claim else None,
        effective_on=claim.effective_on if claim else None,
        verified=state.verified,
        state=_state(moment, version, code),
        report=ReceivedRef(source=claim.source, id=claim.id, seq=claim.seq, received_at=moment_of(claim.received_ms))
        if claim
        else None,
    )


def physical(claim: Claim) -> str:
    """Physical progress in percent, exact and without trailing zeros: 45.5, 100."""
    return exact(Fraction(claim.physical, PHYSICAL_UNIT))


def _spent(claim: Claim) -> str | None:
    return None if claim.spent is None else str(claim.spent)


def story(moment: Moment, code: str) -> ProgramStory:
    """One program with every report and every verification, newest first, without private fields.

    Raises NotFoundProblem where the version in force has no such program.
    """
    plan_facts, as_of, known_at, version = moment.opened.plan_facts, moment.as_of, moment.known_at, moment.version
    if version is None or code not in version.programs:
        raise NotFoundProblem(f"{plan_facts.plan} has no program {code} in the version in force at {as_of}.")
    state = plan_facts.state(code, as_of, known_at)
    reports = [
        Report(
            source=claim.source,
            id=claim.id,
            seq=claim.seq,
            received_at=moment_of(claim.received_ms),
            time=moment_of(claim.time_us // 1000),
            effective_on=claim.effective_on,
            period=claim.period,
            status=claim.status,
            physical=physical(claim),
            spent=_spent(claim),
            standing=standing,
            late=punctuality.is_late(claim, version.plan),
        )
        for claim, standing in plan_facts.claims(code, as_of, known_at)
    ]
    verifications = [
        Verification(
            source=seen.source,
            id=seen.id,
            seq=seen.seq,
            visited_on=seen.visited_on,
            outcome=seen.outcome,
            standing=standing,
        )
        for seen, standing in plan_facts.verifications(code, as_of, known_at)
    ]
    return ProgramStory(
        plan=plan_facts.plan,
        as_of=as_of,
        known_at=moment.known,
        **dict(_program(moment, version, _wins(moment), code, state)),
        reports=reports,
        verifications=verifications,
    )


def in_full(public: ProgramStory, events: Mapping[int, Json], private: Mapping[int, Private]) -> FullProgramStory:
    """The story with notes, obstacles and evidence. `events` and `private`: those of the facts in it, by `seq`."""
    data = {seq: put_private(event["data"], private[seq].data) for seq, event in events.items()}
    reports = [
        FullReport(
            **dict(each),
            erased=private[each.seq].erased,
            note=data[each.seq].get("note"),
            obstacle=data[each.seq].get("obstacle"),
            evidence=_evidence(data[each.seq]),
        )
        for each in public.reports
    ]
    verifications = [
        FullVerification(
            **dict(each),
            erased=private[each.seq].erased,
            note=BY_TYPE[events[each.seq]["type"]].part_about(data[each.seq], public.program).get("note"),
            evidence=_evidence(data[each.seq]),
        )
        for each in public.verifications
    ]
    return FullProgramStory(**dict(public) | {"reports": reports, "verifications": verifications})


def _evidence(data: dict[str, Any]) -> list[Evidence]:
    fields = Evidence.model_fields
    return [Evidence(**dict.fromkeys(fields) | each) for each in data.get("evidence", ())]
