"""The sample's plan: version 1 of 2019 and version 2 of July 2021, with the course of each program.

Seeded: the same catalogue gives the same plan. The numbers of programs per dimension, and how many of them are realized
by the end of 2020, are those of the "ready split" of the domain page: 155 of 426. Everything else is invented.
"""

import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Final, NamedTuple

from samples import catalogue
from samples.catalogue import CatalogueProgram
from schemas.masterplan import Department, MasterplanVersion, Names, Program
from schemas.vocabulary import SUB_DIMENSIONS, Dimension

PLAN: Final = "kota-pontianak-2019-2028"
FIRST, LAST = 2019, 2028
CHANGED_ON: Final = date(2021, 7, 1)
NEXT_WINS: Final = 2022  # the year version 2 chooses Quick Wins for
SEED: Final = 6171


class Split(NamedTuple):
    """A dimension's programs, how many are realized by the end of 2019 and of 2020, and how many more during 2021."""

    programs: int
    by_2019: int
    by_2020: int
    during_2021: int


SPLIT: Final = {
    Dimension.GOVERNANCE: Split(96, 15, 46, 14),
    Dimension.BRANDING: Split(54, 6, 18, 6),
    Dimension.ECONOMY: Split(66, 7, 23, 8),
    Dimension.LIVING: Split(78, 10, 28, 9),
    Dimension.SOCIETY: Split(72, 7, 22, 8),
    Dimension.ENVIRONMENT: Split(60, 6, 18, 6),
}
PREFIXES: Final = dict(zip(Dimension, ("GOV", "BRA", "ECO", "LIV", "SOC", "ENV"), strict=True))
TARGETS: Final = dict(zip(range(FIRST, LAST + 1), (8, 20, 32, 44, 56, 68, 78, 88, 95, 100), strict=True))
WITH_OWN_TARGETS: Final = (Dimension.GOVERNANCE, Dimension.ENVIRONMENT)

NEVER: Final = "kec-tenggara"  # never reported
SILENT: Final = "kesbangpol"  # until June 2021
BEHIND: Final = "kec-barat"  # until October 2021
LATE: Final = ("dprkp", "satpol-pp", "disporapar")

COSTLY: Final = {
    "dpupr": 7.0,
    "dprkp": 5.0,
    "rsud-ssma": 6.0,
    "dishub": 4.0,
    "dlh": 3.0,
    "dinkes": 2.0,
    "disdikbud": 2.0,
}

NEW: Final = (  # what version 2 brings in, in the place of two that were cancelled
    CatalogueProgram("health", "dinkes", ("rsud-ssma",), "Pemulihan layanan kesehatan pascapandemi", "Recovery of health services after the pandemic", None, None, (), ("Kementerian Kesehatan",)),
    CatalogueProgram("welfare", "diskumdag", ("dinsos",), "Pemulihan usaha mikro terdampak pandemi", "Recovery of micro businesses hit by the pandemic", catalogue.PROBLEMS["miskin"], catalogue.SECTORS["umkm"], (), ("Bank Kalbar",)),
)  # fmt: skip
REPLACED: Final = (Dimension.LIVING, Dimension.ECONOMY)  # where those were


@dataclass
class Fate:
    """The course of a program, in months since January 2019. `realized`, `cancelled`: the month it happens, if it does;
    `blocked`: first month and the one after the last; `first_report`: the month of its first report, None if there is none."""

    start: int
    end: int
    realized: int | None = None
    cancelled: int | None = None
    blocked: tuple[int, int] | None = None
    first_report: int | None = 0


@dataclass
class Planned:
    """A program of version 1, and its fate."""

    kind: CatalogueProgram
    dimension: Dimension
    code: str
    fate: Fate
    finish_year: int = 0
    program: Program | None = None

    @property
    def known(self) -> Program:
        assert self.program is not None
        return self.program


