"""Departments and keys as they are shown."""

from typing import Annotated

from pydantic import Field

from schemas.access import Role
from services.kit.http.responses import Answer, MomentText

KEY_EXAMPLE = {
    "key": "pantau_6mQ0Tq4cB0nY0x0m3l0m1l1o2s0n0g0e",
    "key_id": "0f3a9c2b7d11",
    "role": "department",
    "made_at": "2021-01-04T01:00:00Z",
}
DEFAULT_KEY: Role = "department"


class BothLanguages(Answer):
    """A text for people, in Indonesian and English."""

    id: str
    en: str


class ListedDepartment(Answer):
    """A department of a plan version."""

    department: str
    name: BothLanguages
    programs: Annotated[int, Field(description="How many programs it leads.")]


class ListedDepartments(Answer):
    """The departments of the plan version in force today."""

    plan: str
    plan_version: int
    items: list[ListedDepartment]


class ShownKey(Answer):
    """A key without its text."""

    key_id: str
    role: Role
    made_at: MomentText


class MadeKey(Answer):
    """A new key, with its text."""

    key: Annotated[str, Field(description="Shown only this once and stored nowhere.")]
    key_id: str
    role: Role
    made_at: MomentText


class ShownKeys(Answer):
    """The keys of an organization of a plan."""

    plan: str
    office: str
    items: list[ShownKey]
