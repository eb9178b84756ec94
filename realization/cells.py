"""Counts and sums per cell: overall, and per dimension, sub-dimension, department, year, theme, Quick Win year."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Literal, NamedTuple

from realization.claims import Claim
from realization.plan_facts import EVERYTHING, PlanFacts, ProgramState, Version
from schemas.plan_versions import VersionProgram
from schemas.vocabulary import Status

Grouping = Literal["dimension", "sub_dimension", "department", "year", "theme", "quick_win"]
GROUPINGS: tuple[Grouping, ...] = ("dimension", "sub_dimension", "department", "year", "theme", "quick_win")
NO_THEME = "none"
WEIGHT_UNIT = 10_000  # weights are counted in 1/10,000 percent
PHYSICAL_UNIT = 100  # physical progress in 1/100 percent


class ProgramCounts(NamedTuple):
    """What one program adds to each of its cells: the counts of schemas.facts.COUNTS, in their order."""

    programs: int
    reported: int
    realized: int
    verified: int
    weight: int
    weight_realized: int
    weight_verified: int
    physical: int
    spent: int
    budget: int


def weight_of(program: VersionProgram) -> int:
    """The weight of a program, in 1/10,000 percent."""
    return int(program.weight * WEIGHT_UNIT)


def budget_to(program: VersionProgram, year: int) -> int:
    """The budget ceiling of a program up to a year, in rupiah."""
    last = f"{year:04}"  # a budget's years are texts of four digits, which sort like numbers
    return sum([amount for budget_year, amount in program.budget.items() if budget_year <= last])


def part_of(state: ProgramState, weight: int, budget: int) -> ProgramCounts:
    """What a program with this state, weight and budget ceiling to date adds to its cells."""
    claim = state.claim
    if claim is None:
        return ProgramCounts(1, 0, 0, 0, weight, 0, 0, 0, 0, budget)
    realized = claim.status is Status.REALIZED
    verified = realized and state.verified
    return ProgramCounts(
        1, 1, int(realized), int(verified), weight, weight if realized else 0, weight if verified else 0, claim.physical,
        claim.spent or 0, budget,
    )  # fmt: skip


@dataclass(slots=True)
class Counts:
    """Integer counts and sums of a set of programs. `budget` is the ceiling to date. `spent` is the money spent by the
    `spending` programs, whose claims state it: money spent may be unknown, which is not 0."""

    programs: int = 0
    reported: int = 0
    realized: int = 0
    verified: int = 0
    weight: int = 0
    weight_realized: int = 0
    weight_verified: int = 0
    physical: int = 0
    spent: int = 0
    budget: int = 0
    spending: int = 0
    statuses: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))

    def take(self, program: VersionProgram, state: ProgramState, year: int) -> None:
        """Add a program."""
        self.add(part_of(state, weight_of(program), budget_to(program, year)), state.claim)

    def add(self, part: ProgramCounts, claim: Claim | None) -> None:
        """Add a program's counts; its claim, if any, gives the money spent."""
        self.programs += part.programs
        self.weight += part.weight
        self.budget += part.budget
        if claim is None:
            return
        self.reported += part.reported
        self.realized += part.realized
        self.verified += part.verified
        self.weight_realized += part.weight_realized
        self.weight_verified += part.weight_verified
        self.physical += part.physical
        self.spent += part.spent
        self.spending += claim.spent is not None
        self.statuses[claim.status] += 1

    def include(self, other: "Counts") -> None:
        """Add all programs of other counts."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for status, count in other.statuses.items():
            self.statuses[status] += count


_SUMS = tuple(one.name for one in fields(Counts) if one.name != "statuses")


Membership = Callable[[str, VersionProgram], tuple[str, ...]]


def membership(grouping: Grouping, plan_facts: PlanFacts, as_of: date, known_at: int = EVERYTHING) -> Membership:
    """A function that gives the cells of a grouping that a program is in. A program that serves both a priority problem
    and a leading sector is in both themes; one that is no Quick Win is in no Quick Win year."""
    if grouping == "quick_win":
        wins = {
            year: plan_facts.quick_wins(year, as_of, known_at) for year in plan_facts.quick_win_years(as_of, known_at)
        }
        return lambda code, _: tuple(str(year) for year, codes in wins.items() if code in codes)
    return _MEMBERSHIPS[grouping]


_MEMBERSHIPS: dict[Grouping, Membership] = {
    "dimension": lambda _, program: (program.dimension.value,),
    "sub_dimension": lambda _, program: (program.sub_dimension,),
    "department": lambda _, program: (program.department,),
    "year": lambda _, program: (str(program.finish_year),),
    "theme": lambda _, program: (
        tuple(dict.fromkeys(theme for theme in (program.priority_problem, program.leading_sector) if theme))
        or (NO_THEME,)
    ),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """The cells of one query: overall, by dimension (for dimension_mean), and by the requested grouping."""

    overall: Counts
    dimensions: dict[str, Counts]
    groups: dict[str, Counts]


def tally(
    version: Version,
    states: Mapping[str, ProgramState],
    as_of: date,
    members: Membership,
    only: Iterable[str] | None = None,
) -> Tally:
    """Count the programs of a version, or those of them named in `only`."""
    result = Tally(Counts(), defaultdict(Counts), defaultdict(Counts))
    for code in version.programs if only is None else only:
        program, state = version.programs[code], states[code]
        part = part_of(state, weight_of(program), budget_to(program, as_of.year))
        result.dimensions[program.dimension.value].add(part, state.claim)
        for key in members(code, program):
            result.groups[key].add(part, state.claim)
    for counts in result.dimensions.values():
        result.overall.include(counts)  # each program has one dimension
    return result
