"""What `realization` answers, in the oracle's words, so that the two can be held side by side."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, get_args

from realization import formulas
from realization.bands import band
from realization.cells import Counts, membership, tally
from realization.exact import percent
from realization.formulas import ExactFigure
from realization.plan_facts import EVERYTHING, PlanFacts
from realization.punctuality import departments, program_punctuality
from realization.targets import target
from schemas.evaluations import VerificationRecorded, VisitRecorded
from schemas.facts import Fact
from schemas.registry import EVENT
from schemas.vocabulary import Status
from tests import oracle
from tests.oracle import Json
from tests.strategies import PARTITIONS, PLAN, ReceivedEvent, records_of


def facts_of(history: Sequence[ReceivedEvent]) -> list[oracle.OracleFact]:
    """The facts of a history in which every event comes once, in its order."""
    return oracle.decide(records_of(history), PARTITIONS)[1]


def numbered(facts: Iterable[oracle.OracleFact]) -> list[Fact]:
    """Facts as the facts log keeps them, with `seq` in the order given."""
    return [
        Fact(
            seq=seq,
            received_ms=fact.received_ms,
            topic=fact.topic,  # type: ignore[arg-type]  # the oracle's topics are plain strings
            partition=fact.partition,
            offset=fact.offset,
            digest="",
            link="",
            fold=True,
            event=EVENT.validate_json(json.dumps(fact.event)),
        )
        for seq, fact in enumerate(facts, start=1)
    ]


def plan_facts_of(facts: Iterable[Fact], plan: str = PLAN) -> PlanFacts:
    plan_facts = PlanFacts(plan)
    for fact in facts:
        plan_facts.add(fact)
    return plan_facts


def figures(
    plan_facts: PlanFacts,
    *,
    as_of: date,
    known_at: int = EVERYTHING,
    group_by: Any = "dimension",
    quick_win: int | None = None,
    basis: Any = "claimed",
) -> Json:
    """As `oracle.figures`."""
    version = plan_facts.version(as_of, known_at)
    if version is None:
        overall = _cell(Counts(), None, basis, None)
        overall["dimension_mean"] = _figure(formulas.nothing_in_force("dimension_mean.v1"))
        return {"overall": overall, "groups": {}}
    only = None if quick_win is None else plan_facts.quick_wins(quick_win, as_of, known_at)
    states = plan_facts.states(version, as_of, known_at)
    whole = tally(version, states, as_of, membership(group_by, plan_facts, as_of, known_at))
    asked = tally(version, states, as_of, membership(group_by, plan_facts, as_of, known_at), only)
    weight = whole.overall.weight
    overall = _cell(asked.overall, weight, basis, target(version.plan, as_of))
    overall["dimension_mean"] = _figure(formulas.dimension_mean(asked.dimensions, basis))
    groups = {
        key: _cell(counts, weight, basis, target(version.plan, as_of, key if group_by == "dimension" else None))
        for key, counts in asked.groups.items()
    }
    return {"overall": overall, "groups": groups}


def _cell(counts: Counts, plan_weight: int | None, basis: Any, expected: Any) -> Json:
    if plan_weight is None:
        names = {"share": "share", "claimed": "share", "verified": "share"}
        names |= {name: name for name in ("weighted", "progress", "progress_all", "financial")}
        found = {name: formulas.nothing_in_force(f"{formula}.v1") for name, formula in names.items()}
    else:
        found = {
            "share": formulas.share(counts, basis),
            "claimed": formulas.share(counts, "claimed"),
            "verified": formulas.share(counts, "verified"),
            "weighted": formulas.weighted(counts, plan_weight, basis),
            "progress": formulas.progress(counts),
            "progress_all": formulas.progress_all(counts),
            "financial": formulas.financial(counts),
        }
    achieved = formulas.achievement(found["share"], expected.percent) if expected else None
    return {
        "programs": counts.programs,
        "reported": counts.reported,
        "never_reported": counts.programs - counts.reported,
        "realized": counts.realized,
        "verified_realized": counts.verified,
        "statuses": {status.value: counts.statuses[status] for status in Status},
        **{name: _figure(figure) for name, figure in found.items()},
        "financial_ahead": formulas.financial_ahead(counts),
        "target": expected and {"percent": percent(expected.percent), "rule": expected.rule},
        "achievement": None if achieved is None else {"percent": percent(achieved), "band": band(achieved).value},
    }


def _figure(figure: ExactFigure) -> Json:
    assert figure.reason is None or figure.reason in get_args(formulas.Reason)
    return {
        "formula": figure.formula,
        "numerator": Fraction(figure.numerator_text),
        "denominator": Fraction(figure.denominator_text),
        "percent": figure.percent,
        "reason": figure.reason,
    }


def standings(
    plan_facts: PlanFacts, as_of: date, known_at: int = EVERYTHING, programs: Iterable[str] = ()
) -> dict[tuple[str, str], str]:
    """As `oracle.standings`, for reports on the programs named."""
    return {
        (claim.source, claim.id): standing.value
        for program in programs
        for claim, standing in plan_facts.claims(program, as_of, known_at)
    }


def look_standings(
    plan_facts: PlanFacts, facts: Iterable[Fact], as_of: date, known_at: int
) -> dict[tuple[str, str], str]:
    """As `oracle.look_standings`."""
    return {
        (event.source, event.id): plan_facts.standing(fact, as_of, known_at).value
        for fact in facts
        if isinstance(event := fact.event, VisitRecorded | VerificationRecorded)
        and (event.data.visited_on if isinstance(event, VisitRecorded) else event.data.verified_on) <= as_of
        and fact.seq <= known_at
    }


def programs(plan_facts: PlanFacts, as_of: date, known_at: int = EVERYTHING) -> dict[str, Json]:
    """As `oracle.programs`."""
    version = plan_facts.version(as_of, known_at)
    if version is None:
        return {}
    return {
        code: {
            "report": state.claim and (state.claim.source, state.claim.id),
            "status": state.claim and state.claim.status.value,
            "physical": state.claim and Fraction(state.claim.physical, 100),
            "spent": state.claim and state.claim.spent,
            "verified": state.verified,
        }
        for code, state in plan_facts.states(version, as_of, known_at).items()
    }


def program_states(plan_facts: PlanFacts, as_of: date, known_at: int = EVERYTHING) -> dict[str, str]:
    """As `oracle.program_states`."""
    version = plan_facts.version(as_of, known_at)
    if version is None:
        return {}
    return {code: program_punctuality(plan_facts, version, code, as_of, known_at).value for code in version.programs}


def department_states(plan_facts: PlanFacts, as_of: date, known_at: int = EVERYTHING) -> dict[str, Json]:
    """As `oracle.department_states`."""
    version = plan_facts.version(as_of, known_at)
    if version is None:
        return {}
    return {
        each.department: {
            "state": each.state.value,
            "programs": each.programs,
            "reported": each.reported,
            "realized": each.realized,
            "missing": each.missing,
            "last_period": each.last_period,
            "last_received_ms": each.last_received_ms,
            "periods_missed": each.periods_missed,
        }
        for each in departments(plan_facts, version, as_of, known_at)
    }
