"""Who may write (topic `access`), and who did what (topic `audit`)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.facts import WrittenModel
from schemas.masterplan import OrganizationKey

Role = Literal["department", "evaluator"]


class Key(WrittenModel):
    """A key, known only by its hash."""

    key_id: str
    role: Role
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    made_at: AwareDatetime


class OfficeAccess(WrittenModel):
    """All keys of one organization of one plan. Each record holds them all, so the last one of the compacted topic is
    complete."""

    plan: str
    office: OrganizationKey
    keys: tuple[Key, ...] = ()


class Audited(WrittenModel):
    """One action through an api: which account did what to which object, and when."""

    at: datetime
    account: str
    act: str
    plan: str
    office: str = ""
    detail: str = ""
