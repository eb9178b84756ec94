"""A masterplan version: all programs of one city's plan, published whole."""

import itertools
from collections import Counter
from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from schemas.envelope import Data, Envelope
from schemas.fields import ADecimal, AnInteger, Day, Name, Percent, Rupiah, Version, Year, by_key, decimal_schema, plain
from schemas.reports import ProgramCode
from schemas.sources import ORGANIZATION
from schemas.vocabulary import SUB_DIMENSIONS, Dimension

NO_OTHER_KEYS: dict[str, JsonValue] = {"additionalProperties": False}  # than those the pattern allows
YearKey = Annotated[str, StringConstraints(pattern=r"^2[01][0-9]{2}$")]
OrganizationKey = Annotated[str, Field(pattern=f"^(?:{ORGANIZATION})$")]
Weight = Annotated[
    Decimal,
    Field(ge=0, le=100, max_digits=7, decimal_places=4),  # before the conversion: so Pydantic checks them natively
    ADecimal,
    AfterValidator(plain),
    decimal_schema(100, 2, 4, "Bobot, in percent of the plan."),
]
YearlyTargets = Annotated[
    dict[YearKey, Percent],
    AfterValidator(by_key),
    Field(
        description="Cumulative share of programs to be realized by the end of each year, in percent.",
        json_schema_extra=NO_OTHER_KEYS,
    ),
]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone of the tz database, like Asia/Pontianak") from None
    return name


def _rising(targets: dict[str, Decimal], where: str) -> None:
    years = sorted(targets)
    for before, after in itertools.pairwise(years):
        if targets[after] < targets[before]:
            raise ValueError(
                f"{where}: cumulative targets fall from {before} ({targets[before]}) to {after} ({targets[after]})"
            )


class Names(Data):
    """One name in both languages."""

    id: Name
    en: Name


class Department(Data):
    """A perangkat daerah (OPD)."""

    key: OrganizationKey
    name: Names


class Program(Data):
    """One program of the plan. `department` leads it; `budget` is the ceiling (pagu) per fiscal year."""

    code: ProgramCode
    name: Names
    dimension: Dimension
    sub_dimension: str
    department: OrganizationKey
    supporting: tuple[OrganizationKey, ...] = ()
    partners: tuple[Name, ...] = ()
    weight: Weight
    start_year: Year
    finish_year: Year
    budget: Annotated[dict[YearKey, Rupiah], AfterValidator(by_key), Field(json_schema_extra=NO_OTHER_KEYS)] = Field(
        default_factory=dict
    )
    quick_win_years: tuple[Year, ...] = ()
    priority_problem: Name | None = None
    leading_sector: Name | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = []
        known = SUB_DIMENSIONS.get(self.sub_dimension)
        if known is None or known is not self.dimension:
            wanted = ", ".join(key for key, dimension in SUB_DIMENSIONS.items() if dimension is self.dimension)
            wrong.append(f"sub_dimension {self.sub_dimension!r} is not one of {self.dimension}: {wanted}")
        if self.finish_year < self.start_year:
            wrong.append(f"finish_year {self.finish_year} is before start_year {self.start_year}")
        if wrong:
            raise ValueError(f"{self.code}: " + "; ".join(wrong))
        return self


class MasterplanVersion(Data):
    """A whole plan version. It replaces the version it `expects` (none for the first), from `effective_from` on.

    `punctual_by_receipt_from`: reports for periods that ended before this date, from before Pantau was in use, are
    judged on time by the sender's `time`, reports for later periods by the time of receipt.
    """

    version: Version
    expects: Version | None = None
    effective_from: Day
    city: Name
    region_code: Annotated[str, Field(pattern=r"^[0-9]{2}(\.[0-9]{2})?$")] | None = None
    name: Names
    start_year: Year
    end_year: Year
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Jakarta"
    illustrative: bool = False
    report_due_day: Annotated[int, Field(ge=1, le=28), AnInteger] = 10
    punctual_by_receipt_from: Day | None = None
    targets: YearlyTargets = Field(default_factory=dict)
    dimension_targets: Annotated[dict[Dimension, YearlyTargets], AfterValidator(by_key)] = Field(default_factory=dict)
    departments: Annotated[tuple[Department, ...], Field(max_length=500)]
    programs: Annotated[tuple[Program, ...], Field(max_length=20_000)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = []
        if (self.expects or 0) + 1 != self.version:
            wrong.append(f"version {self.version} must expect {self.version - 1 or 'none'}, here it is {self.expects}")
        if self.end_year < self.start_year:
            wrong.append(f"end_year {self.end_year} is before start_year {self.start_year}")
        departments = Counter(department.key for department in self.departments)
        wrong += [f"department {key} is listed {count} times" for key, count in departments.items() if count > 1]
        codes = Counter(program.code for program in self.programs)
        wrong += [f"program {code} is listed {count} times" for code, count in codes.items() if count > 1]
        for program in self.programs:
            for key in (program.department, *program.supporting):
                if key not in departments:
                    wrong.append(f"{program.code}: department {key} is not in the plan's departments")
            if program.start_year < self.start_year or program.finish_year > self.end_year:
                wrong.append(
                    f"{program.code}: its years {program.start_year}-{program.finish_year} lie outside the plan's"
                )
        for where, targets in (("targets", self.targets), *self.dimension_targets.items()):
            try:
                _rising(targets, where)
            except ValueError as error:
                wrong.append(str(error))
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class MasterplanVersionPublished(Envelope):
    type: Literal["id.pantau.masterplan.version.published.v1"]
    data: MasterplanVersion
