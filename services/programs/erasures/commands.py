"""Publishes an erasure as an event of the plan's council, attested by intake."""

from datetime import UTC, datetime
from uuid import uuid4

from schemas.facts import written
from schemas.reports import Erasure, PrivatePartErased
from schemas.sources import council, parse_source
from services.kit.audit import audit_record
from services.kit.auth.principal import Caller
from services.kit.event_checks import event_record
from services.kit.http.responses import Acknowledged
from services.programs.dependencies import ProgramsDependencies
from services.programs.erasures.models import ErasureAsked
from services.programs.events.commands import attest


async def erase(parts: ProgramsDependencies, caller: Caller, asked: ErasureAsked) -> Acknowledged:
    """Publish an erasure and its audit record. Raises UnavailableProblem."""
    source = parse_source(asked.source)
    event = attest(
        PrivatePartErased(
            specversion="1.0",
            id=asked.erasure_id or f"erasure-{uuid4()}",
            source=council(source.plan),
            time=datetime.now(UTC),
            type="id.pantau.private.erased.v1",
            data=Erasure(source=asked.source, id=asked.id, reason=asked.reason),
        ),
        parts.secret,
    )
    audit = audit_record(
        caller, "private.erase", source.plan, source.organization, f"{asked.source} {asked.id}: {asked.reason}"
    )
    receipt, _ = await parts.publisher.publish(event_record(event, written(event)), audit)
    return Acknowledged(source=event.source, id=event.id, **receipt._asdict())
