"""Imports a masterplan: reads it, compares it with the version it replaces, and publishes it or refuses it with all
errors."""

import asyncio
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.facts import canonical, digest, written
from schemas.masterplan import MasterplanVersion, MasterplanVersionPublished
from schemas.sources import council
from schemas.topics import PLAN_VERSION_LIMIT
from services.kit.audit import audit_record
from services.kit.auth.principal import Caller
from services.kit.event_checks import event_record
from services.kit.http.problems import ConflictProblem, ErrorDetail, InvalidProblem, TooLargeProblem
from services.kit.publishing import OutgoingRecord
from services.programs.dependencies import ProgramsDependencies
from services.programs.masterplans.models import CellWarning, ImportedVersion, Published
from services.programs.masterplans.queries import registered
from services.programs.masterplans.uploads import Upload
from services.programs.masterplans.workbook import ReadResult, read_csv, read_workbook

DIGEST_CHARACTERS = 16


class _Checked(NamedTuple):
    """A checked upload: the event of the version, warnings, whether it is registered already, and the record to
    publish."""

    plan: str
    event: MasterplanVersionPublished
    warnings: list[CellWarning]
    already: bool
    record: OutgoingRecord


async def import_masterplan(
    parts: ProgramsDependencies, upload: Upload, caller: Caller, *, dry_run: bool
) -> ImportedVersion:
    """Read an upload and publish its version, unless it is a dry run.

    Raises InvalidProblem with every error of every cell, ForbiddenProblem for a plan that the caller may not write,
    ConflictProblem when the version does not replace the current one, TooLargeProblem above the limit of an event,
    UnavailableProblem.
    """
    checked = await asyncio.to_thread(_checked, parts, upload, caller)
    version, published = checked.event.data, None
    if not (dry_run or checked.already):
        audit = audit_record(caller, "masterplans.import", checked.plan, detail=checked.event.id)
        receipt, _ = await parts.publisher.publish(checked.record, audit)
        published = Published(**receipt._asdict())
    return ImportedVersion(
        plan=checked.plan,
        version=version.version,
        dry_run=dry_run,
        already_registered=checked.already,
        programs=len(version.programs),
        departments=len(version.departments),
        source=checked.event.source,
        id=checked.event.id,
        warnings=checked.warnings,
        published=published,
    )


def _checked(parts: ProgramsDependencies, upload: Upload, caller: Caller) -> _Checked:
    """Read and check an upload. Blocks: workbooks are large."""
    found = _read(parts, upload)
    if found.errors or found.version is None or found.plan is None:
        raise InvalidProblem(errors=[ErrorDetail(*error) for error in found.errors])
    caller.require("plans:write", plan=found.plan)
    event = _event(found.plan, found.version)
    value = written(event)
    if len(value) > PLAN_VERSION_LIMIT:
        raise TooLargeProblem(
            f"The plan has {len(value)} bytes as an event; at most {PLAN_VERSION_LIMIT} are accepted."
        )
    already = _compare(parts, found.plan, event)
    warnings = [CellWarning(**warning._asdict()) for warning in found.warnings]
    return _Checked(found.plan, event, warnings, already, event_record(event, value))


def _read(parts: ProgramsDependencies, upload: Upload) -> ReadResult:
    if not upload.is_csv:
        return read_workbook(upload.data)
    current = registered(parts.projection, upload.fields.get("plan", ""))
    return read_csv(upload.data, upload.fields, current.version if current else None)


def _event(plan: str, version: MasterplanVersion) -> MasterplanVersionPublished:
    """The event. Its id is made from the content, so that the same file sent twice is one version."""
    name = digest(canonical(version.model_dump(mode="json", exclude_defaults=True)), None).hex()[:DIGEST_CHARACTERS]
    return MasterplanVersionPublished(
        specversion="1.0",
        id=f"version-{version.version}-{name}",
        source=council(plan),
        time=datetime.now(UTC),
        type="id.pantau.masterplan.version.published.v1",
        data=version,
    )


def _compare(parts: ProgramsDependencies, plan: str, event: MasterplanVersionPublished) -> bool:
    """Whether this version is registered already. Raises ConflictProblem when it does not replace the current
    version."""
    current = registered(parts.projection, plan)
    if current is not None and current.version == event.data:
        return True
    number = current.version.version if current else None
    if event.data.expects != number:
        raise ConflictProblem(
            f"Version {event.data.version} replaces {event.data.expects or 'none'}, but the current version of {plan} "
            f"is {number or 'none'}.",
            current=number,
        )
    return False