def build() -> tuple[list[Planned], MasterplanVersion, MasterplanVersion]:
    """Every program with its fate, and the two versions of the plan."""
    dice = random.Random(SEED)
    planned = _numbered()
    for dimension in Dimension:
        _fates([one for one in planned if one.dimension is dimension], dice)
    _one_phase_after_another(planned)
    _finish_years(planned, dice)
    weights = _weights(planned, dice)
    for one, weight in zip(planned, weights, strict=True):
        one.program = _program(one, weight, dice)
    first = _version(planned)
    return planned, first, _second(planned, first, dice)


def _numbered() -> list[Planned]:
    counts = dict.fromkeys(Dimension, 0)
    planned = []
    for kind in catalogue.kinds():
        dimension = SUB_DIMENSIONS[kind.sub_dimension]
        counts[dimension] += 1
        code = f"{PREFIXES[dimension]}-{counts[dimension]:03d}"
        planned.append(Planned(kind, dimension, code, Fate(0, 0)))
    wanted = {dimension: split.programs for dimension, split in SPLIT.items()}
    if counts != wanted:
        raise SystemExit(f"the catalogue has {counts}, the split wants {wanted}")
    return planned


VISITED_EARLY: Final = ("Kampung Tenun Khatulistiwa", "Kampung wisata Caping", "Bank Sampah induk dan jaringan unit", "Posyandu Surya Sehat")  # fmt: skip


def _fates(group: list[Planned], dice: random.Random) -> None:
    """Who of a dimension is realized when. Quick Wins first: they are meant to be done in their year."""
    _, by_2019, by_2020, during_2021 = SPLIT[group[0].dimension]
    left = {2019: by_2019, 2020: by_2020 - by_2019, 2021: during_2021}
    open_programs = []
    for one in group:
        year = next(iter(one.kind.quick_win_years), None)
        if one.kind.lead == NEVER:
            _unrealized(one, dice, never=True)
        elif year is not None:
            _realized(one, year, dice)
            left[year] -= 1
        else:
            open_programs.append(one)
    dice.shuffle(open_programs)
    reachable = [one for one in open_programs if one.kind.lead not in {SILENT, BEHIND}]
    for year, count in left.items():
        for _ in range(count):
            pool = open_programs if year < 2021 else reachable
            one = next(one for one in pool if one in open_programs)
            open_programs.remove(one)
            _realized(one, year, dice)
    for rank, one in enumerate(open_programs):
        share = rank / len(open_programs)
        _unrealized(one, dice, never=share < 0.085, future=share > 0.56)
    reported = [one for one in open_programs if one.fate.first_report is not None and one.fate.start < 18]
    movable = [one for one in reported if one.kind.lead not in {SILENT, BEHIND}]
    movable[0].fate.cancelled = dice.randrange(max(12, movable[0].fate.start + 2), 23)
    for one in reported[-2:]:
        begin = max(one.fate.start + 3, dice.randrange(16, 22))
        one.fate.blocked = (begin, begin + dice.choice((9, 11, 30)))


def _realized(one: Planned, year: int, dice: random.Random) -> None:
    first = (year - FIRST) * 12
    month = first + dice.choice((2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 10, 11, 11, 11))
    if one.kind.quick_win_years:
        month = first + dice.choice((7, 8, 9, 10, 11))
        start = first + dice.randrange(0, 3)
        if one.kind.id in VISITED_EARLY:
            start, month = first, first + dice.choice((2, 3))
    else:
        start = max(0, month - dice.randrange(5, 15))
    one.fate = Fate(start, month, realized=month, first_report=dice.choice((0, 0, 2)) if start > 3 else 0)


def _unrealized(one: Planned, dice: random.Random, *, never: bool = False, future: bool = False) -> None:
    start = dice.randrange(26, 90) if future else dice.randrange(0, 24)
    one.fate = Fate(start, start + dice.randrange(30, 66), first_report=None if never else dice.choice((0, 2, 5)))
    if never and one.kind.lead != NEVER and dice.random() < 0.35:
        one.fate.first_report = 28  # reported from mid-2021


