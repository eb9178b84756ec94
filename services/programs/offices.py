"""Keys of offices: made and withdrawn by publishing the office's whole record anew, and waiting until it counts."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from schemas.access import Audited, Key, OfficeAccess
from services.kit.keys import TOPIC, Access
from services.kit.problems import UnavailableProblem
from services.kit.publishing import Letter, audit_letter
from services.programs.parts import Parts

KEYS = 50  # of one office at most: its record is one message
WAIT_SECONDS = 10.0
TRIES = 5

Change = Callable[[tuple[Key, ...]], tuple[Key, ...]]


async def change_keys(parts: Parts, plan: str, office: str, change: Change, audited: Audited) -> None:
    """Publish an office's keys changed, and return when they count. Raises UnavailableProblem when that can't be known.

    The record says all keys at once, so another replica that changed it in the same moment would be overwritten. Each
    record is therefore checked after the fact: when one came between what we read and what we wrote, the change is
    made again to that one.
    """
    known = parts.keyring.office(plan, office)
    base = known.access if known else OfficeAccess(plan=plan, office=office)
    offset = known.offset if known else -1
    audits = [audit_letter(audited)]
    for _ in range(TRIES):
        changed = base.model_copy(update={"keys": change(base.keys)})
        letter = Letter(TOPIC, plan, f"{plan}/{office}", changed.model_dump_json().encode())
        receipt, *_ = await asyncio.to_thread(parts.publisher.publish, letter, *audits)
        if not await parts.projection.wait_for(TOPIC, receipt.partition, receipt.offset, WAIT_SECONDS):
            break
        now = parts.keyring.office(plan, office)
        assert now is not None
        if now.offset != receipt.offset or now.replaced_offset == offset or now.replaced is None:
            return  # nobody came between; who came after us makes sure of it as we do
        base, offset, audits = now.replaced, now.offset, []
    raise UnavailableProblem("The change is published but not in force yet; look at the list of keys in a moment.")


def audited(access: Access, act: str, plan: str, office: str = "", detail: str = "") -> Audited:
    """An act of now."""
    return Audited(at=datetime.now(UTC), account=access.account, act=act, plan=plan, office=office, detail=detail)
