"""The facts of one plan as a set: the standing of each, and the state of every program, at any date and any `seq`.

`PlanFacts.add` takes facts in any order, and no result depends on the order. Every query has two coordinates: `as_of`,
the date asked about, and `known_at`, the `seq` up to which facts are known.

The claim that stands (domain.md, "Figures, exactly") is that of the standing report with the greatest (`effective_on`,
`time`, `source`, `id`) whose `effective_on` is not after `as_of`. A report counts if its department led the program on
its `effective_on`. A verification counts if the program was in the plan on the day of the visit. Both go by the plan
version in force on that day: of those known, the one with the latest `effective_from` up to it, or of two with the same
date the higher version. So a program keeps its history when another department takes it over.
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import msgspec

from realization.claim_columns import Columns, Packed
from realization.claims import Claim, claim_of
from schemas.codec import FlatReport, report_of
from schemas.envelope import Envelope
from schemas.evaluations import QuickWinsChosen, VerificationRecorded, VisitRecorded
from schemas.fields import microseconds
from schemas.masterplan import MasterplanVersionPublished
from schemas.plan_versions import PlanVersion, VersionProgram, plan_of
from schemas.registry import (
    FOLDED,
    PLAN_VERSION,
    QUICK_WINS,
    REPORT,
    RETRACTION,
    VERIFICATION,
    VISIT,
    Event,
    Programs,
    handlers,
    kind_of,
)
from schemas.reports import StatusReported, StatusRetracted
from schemas.sources import parse_source
from schemas.vocabulary import Standing, Status, VerificationResult

EVERYTHING = 1 << 62
FIRST_DAY, LAST_DAY = date.min, date.max


class Verified(NamedTuple):
    """An evaluator's verification of one program. Ordered like claims: by date of the visit, time, source, id."""

    visited_on: date
    time_us: int
    source: str
    id: str
    seq: int
    outcome: VerificationResult


class _Retraction(NamedTuple):
    seq: int
    source: str
    attested: bool


class Version(NamedTuple):
    """A plan version as a fact. Ordered by the date it takes effect, then its number."""

    effective_from: date
    number: int
    seq: int
    plan: PlanVersion
    programs: Mapping[str, VersionProgram]
    leads: Mapping[str, str]  # program -> source of its lead department


class _Choice(NamedTuple):
    chosen_on: date
    time_us: int
    source: str
    id: str
    seq: int
    year: int
    programs: tuple[str, ...]


class ProgramState(msgspec.Struct, frozen=True):
    """The claim on one program, and whether an evaluator has confirmed it. Without a claim: never reported."""

    claim: Claim | None
    verified: bool

    @property
    def realized(self) -> bool:
        return self.claim is not None and self.claim.status is Status.REALIZED


NEVER_REPORTED = ProgramState(None, verified=False)


class KnownFact(Protocol):
    """What the fold needs of a fact, whether it is read (`schemas.facts.Fact`) or about to be written."""

    @property
    def seq(self) -> int: ...
    @property
    def received_ms(self) -> int: ...
    @property
    def event(self) -> Event: ...