def _one_phase_after_another(planned: list[Planned]) -> None:
    """Phase II neither begins nor ends before phase I: the fates of a series are handed out in order."""
    for name in dict.fromkeys(one.kind.series for one in planned if one.kind.series):
        series = [one for one in planned if one.kind.series == name]
        fates = sorted(
            (one.fate for one in series),
            key=lambda fate: (fate.realized is None, fate.cancelled is not None, fate.first_report is None, fate.end),
        )
        starts = sorted(fate.start for fate in fates)
        for one, fate, start in zip(series, fates, starts, strict=True):
            fate.start = start
            one.fate = fate


def _finish_years(planned: list[Planned], dice: random.Random) -> None:
    """As many programs finish by each year as the plan's target says; most of those that are realized early, early."""
    quota = [round(len(planned) * TARGETS[year] / 100) for year in range(FIRST, LAST + 1)]
    room = [now - before for before, now in zip([0, *quota], quota, strict=False)]
    for one in planned:
        if one.kind.quick_win_years:
            one.finish_year = one.kind.quick_win_years[0]
            room[one.finish_year - FIRST] -= 1
    rest = [one for one in planned if not one.finish_year]
    rest.sort(key=lambda one: (one.fate.end + dice.gauss(0, 15), one.code))
    years = [FIRST + at for at, places in enumerate(room) for _ in range(places)]
    for one, year in zip(rest, years, strict=True):
        one.finish_year = year
    for name in dict.fromkeys(one.kind.series for one in rest if one.kind.series):
        series = [one for one in rest if one.kind.series == name]
        for one, year in zip(series, sorted(one.finish_year for one in series), strict=True):
            one.finish_year = year


def _weights(planned: list[Planned], dice: random.Random) -> list[Decimal]:
    """Weights of 4 decimals that sum to exactly 100. A program that costs more and takes longer weighs more."""
    sizes = [
        dice.lognormvariate(0, 0.4) * COSTLY.get(one.kind.lead, 1.0) ** 0.3 * (1 + (one.finish_year - FIRST) / 12)
        for one in planned
    ]
    cuts = [round(part * 1_000_000 / sum(sizes)) for part in accumulate(sizes)]
    return [Decimal(now - before) / 10_000 for before, now in zip([0, *cuts], cuts, strict=False)]


