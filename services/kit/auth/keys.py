"""Who may write: keys, known only by their hashes, and what a caller's key allows.

Keys are events on the compacted topic `access`, one record per office with all of its keys. Every api follows it: the
table so that a restart need not read it again, the memory so that a request need not ask the table.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from fastapi import Depends, Request
from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, select

from schemas.access import OfficeAccess
from schemas.sources import Source, parse_source
from services.kit.http.problems import ForbiddenProblem, UnauthorizedProblem
from services.kit.projection.databases import TEXT, upsert
from services.kit.projection.follower import Record

TOPIC = "access"
KEY_PREFIX = "pantau_"
KEY_BYTES = 24  # 192 bits: 32 characters
KEY_ID_CHARACTERS = 12

CallerRole = Literal["anonymous", "department", "evaluator", "administrator"]


class Access(NamedTuple):
    """Who the caller is. `plan` and `office` are empty for the administrator and for those without a key."""

    role: CallerRole
    plan: str = ""
    office: str = ""
    key_id: str = ""

    @property
    def keyed(self) -> bool:
        """Whether the caller has a key."""
        return self.role != "anonymous"

    @property
    def account(self) -> str:
        """The caller, as the audit names it."""
        return f"{self.role}:{self.key_id}" if self.key_id else self.role

    @property
    def source(self) -> str:
        """The source a department's or evaluator's key writes as."""
        return str(Source(self.plan, "departments" if self.role == "department" else "evaluators", self.office))

    def may_write(self, source: str) -> bool:
        """Whether the key allows to write as `source`."""
        return self.role == "administrator" or (self.role != "anonymous" and source == self.source)

    def may_see(self, plan: str) -> bool:
        """Whether the key allows to see notes, obstacles, evidence and reasons of a plan."""
        return self.role == "administrator" or (self.role != "anonymous" and plan == self.plan)


ANONYMOUS = Access("anonymous")
ADMINISTRATOR = Access("administrator")


def new_key() -> tuple[str, str, str]:
    """A new key: its text, told once, its id, and its hash (hex)."""
    text = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    sha256 = hash_of(text)
    return text, sha256[:KEY_ID_CHARACTERS], sha256


def hash_of(text: str) -> str:
    """The SHA-256 of a key's text, as hex. Keys are random, hence a fast hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()


class Keyring:
    """The keys of every office: a table of a service's projection, and a memory."""

    def __init__(self, prefix: str, tables: MetaData, admin_key_sha256: str | None) -> None:
        self._admin = admin_key_sha256
        self._by_hash: dict[str, Access] = {}
        self._offices: dict[str, OfficeAccess] = {}
        self.table = Table(
            f"{prefix}access",
            tables,
            Column("key", TEXT, primary_key=True),
            Column("value", LargeBinary, nullable=False),
        )

    def who(self, authorization: str | None) -> Access:
        """The caller of an `Authorization` header. Raises UnauthorizedProblem for a key nobody has."""
        if authorization is None:
            return ANONYMOUS
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise UnauthorizedProblem("Authorization must be: Bearer pantau_...")
        sha256 = hash_of(text.strip())
        if self._admin is not None and hmac.compare_digest(sha256, self._admin):
            return ADMINISTRATOR
        # Found by the hash of a random text: what the time tells of a hash leads to no key.
        access = self._by_hash.get(sha256)
        if access is None:
            raise UnauthorizedProblem("This key is not known, or was withdrawn.")
        return access

    def office(self, plan: str, office: str) -> OfficeAccess:
        """All keys of an office."""
        return self._offices.get(f"{plan}/{office}") or OfficeAccess(plan=plan, office=office)

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Store what records of `access` say."""
        values = {record.key.decode(): record.value for record in records if record.topic == TOPIC and record.key}
        upsert(connection, self.table, [{"key": key, "value": value} for key, value in values.items() if value])
        gone = [key for key, value in values.items() if not value]
        if gone:
            connection.execute(self.table.delete().where(self.table.c.key.in_(gone)))

    def load(self, connection: Connection) -> None:
        """Take what is stored into memory."""
        self._by_hash.clear()
        self._offices.clear()
        for row in connection.execute(select(self.table)):
            self._remember(row.key, row.value)

    def remember(self, records: Sequence[Record]) -> None:
        """Take records into memory, after they were stored."""
        for record in records:
            if record.topic == TOPIC and record.key:
                self._remember(record.key.decode(), record.value)

    def _remember(self, name: str, value: bytes | None) -> None:
        before = self._offices.pop(name, None)
        for key in before.keys if before else ():
            self._by_hash.pop(key.sha256, None)
        if not value:  # a tombstone: the office has no keys any more
            return
        access = OfficeAccess.model_validate_json(value)
        for key in access.keys:
            self._by_hash[key.sha256] = Access(key.role, access.plan, access.office, key.key_id)
        self._offices[name] = access


def anybody(request: Request) -> Access:
    """Who calls. The app has its keyring at `app.state.keyring`."""
    keyring: Keyring = request.app.state.keyring
    return keyring.who(request.headers.get("authorization"))


def somebody(request: Request) -> Access:
    """Who calls. Raises UnauthorizedProblem without a key."""
    access = anybody(request)
    if access.role == "anonymous":
        raise UnauthorizedProblem("Writing needs a key: Authorization: Bearer pantau_...")
    return access


async def _anybody(request: Request) -> Access:
    return anybody(request)


async def _somebody(request: Request) -> Access:
    return somebody(request)


async def _administrator(request: Request) -> Access:
    access = somebody(request)
    if access.role != "administrator":
        raise ForbiddenProblem("Only the administrator may do this.")
    return access


ADMINISTRATOR_NEEDED = frozenset({_administrator})
KEY_NEEDED = frozenset({_somebody}) | ADMINISTRATOR_NEEDED
KEY_TAKEN = frozenset({_anybody}) | KEY_NEEDED

Anybody = Annotated[Access, Depends(_anybody)]
"""The caller, with or without a key."""

Somebody = Annotated[Access, Depends(_somebody)]
"""The caller; 401 without a key."""

Administrator = Annotated[Access, Depends(_administrator)]
"""The caller; 401 without a key, 403 unless it is the administrator's."""


def require_source(access: Access, source: str) -> None:
    """Raise ForbiddenProblem unless the key may write as `source`."""
    if not access.may_write(source):
        raise ForbiddenProblem(f"This key writes as {access.source}, not as {parse_source(source)}.")