class PlanFacts:
    """The facts of one plan."""

    def __init__(self, plan: str) -> None:
        self.plan = plan
        self.seq = 0  # the greatest seen
        self.received_ms = 0  # the greatest seen
        self.versions: list[Version] = []
        self._claims: dict[str, list[Claim]] = {}
        self._packed: dict[str, Packed] = {}  # program -> its claims, where they are not unpacked into `_claims` yet
        self._columns = Columns()  # the rows of the packed claims
        self._retractions: dict[tuple[str, str], list[_Retraction]] = {}
        self._verified: dict[str, list[Verified]] = {}
        self._choices: list[_Choice] = []
        self._last_received: dict[str, int] = {}

    def add(self, fact: KnownFact) -> tuple[str, ...] | None:
        """Add one fact to the set. Returns the programs whose state it may change, or None for all programs."""
        touched = self._apply(fact)
        self.seq = max(self.seq, fact.seq)
        self.received_ms = max(self.received_ms, fact.received_ms)
        return touched

    def _apply(self, fact: KnownFact) -> tuple[str, ...] | None:
        event, kind = fact.event, kind_of(fact.event)
        if not kind.fold:
            return ()
        _FOLD[event.type](self, event, fact)
        if kind.programs is Programs.ALL:
            return None
        if kind.programs is Programs.OF_TARGET:
            program = self._reported_by(*kind.target(event.data))
            return () if program is None else (program,)
        return kind.named_programs(event.data)

    def _fold_report(self, event: StatusReported, fact: KnownFact) -> None:
        self.add_report(report_of(event), fact.seq, fact.received_ms)

    def _fold_retraction(self, event: StatusRetracted, fact: KnownFact) -> None:
        target = (event.data.source, event.data.id)
        attested = event.attestedrole == "administrator"
        self._retractions.setdefault(target, []).append(_Retraction(fact.seq, event.source, attested))

    def _fold_plan_version(self, event: MasterplanVersionPublished, fact: KnownFact) -> None:
        self.add_plan(plan_of(event.data), fact.seq, fact.received_ms)

    def _fold_visit(self, event: VisitRecorded, fact: KnownFact) -> None:
        for seen in event.data.programs:
            self._see(seen.program, event, event.data.visited_on, fact, seen.outcome)

    def _fold_verification(self, event: VerificationRecorded, fact: KnownFact) -> None:
        self._see(event.data.program, event, event.data.verified_on, fact, event.data.outcome)

    def _fold_quick_wins(self, event: QuickWinsChosen, fact: KnownFact) -> None:
        wins, at = event.data, microseconds(event.time)
        choice = _Choice(wins.chosen_on, at, event.source, event.id, fact.seq, wins.year, wins.programs)
        insort(self._choices, choice)

    def _see(self, program: str, event: Envelope, day: date, fact: KnownFact, outcome: VerificationResult) -> None:
        seen = Verified(day, microseconds(event.time), event.source, event.id, fact.seq, outcome)
        insort(self._verified.setdefault(program, []), seen)

    def skip(self, seq: int, received_ms: int) -> None:
        """Count a fact that no figure depends on."""
        self.seq = max(self.seq, seq)
        self.received_ms = max(self.received_ms, received_ms)

    def add_plan(self, plan: PlanVersion, seq: int, received_ms: int) -> None:
        """Add a plan version, as `add` does, that the caller has already decoded."""
        programs = {program.code: program for program in plan.programs}
        prefix = f"/plans/{self.plan}/departments/"
        leads = {code: prefix + program.department for code, program in programs.items()}
        insort(self.versions, Version(plan.effective_from, plan.version, seq, plan, programs, leads))
        self.seq = max(self.seq, seq)
        self.received_ms = max(self.received_ms, received_ms)

    def add_report(self, report: FlatReport, seq: int, received_ms: int) -> tuple[str, ...]:
        """Add a report, as `add` does, that the caller has as a FlatReport."""
        return self.add_claim(report.program, claim_of(report, seq, received_ms))

    def add_claim(self, program: str, claim: Claim) -> tuple[str, ...]:
        """Add a report, as `add` does, that the caller has as a claim, without its event."""
        claims = self._claims.get(program)
        if claims is not None:
            if claims and claims[-1] < claim:  # nearly always
                claims.append(claim)
            else:
                insort(claims, claim)
        else:
            self._claims[program] = sorted([*self._all_claims(program), claim])
        received_ms = claim.received_ms
        if received_ms > self._last_received.get(claim.source, 0):
            self._last_received[claim.source] = received_ms
        self.received_ms = max(self.received_ms, received_ms)
        self.seq = max(self.seq, claim.seq)
        return (program,)

    def fill(self, columns: Columns) -> None:
        """Add all reports of a plan in columns, before any other report. Raises ValueError where there are reports
        already."""
        if self._claims or self._packed:
            raise ValueError(f"plan {self.plan} has reports already")
        self._packed, self._columns = columns.by_program(), columns
        self.seq = max(self.seq, max(columns.seq, default=0))
        self.received_ms = max(self.received_ms, max(columns.received_ms, default=0))

    def _all_claims(self, program: str) -> Sequence[Claim]:
        """All claims on a program, in the order of claims."""
        if program in self._packed:
            self._claims[program] = self._packed.pop(program).claims()
        return self._claims.get(program, ())

    @property
    def last_received(self) -> dict[str, int]:
        """When the last report of each department was received, by its source."""
        if not self._columns.seq:
            return self._last_received
        last = self._columns.last_received()
        return last | {source: max(ms, last.get(source, 0)) for source, ms in self._last_received.items()}

    def _reported_by(self, source: str, event_id: str) -> str | None:
        """The program of a report; None where there is no such report."""
        for program, claims in self._claims.items():
            for claim in claims:
                if claim.id == event_id and claim.source == source:
                    return program
        return self._columns.program_of(source, event_id)

    def version(self, as_of: date, known_at: int = EVERYTHING) -> Version | None:
        """The plan version in force, or None."""
        for version in reversed(self.versions):
            if version.effective_from <= as_of and version.seq <= known_at:
                return version
        return None

    def versions_until(self, as_of: date, known_at: int = EVERYTHING) -> list[Version]:
        """The plan versions that have taken effect by a date, in their order."""
        return [each for each in self.versions if each.effective_from <= as_of and each.seq <= known_at]

    def next_change(self, as_of: date) -> date | None:
        """The first date after `as_of` at which another plan version takes effect."""
        return next((version.effective_from for version in self.versions if version.effective_from > as_of), None)

    def quick_wins(self, year: int, as_of: date = LAST_DAY, known_at: int = EVERYTHING) -> frozenset[str]:
        """The Quick Win programs of a year: the council's latest choice, or without one those that the plan marks."""
        version = self.version(as_of, known_at)
        if version is None:
            return frozenset()
        for choice in reversed(self._choices):
            if choice.year == year and choice.chosen_on <= as_of and choice.seq <= known_at:
                return frozenset(choice.programs) & version.programs.keys()
        return frozenset(code for code, program in version.programs.items() if year in program.quick_win_years)

    def quick_win_years(self, as_of: date = LAST_DAY, known_at: int = EVERYTHING) -> tuple[int, ...]:
        """Every year for which Quick Win programs are marked or chosen."""
        version = self.version(as_of, known_at)
        marked = (
            {year for program in version.programs.values() for year in program.quick_win_years} if version else set()
        )
        chosen = {choice.year for choice in self._choices if choice.chosen_on <= as_of and choice.seq <= known_at}
        return tuple(sorted(marked | chosen))

    def _retracted(self, source: str, event_id: str, known_at: int) -> bool:
        if not self._retractions:
            return False
        found = self._retractions.get((source, event_id))
        return found is not None and any(
            retraction.seq <= known_at and (retraction.attested or retraction.source == source) for retraction in found
        )

    def lead(self, program: str, day: date, known_at: int = EVERYTHING) -> str | None:
        """The source of the department that led a program on a day; None where it was in no plan."""
        version = self.version(day, known_at)
        return None if version is None else version.leads.get(program)

    def standing_reports(self, program: str, as_of: date, known_at: int = EVERYTHING) -> Iterator[Claim]:
        """The reports on a program that count, newest first: not retracted, and from the department that led it on the
        report's `effective_on`."""
        lead, led_from = None, LAST_DAY
        for claim in self._newest_first(program, as_of, known_at):
            if claim.effective_on < led_from:  # an earlier plan version was in force then
                version = self.version(claim.effective_on, known_at)
                lead = None if version is None else version.leads.get(program)
                led_from = FIRST_DAY if version is None else version.effective_from
            if claim.source == lead and claim.seq <= known_at and not self._retracted(claim.source, claim.id, known_at):
                yield claim

    def _newest_first(self, program: str, as_of: date, known_at: int) -> Iterator[Claim]:
        packed = self._packed.get(program)
        if packed is not None:
            return packed.newest_first(as_of, known_at)
        claims = self._claims.get(program, [])
        if not claims or claims[-1].effective_on <= as_of:  # nearly always
            return reversed(claims)
        return islice(reversed(claims), len(claims) - bisect_right(claims, as_of, key=_effective_on), None)

    def state(self, program: str, as_of: date, known_at: int = EVERYTHING) -> ProgramState:
        """The state of a program as of a date, whether or not it is in the plan then."""
        claim = self._plainly_standing(program, as_of, known_at)
        if claim is not None and (claim.status is not Status.REALIZED or program not in self._verified):
            return ProgramState(claim, verified=False)
        standing = self.standing_reports(program, as_of, known_at)
        claim = next(standing, None)
        if claim is None:
            return NEVER_REPORTED
        return ProgramState(claim, self._confirmed(program, claim, standing, as_of, known_at))

    def _plainly_standing(self, program: str, as_of: date, known_at: int) -> Claim | None:
        """A fast path to the first report of `standing_reports`, for the usual case: the newest report of all stands, sent
        by the department that leads the program in the version in force. None in any other case."""
        claims = self._claims.get(program)
        if not claims or self._retractions:
            return None
        claim, version = claims[-1], self.version(as_of, known_at)
        if version is None:
            return None
        stands = version.effective_from <= claim.effective_on <= as_of and claim.seq <= known_at
        return claim if stands and claim.source == version.leads.get(program) else None

    def _confirmed(self, program: str, claim: Claim, earlier: Iterator[Claim], as_of: date, known_at: int) -> bool:
        """Whether the claim is realized, the latest visit confirms it, and it is unchanged since that visit.

        Unchanged means: the claim that stood on the day of the visit was realized, and so is every later one.
        """
        if claim.status is not Status.REALIZED:
            return False
        latest = self.verification(program, as_of, known_at)
        if latest is None or latest.outcome is not VerificationResult.CONFIRMED:
            return False
        while claim.effective_on > latest.visited_on:
            before = next(earlier, None)
            if before is None or before.status is not Status.REALIZED:
                return False
            claim = before
        return True

    def turning_points(self, program: str) -> list[date]:
        """The dates at which the state of a program may change, oldest first."""
        dates = {claim.effective_on for claim in self._all_claims(program)}
        return sorted(dates | {seen.visited_on for seen in self._verified.get(program, ())})

    def verification(self, program: str, as_of: date, known_at: int = EVERYTHING) -> Verified | None:
        """The latest verification of a program as of a date, among those on days when it was in the plan."""
        for seen in reversed(self._verified.get(program, ())):
            if seen.visited_on <= as_of and seen.seq <= known_at and self.lead(program, seen.visited_on, known_at):
                return seen
        return None

    def states(self, version: Version, as_of: date, known_at: int = EVERYTHING) -> dict[str, ProgramState]:
        """The state of every program of the version in force."""
        return {code: self.state(code, as_of, known_at) for code in version.programs}

    def claims(self, program: str, as_of: date = LAST_DAY, known_at: int = EVERYTHING) -> list[tuple[Claim, Standing]]:
        """Every report on a program, of any department, with its standing; newest first."""
        found = [claim for claim in self._all_claims(program) if claim.effective_on <= as_of and claim.seq <= known_at]
        stands = next(self.standing_reports(program, as_of, known_at), None)
        return [(claim, self._standing(program, claim, stands, known_at)) for claim in sorted(found, reverse=True)]

    def _standing(self, program: str, claim: Claim, stands: Claim | None, known_at: int) -> Standing:
        if self._retracted(claim.source, claim.id, known_at):
            return Standing.RETRACTED
        lead = self.lead(program, claim.effective_on, known_at)
        if lead is None:
            return Standing.ORPHAN
        if claim.source != lead:
            return Standing.FOREIGN
        return Standing.CURRENT if claim == stands else Standing.SUPERSEDED

    def verifications(
        self, program: str, as_of: date = LAST_DAY, known_at: int = EVERYTHING
    ) -> list[tuple[Verified, Standing]]:
        """Every verification of a program, newest first, with its standing."""
        latest = self.verification(program, as_of, known_at)

        def standing(seen: Verified) -> Standing:
            if self.lead(program, seen.visited_on, known_at) is None:
                return Standing.ORPHAN
            return Standing.CURRENT if seen == latest else Standing.SUPERSEDED

        return [
            (seen, standing(seen))
            for seen in reversed(self._verified.get(program, ()))
            if seen.visited_on <= as_of and seen.seq <= known_at
        ]

    def standing(self, fact: KnownFact, as_of: date = LAST_DAY, known_at: int = EVERYTHING) -> Standing:
        """The standing of a fact."""
        event = fact.event
        return _STANDING[event.type](self, event, as_of, known_at) if kind_of(event).fold else Standing.CURRENT

    def report_standing(
        self, program: str, source: str, event_id: str, as_of: date = LAST_DAY, known_at: int = EVERYTHING
    ) -> Standing:
        """The standing of a report on a program."""
        for claim, standing in self.claims(program, as_of, known_at):
            if (claim.source, claim.id) == (source, event_id):
                return standing
        return Standing.SUPERSEDED

    def _report_standing(self, event: StatusReported, as_of: date, known_at: int) -> Standing:
        return self.report_standing(event.data.program, event.source, event.id, as_of, known_at)

    def _retraction_standing(self, event: StatusRetracted, _as_of: date, _known_at: int) -> Standing:
        retraction = event.data
        if retraction.source != event.source and event.attestedrole != "administrator":
            return Standing.FOREIGN
        known = self._reported_by(retraction.source, retraction.id) is not None
        return Standing.CURRENT if known else Standing.ORPHAN

    def _plan_version_standing(self, event: MasterplanVersionPublished, as_of: date, known_at: int) -> Standing:
        version = self.version(as_of, known_at)
        return Standing.CURRENT if version and version.number == event.data.version else Standing.SUPERSEDED

    def _visit_standing(self, event: VisitRecorded, as_of: date, known_at: int) -> Standing:
        codes = [seen.program for seen in event.data.programs]
        return self._verified_standing(event, event.data.visited_on, codes, as_of, known_at)

    def _verification_standing(self, event: VerificationRecorded, as_of: date, known_at: int) -> Standing:
        return self._verified_standing(event, event.data.verified_on, [event.data.program], as_of, known_at)

    def _verified_standing(
        self, event: Envelope, day: date, codes: Sequence[str], as_of: date, known_at: int
    ) -> Standing:
        if not any(self.lead(code, day, known_at) for code in codes):
            return Standing.ORPHAN
        latest = [self.verification(code, as_of, known_at) for code in codes]
        mine = any(seen and (seen.source, seen.id) == (event.source, event.id) for seen in latest)
        return Standing.CURRENT if mine else Standing.SUPERSEDED

    def _quick_wins_standing(self, _event: QuickWinsChosen, _as_of: date, _known_at: int) -> Standing:
        return Standing.CURRENT