def _program(one: Planned, weight: Decimal, dice: random.Random) -> Program:
    kind, start_year = one.kind, min(FIRST + one.fate.start // 12, one.finish_year)
    years = range(start_year, one.finish_year + 1)
    total = dice.lognormvariate(0, 0.8) * 450_000_000 * COSTLY.get(kind.lead, 1.0) * (0.5 + 0.5 * len(years))
    parts = [dice.uniform(0.6, 1.4) for _ in years]
    budget = {
        str(year): max(5, round(total * part / sum(parts) / 5_000_000)) * 5_000_000
        for year, part in zip(years, parts, strict=True)
    }
    return Program(
        code=one.code,
        name=Names(id=kind.id, en=kind.en),
        dimension=one.dimension,
        sub_dimension=kind.sub_dimension,
        department=kind.lead,
        supporting=kind.supporting,
        partners=kind.partners,
        weight=weight,
        start_year=start_year,
        finish_year=one.finish_year,
        budget=budget,
        quick_win_years=kind.quick_win_years,
        priority_problem=kind.problem,
        leading_sector=kind.sector,
    )


def _version(planned: list[Planned]) -> MasterplanVersion:
    programs = tuple(one.known for one in planned)
    targets = {str(year): Decimal(share) for year, share in TARGETS.items()}
    return MasterplanVersion(
        version=1,
        effective_from=date(FIRST, 1, 1),
        city="Kota Pontianak",
        region_code="61.71",
        name=Names(id="Masterplan Pontianak Smart City 2019-2028", en="Pontianak Smart City Masterplan 2019-2028"),
        start_year=FIRST,
        end_year=LAST,
        time_zone="Asia/Pontianak",
        illustrative=True,
        report_due_day=10,
        punctual_by_receipt_from=date(2022, 1, 1),
        targets=targets,
        dimension_targets={dimension: _own_targets(programs, dimension) for dimension in WITH_OWN_TARGETS},
        departments=tuple(Department(key=key, name=Names(id=id_, en=en)) for key, id_, en in catalogue.departments()),
        programs=programs,
    )


def _own_targets(programs: tuple[Program, ...], dimension: Dimension) -> dict[str, Decimal]:
    """The share of a dimension's programs that are planned to be finished by each year, in whole percent."""
    finish = [program.finish_year for program in programs if program.dimension is dimension]
    return {
        str(year): Decimal(round(100 * sum(1 for one in finish if one <= year) / len(finish)))
        for year in range(FIRST, LAST + 1)
    }


def _second(planned: list[Planned], first: MasterplanVersion, dice: random.Random) -> MasterplanVersion:
    """Version 2: two cancelled programs give way to two new ones, some leads, years and weights change, and the Quick
    Wins of 2022 are chosen. Still 426 programs, weights that sum to 100."""
    programs = {program.code: program for program in first.programs}
    going = {one.code: one for one in planned if one.fate.realized is None and one.fate.cancelled is None}
    for dimension, kind in zip(REPLACED, NEW, strict=True):
        gone = next(one for one in planned if one.dimension is dimension and one.fate.cancelled is not None)
        number = 1 + sum(1 for one in planned if one.dimension is dimension)
        fate = Fate(30, 60, first_report=30)
        new = Planned(kind, dimension, f"{PREFIXES[dimension]}-{number:03d}", fate, finish_year=2023)
        new.program = _program(new, programs.pop(gone.code).weight, dice)
        programs[new.code] = new.known
        planned.append(new)
    unsteady = {NEVER, SILENT, BEHIND}
    movable = [
        one
        for one in going.values()
        if one.kind.supporting
        and one.fate.first_report in {0, 2, 5}
        and one.fate.start < 24
        and one.kind.lead not in unsteady
    ]
    for one in dice.sample(movable, 7):
        old = programs[one.code]
        lead, *others = old.supporting
        programs[one.code] = old.model_copy(update={"department": lead, "supporting": (old.department, *others)})
    for code in dice.sample([code for code, one in going.items() if one.finish_year < LAST], 16):
        programs[code] = _a_year_longer(programs[code])
    for a, b in zip(*[iter(dice.sample(sorted(programs), 24))] * 2, strict=True):
        moved = (programs[a].weight / 4).quantize(Decimal("0.0001"))
        programs[a] = programs[a].model_copy(update={"weight": programs[a].weight - moved})
        programs[b] = programs[b].model_copy(update={"weight": programs[b].weight + moved})
    for dimension in Dimension:
        open_ones = [programs[code] for code, one in going.items() if one.dimension is dimension]
        chosen_one = min(
            (program for program in open_ones if program.start_year <= NEXT_WINS <= program.finish_year),
            key=lambda program: (program.finish_year, program.code),
        )
        programs[chosen_one.code] = _as_quick_win(chosen_one)
    order = {program.sub_dimension: at for at, program in enumerate(first.programs)}
    chosen = sorted(programs.values(), key=lambda program: (order[program.sub_dimension], program.code))
    changed = {"version": 2, "expects": 1, "effective_from": CHANGED_ON, "programs": tuple(chosen)}
    return MasterplanVersion.model_validate({**dict(first), **changed})


def _as_quick_win(program: Program) -> Program:
    """Done within the year: what was planned for later comes forward."""
    later = sum(amount for year, amount in program.budget.items() if int(year) > NEXT_WINS)
    budget = {year: amount for year, amount in program.budget.items() if int(year) <= NEXT_WINS}
    budget[str(NEXT_WINS)] = budget.get(str(NEXT_WINS), 0) + later
    return program.model_copy(update={"finish_year": NEXT_WINS, "budget": budget, "quick_win_years": (NEXT_WINS,)})


def _a_year_longer(program: Program) -> Program:
    """Half of the last year's ceiling moves to one year more."""
    last = str(program.finish_year)
    half = program.budget[last] // 2
    budget = {**program.budget, last: program.budget[last] - half, str(program.finish_year + 1): half}
    return program.model_copy(update={"finish_year": program.finish_year + 1, "budget": budget})
