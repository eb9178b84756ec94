"""Who may do what: one table of permissions, each held by roles in the whole installation, in a plan or for an
organization.

Routes declare a permission in their signature (dependencies.py); `Caller.may` (principal.py) checks it for the plan and
source of a request. docs/interfaces.md shows the table.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Literal, get_args

Permission = Literal[
    "figures:read",
    "plans:read",
    "visits:read",
    "outcomes:read",
    "notes:read",
    "rejects:read",
    "reports:write",
    "reports:retract",
    "visits:write",
    "plans:write",
    "keys:manage",
    "private:erase",
]


class Role(StrEnum):
    """The role of a caller. Today there are keys of departments and evaluators, and the administrator's."""

    ADMINISTRATOR = "administrator"
    PLAN_ADMINISTRATOR = "plan_administrator"
    DEPARTMENT = "department"
    EVALUATOR = "evaluator"
    COUNCIL = "council"
    READER = "reader"
    PUBLIC = "public"


class Scope(StrEnum):
    """Where a role holds a permission."""

    INSTALLATION = "everywhere"
    PLAN = "in its plan"
    ORGANIZATION = "for its organization"


PHRASES: dict[Permission, str] = {
    "figures:read": "read figures, and the statuses they are made of",
    "plans:read": "read masterplans and departments",
    "visits:read": "read what visits verified",
    "outcomes:read": "ask what became of an event",
    "notes:read": "read notes, obstacles, findings and evidence",
    "rejects:read": "read why an event was rejected, in words",
    "reports:write": "send reports, and retract one's own",
    "reports:retract": "retract reports of others",
    "visits:write": "record field visits",
    "plans:write": "import plan versions",
    "keys:manage": "list, make and withdraw keys",
    "private:erase": "erase notes, findings and evidence",
}
"""What each permission allows, as a phrase that follows "may" or "needed to"."""

ROLE_NAMES: dict[Role, str] = {
    Role.ADMINISTRATOR: "the administrator",
    Role.PLAN_ADMINISTRATOR: "an administrator of the plan",
    Role.DEPARTMENT: "a department",
    Role.EVALUATOR: "an evaluator",
    Role.COUNCIL: "the council",
    Role.READER: "a reader",
    Role.PUBLIC: "the public",
}

_ALL = dict.fromkeys(Role, Scope.INSTALLATION)
_ADMINISTRATORS = {Role.ADMINISTRATOR: Scope.INSTALLATION, Role.PLAN_ADMINISTRATOR: Scope.PLAN}
_MEMBERS = _ADMINISTRATORS | dict.fromkeys((Role.DEPARTMENT, Role.EVALUATOR, Role.COUNCIL), Scope.PLAN)

TABLE: dict[Permission, dict[Role, Scope]] = {
    "figures:read": _ALL,
    "plans:read": _ALL,
    "visits:read": _ALL,
    "outcomes:read": _ALL,
    "notes:read": _MEMBERS | {Role.READER: Scope.PLAN},
    "rejects:read": _MEMBERS,
    "reports:write": _ADMINISTRATORS | {Role.DEPARTMENT: Scope.ORGANIZATION},
    "reports:retract": _ADMINISTRATORS,
    "visits:write": {Role.ADMINISTRATOR: Scope.INSTALLATION, Role.EVALUATOR: Scope.ORGANIZATION},
    "plans:write": _ADMINISTRATORS,
    "keys:manage": _ADMINISTRATORS,
    "private:erase": _ADMINISTRATORS,
}

if not set(get_args(Permission)) == TABLE.keys() == PHRASES.keys() or set(Role) != ROLE_NAMES.keys():
    raise AssertionError("every permission has holders and words, and every role has a name")


def is_public(permission: Permission) -> bool:
    """Whether a permission needs no key."""
    return Role.PUBLIC in TABLE[permission]


def holders(permission: Permission) -> str:
    """The holders of a permission, in words: "the administrator or an evaluator"."""
    *before, last = [ROLE_NAMES[role] for role in TABLE[permission]]
    return f"{', '.join(before)} or {last}" if before else last


def markdown() -> Iterator[str]:
    """The lines of the table in docs/interfaces.md: permissions by roles."""
    yield "| permission | " + " | ".join(role.value.replace("_", " ") for role in Role) + " |"
    yield "|---" * (len(Role) + 1) + "|"
    for permission, held in TABLE.items():
        cells = [held[role].value if role in held else "" for role in Role]
        yield f"| `{permission}`: {PHRASES[permission]} | " + " | ".join(cells) + " |"