# Each handler takes the event of its own kind, which the type of a mapping can't express: hence Any.
_FOLD: dict[str, Callable[[PlanFacts, Any, KnownFact], None]] = handlers(
    "the fold of a plan's facts",
    FOLDED,
    {
        REPORT: PlanFacts._fold_report,
        RETRACTION: PlanFacts._fold_retraction,
        PLAN_VERSION: PlanFacts._fold_plan_version,
        VISIT: PlanFacts._fold_visit,
        VERIFICATION: PlanFacts._fold_verification,
        QUICK_WINS: PlanFacts._fold_quick_wins,
    },
)
_STANDING: dict[str, Callable[[PlanFacts, Any, date, int], Standing]] = handlers(
    "the standing of a fact",
    FOLDED,
    {
        REPORT: PlanFacts._report_standing,
        RETRACTION: PlanFacts._retraction_standing,
        PLAN_VERSION: PlanFacts._plan_version_standing,
        VISIT: PlanFacts._visit_standing,
        VERIFICATION: PlanFacts._verification_standing,
        QUICK_WINS: PlanFacts._quick_wins_standing,
    },
)

_effective_on = attrgetter("effective_on")


def organization_of(source: str) -> str:
    """The key of the department or evaluator in a source."""
    return parse_source(source).organization
