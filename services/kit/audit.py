"""The audit: who did what, in the name of which organization. A record of it is published together with what was done,
and both are acknowledged or neither."""

from datetime import UTC, datetime

from schemas.access import Audited
from services.kit.auth.principal import Caller
from services.kit.publishing import OutgoingRecord


def audit_record(
    caller: Caller, act: str, plan: str, organization: str = "", detail: str = "", at: datetime | None = None
) -> OutgoingRecord:
    """The record of an action. `act`: what was done, such as `keys.make`; `detail`: to what; `at`: now, if not given."""
    audited = Audited(
        at=at or datetime.now(UTC),
        account=caller.account,
        act=act,
        plan=plan,
        office=organization,
        detail=detail,
    )
    return OutgoingRecord("audit", plan, f"{plan}/{organization}", audited.model_dump_json().encode())
