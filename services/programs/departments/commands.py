"""Makes and withdraws keys: publishes an organization's whole record again, and waits until it is in force."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime

from aiokafka.errors import KafkaError

from schemas.access import Key, Role
from schemas.topics import partition_of
from services.kit.audit import audit_record
from services.kit.auth.credentials import new_key
from services.kit.auth.keyring import TOPIC
from services.kit.auth.principal import Caller
from services.kit.http.problems import ConflictProblem, NotFoundProblem, UnavailableProblem
from services.kit.projection.databases import alone
from services.kit.projection.follower import Place
from services.kit.publishing import OutgoingRecord
from services.programs.dependencies import ProgramsDependencies
from services.programs.projection import SERVICE

KEYS = 50  # of one organization at most, since they are in one record
WAIT_SECONDS = 10.0

Change = Callable[[tuple[Key, ...]], tuple[Key, ...]]


async def make_key(
    parts: ProgramsDependencies, caller: Caller, plan: str, organization: str, role: Role
) -> tuple[str, Key]:
    """Make a key of an organization. Returns its text, which is stored nowhere, and the key. Raises ConflictProblem when
    the organization has KEYS keys, UnavailableProblem."""
    if len(parts.keyring.access_of(plan, organization).keys) >= KEYS:
        raise ConflictProblem(f"An organization has at most {KEYS} keys; withdraw one first.")
    text, key_id, sha256 = new_key()
    key = Key(key_id=key_id, role=role, sha256=sha256, made_at=datetime.now(UTC))
    audit = audit_record(caller, "keys.make", plan, organization, f"{role} {key_id}")
    await _change_keys(parts, plan, organization, lambda keys: (*keys, key), audit)
    return text, key


async def withdraw_key(parts: ProgramsDependencies, caller: Caller, plan: str, organization: str, key_id: str) -> None:
    """Withdraw a key of an organization. Raises NotFoundProblem for an unknown id, UnavailableProblem."""
    if all(key.key_id != key_id for key in parts.keyring.access_of(plan, organization).keys):
        raise NotFoundProblem(f"{plan}/{organization} has no key {key_id}.")
    audit = audit_record(caller, "keys.withdraw", plan, organization, key_id)
    await _change_keys(
        parts, plan, organization, lambda keys: tuple(key for key in keys if key.key_id != key_id), audit
    )


async def _change_keys(
    parts: ProgramsDependencies, plan: str, organization: str, change: Change, audit: OutgoingRecord
) -> None:
    """Publish an organization's changed keys, and return when they are in force.

    Raises UnavailableProblem when they are not in time.

    The record holds all keys, so a change must be based on the latest record: there is one change at a time, in this
    process and among those that share its database, each after the previous one was read back.
    """
    place = Place(TOPIC, partition_of(plan, parts.settings.partitions))
    async with parts.changing_keys:
        with ExitStack() as held:
            await asyncio.to_thread(held.enter_context, alone(parts.projection.engine, f"{SERVICE}/keys"))
            await _read_back(parts, place, await _end(parts, place))
            changed = parts.keyring.access_of(plan, organization)
            changed = changed.model_copy(update={"keys": change(changed.keys)})
            record = OutgoingRecord(TOPIC, plan, f"{plan}/{organization}", changed.model_dump_json().encode())
            receipt, _ = await parts.publisher.publish(record, audit)
            await _read_back(parts, place, receipt.offset + 1)


async def _end(parts: ProgramsDependencies, place: Place) -> int:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            # The end includes uncommitted records: a key withdrawn after the start of an open transaction can't be read
            # yet.
            return (await parts.inputs.written_ends([place]))[place]
    except (KafkaError, OSError, TimeoutError):
        raise UnavailableProblem("Kafka does not respond; nothing was changed.") from None


async def _read_back(parts: ProgramsDependencies, place: Place, end: int) -> None:
    if end and not await parts.projection.wait_for(*place, end - 1, WAIT_SECONDS):
        raise UnavailableProblem("The change is not in force yet; check the list of keys in a moment.")
