"""Counts the sample's figures plainly, without Pantau's own code, and compares them with the required ones."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from samples.plan import SPLIT
from samples.reports import Line, event
from schemas.masterplan import MasterplanVersion
from schemas.reports import StatusRetracted, period_end

END_OF_2020: Final = date(2020, 12, 31)
YEAR_ENDS: Final = (date(2019, 12, 31), END_OF_2020, date(2021, 12, 31))


def effective_on(line: Line) -> date:
    """The date a report is true of: where it names none, the end of its period, or its own day if that is earlier."""
    if line.effective_on:
        return date.fromisoformat(line.effective_on)
    return min(period_end(line.period), date.fromisoformat(line.time[:10]))


def in_force(versions: Sequence[MasterplanVersion], day: date) -> MasterplanVersion | None:
    """The version of a plan that is in force on a day."""
    begun = [version for version in versions if version.effective_from <= day]
    return max(begun, key=lambda version: (version.effective_from, version.version), default=None)


def realized(versions: Sequence[MasterplanVersion], lines: list[Line], as_of: date) -> set[str]:
    """The programs of the plan whose latest report is `realized`: the latest by the department that led the program on its date."""
    retracted = {(line.department, line.retracts) for line in lines if line.retracts}
    leads = {each.version: {program.code: program.department for program in each.programs} for each in versions}
    latest: dict[str, tuple[tuple[date, datetime, str, str], str]] = {}
    for line in lines:
        if line.retracts or (line.department, line.id) in retracted or effective_on(line) > as_of:
            continue
        then = in_force(versions, effective_on(line))
        if then is not None and leads[then.version].get(line.program) == line.department:
            rank = (effective_on(line), datetime.fromisoformat(line.time), line.department, line.id)
            latest[line.program] = max(latest.get(line.program, (rank, "")), (rank, line.status))
    now = in_force(versions, as_of)
    return {code for code in (leads[now.version] if now else ()) if code in latest and latest[code][1] == "realized"}


def holds(first: MasterplanVersion, second: MasterplanVersion, lines: list[Line], visits: list[dict[str, Any]]) -> None:
    """End the process if the sample is not what it must be."""
    wrong = []
    for version in (first, second):
        if len(version.programs) != sum(split.programs for split in SPLIT.values()):
            wrong.append(f"version {version.version} has {len(version.programs)} programs")
        if sum((program.weight for program in version.programs), Decimal()) != 100:
            wrong.append(f"the weights of version {version.version} do not sum to 100")
    dimensions = {program.code: program.dimension for program in first.programs}
    at_the_end = realized((first, second), lines, END_OF_2020)
    counted = Counter(dimensions[code] for code in at_the_end)
    for dimension, split in SPLIT.items():
        programs, wanted = split.programs, split.by_2020
        if counted[dimension] != wanted or list(dimensions.values()).count(dimension) != programs:
            wrong.append(f"{dimension}: {counted[dimension]} realized at the end of 2020, not {wanted} of {programs}")
    for line in lines:
        if line.retracts:
            StatusRetracted.model_validate_json(json.dumps(event(line)))
    unseen = {seen["program"] for visit in visits for seen in visit["data"]["programs"]} - dimensions.keys()
    if unseen:
        wrong.append(f"visits saw programs that are not in the plan: {unseen}")
    if wrong:
        sys.exit("The sample is not what it must be:\n  " + "\n  ".join(wrong))
