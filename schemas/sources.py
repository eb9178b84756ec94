"""Sources: the `source` of an event names its plan and its sender."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

PLAN = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
ORGANIZATION = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
SOURCE = rf"^/plans/(?:{PLAN})/(?:departments/(?:{ORGANIZATION})|evaluators/(?:{ORGANIZATION})|council)$"

_SOURCE = re.compile(rf"/plans/({PLAN})/(?:(departments|evaluators)/({ORGANIZATION})|council)")

SourceKind = Literal["departments", "evaluators", "council"]


class Source(NamedTuple):
    """A parsed source. `organization` is the key of the department or evaluator, empty for the council."""

    plan: str
    kind: SourceKind
    organization: str

    def __str__(self) -> str:
        tail = f"{self.kind}/{self.organization}" if self.organization else self.kind
        return f"/plans/{self.plan}/{tail}"


@lru_cache(65_536)
def parse_source(text: str) -> Source:
    """Return the parts of a source. Raises ValueError when it has another form."""
    found = _SOURCE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not /plans/{{plan}}/departments/{{department}}, .../evaluators/{{..}} or .../council"
        )
    plan, kind, organization = found.groups()
    match kind:
        case "departments":
            return Source(plan, "departments", organization)
        case "evaluators":
            return Source(plan, "evaluators", organization)
    return Source(plan, "council", "")


def department(plan: str, key: str) -> str:
    """The source of a plan's department."""
    return f"/plans/{plan}/departments/{key}"


def evaluator(plan: str, key: str) -> str:
    """The source of a plan's evaluator: a mentor's or the ministry's team."""
    return f"/plans/{plan}/evaluators/{key}"


def council(plan: str) -> str:
    """The source of the council and of the plan's administrators."""
    return f"/plans/{plan}/council"
