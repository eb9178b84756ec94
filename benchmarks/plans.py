"""The plans of the workloads: illustrative cities with 426 programs of 25 departments each, led in turn."""

import json
from typing import NamedTuple

from benchmarks.workloads import PROGRAMS
from samples.catalogue import departments
from samples.plan import PREFIXES, SPLIT
from schemas.sources import council, department
from schemas.topics import partition_of
from schemas.vocabulary import SUB_DIMENSIONS

DEPARTMENTS = tuple(each.key for each in departments()[:25])
YEARS = range(2016, 2026)
SUBS = {
    dimension: [sub for sub, of in SUB_DIMENSIONS.items() if of is dimension] for dimension in SPLIT
}  # fmt: skip


class WorkloadProgram(NamedTuple):
    """One program, the same in every plan. `department` leads it."""

    code: str
    dimension: str
    sub_dimension: str
    department: str


class WorkloadPlan(NamedTuple):
    """One city: its key and partition, and the `source` of each of its departments."""

    key: str
    partition: int
    sources: dict[str, str]


def _programs() -> tuple[WorkloadProgram, ...]:
    coded = [
        (f"{PREFIXES[dimension]}-{number:03d}", dimension, SUBS[dimension][number % 3])
        for dimension, split in SPLIT.items()
        for number in range(1, split.programs + 1)
    ]
    assert len(coded) == PROGRAMS
    return tuple(
        WorkloadProgram(code, dimension.value, sub, DEPARTMENTS[number % len(DEPARTMENTS)])
        for number, (code, dimension, sub) in enumerate(coded)
    )


PROGRAM_LIST = _programs()


def plan(number: int, partitions: int) -> WorkloadPlan:
    """The plan with a number."""
    key = f"kota-{number:03d}-{YEARS[0]}-{YEARS[-1]}"
    return WorkloadPlan(key, partition_of(key, partitions), {each: department(key, each) for each in DEPARTMENTS})


def version(of: WorkloadPlan) -> bytes:
    """The event that publishes the plan's only version."""
    event = {
        "specversion": "1.0",
        "id": "version-1",
        "source": council(of.key),
        "type": "id.pantau.masterplan.version.published.v1",
        "time": "2016-01-04T09:00:00+07:00",
        "data": {
            "version": 1,
            "expects": None,
            "effective_from": "2016-01-01",
            "city": of.key,
            "name": {"id": "Rencana induk (ilustratif)", "en": "Masterplan (illustrative)"},
            "start_year": YEARS[0],
            "end_year": YEARS[-1],
            "time_zone": "Asia/Jakarta",
            "illustrative": True,
            "departments": [{"key": key, "name": {"id": key, "en": key}} for key in DEPARTMENTS],
            "programs": [_program(number, program) for number, program in enumerate(PROGRAM_LIST)],
        },
    }
    return json.dumps(event, separators=(",", ":")).encode()


def _program(number: int, program: WorkloadProgram) -> dict[str, object]:
    begins = YEARS[0] + number % 6
    return {
        "code": program.code,
        "name": {"id": f"Program percepatan {program.code}", "en": f"Programme {program.code}"},
        "dimension": program.dimension,
        "sub_dimension": program.sub_dimension,
        "department": program.department,
        "weight": "0.2347" if number else "0.2525",  # 425 x 0.2347 + 0.2525 = 100
        "start_year": begins,
        "finish_year": begins + 4,
        "budget": {str(begins): 250_000_000 + number * 1_000_000, str(begins + 1): 400_000_000},
    }
