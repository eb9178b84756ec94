"""Visits, read back from the facts log."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from schemas.evaluations import VisitRecorded
from schemas.private import STORED, put_private
from schemas.registry import VISIT
from services.evaluations.projection import PRIVATE_PARTS, VISITS
from services.evaluations.visits.models import FullVisit, PublicVisit, Visits
from services.kit.auth.principal import Caller
from services.kit.http.responses import cursor_of, moment
from services.kit.projection.private_parts import FactIdentity, Private


def page(connection: Connection, plan: str, visit_id: str | None, before: int, limit: int, caller: Caller) -> Visits:
    """Visits of a plan, the last received first, those with `seq` below `before`; where `visit_id` is given, those with
    that id: one, unless two evaluators chose the same."""
    asked = (
        select(VISITS)
        .where(VISITS.c.plan == plan, VISITS.c.seq < before)
        .order_by(VISITS.c.seq.desc())
        .limit(limit + 1)
    )
    if visit_id is not None:
        asked = asked.where(VISITS.c.id == visit_id)
    rows = connection.execute(asked).all()
    following = cursor_of(rows[limit - 1].seq) if len(rows) > limit else None
    return Visits(
        plan=plan, items=_shown(connection, rows[:limit], full=caller.may("notes:read", plan=plan)), next=following
    )


def _shown(connection: Connection, rows: Sequence[Any], *, full: bool) -> list[FullVisit | PublicVisit]:
    """Visits as shown; `full`: with findings, recommendations, notes and evidence."""
    identities = [FactIdentity(VISIT.name, row.source, row.id) for row in rows]
    private = PRIVATE_PARTS.find(connection, identities) if identities else {}
    return [_as_shown(row, private[identity], full=full) for row, identity in zip(rows, identities, strict=True)]


def _as_shown(row: Any, private: Private, *, full: bool) -> FullVisit | PublicVisit:
    event = json.loads(row.event)
    event["data"] = put_private(event["data"], private.data)
    visit = VisitRecorded.model_validate(event, strict=False, extra="ignore", context=STORED).data
    shown = {
        "plan": row.plan,
        "id": row.id,
        "source": row.source,
        "seq": row.seq,
        "time": event["time"],
        "received_at": moment(row.received_ms),
        "erased": private.erased,
        **visit.model_dump(),
    }
    return (FullVisit if full else PublicVisit).model_validate(shown)
