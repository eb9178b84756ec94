"""The keys in force: the compacted topic `access`, one record per organization, kept in a table and in memory.

Every api follows the topic. The table makes restarts fast; requests are answered from memory, without a query.
"""

import hmac
from collections.abc import Sequence
from typing import get_args

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, select

from schemas.access import OfficeAccess
from schemas.access import Role as KindOfKey
from services.kit.auth.credentials import bearer_of, hash_of
from services.kit.auth.policy import Role
from services.kit.auth.principal import ADMINISTRATOR, ANONYMOUS, Caller
from services.kit.http.problems import UnauthorizedProblem
from services.kit.projection.databases import TEXT, upsert
from services.kit.projection.follower import Record

TOPIC = "access"

ROLES: dict[KindOfKey, Role] = {"department": Role.DEPARTMENT, "evaluator": Role.EVALUATOR}
"""The role of each kind of key that records of `access` hold."""

if set(get_args(KindOfKey)) != ROLES.keys():
    raise AssertionError("every kind of key has a role")


class Keyring:
    """The keys of every organization, in a table of a service's projection and in memory."""

    def __init__(self, prefix: str, tables: MetaData, admin_key_sha256: str | None) -> None:
        self._admin = admin_key_sha256
        self._by_hash: dict[str, Caller] = {}
        self._by_organization: dict[str, OfficeAccess] = {}
        self.table = Table(
            f"{prefix}access",
            tables,
            Column("key", TEXT, primary_key=True),
            Column("value", LargeBinary, nullable=False),
        )

    def who(self, authorization: str | None) -> Caller:
        """The caller of an `Authorization` header. Raises UnauthorizedProblem for a key that is not in force."""
        if authorization is None:
            return ANONYMOUS
        sha256 = hash_of(bearer_of(authorization))
        if self._admin is not None and hmac.compare_digest(sha256, self._admin):
            return ADMINISTRATOR
        # The lookup is by the hash of a random text, so its timing reveals nothing about a key.
        caller = self._by_hash.get(sha256)
        if caller is None:
            raise UnauthorizedProblem("This key is not known, or was withdrawn. Ask the administrator for another.")
        return caller

    def access_of(self, plan: str, organization: str) -> OfficeAccess:
        """All keys of an organization."""
        return self._by_organization.get(f"{plan}/{organization}") or OfficeAccess(plan=plan, office=organization)

    def apply(self, connection: Connection, records: Sequence[Record]) -> None:
        """Store the keys in records of `access`."""
        values = {record.key.decode(): record.value for record in records if record.topic == TOPIC and record.key}
        upsert(connection, self.table, [{"key": key, "value": value} for key, value in values.items() if value])
        gone = [key for key, value in values.items() if not value]
        if gone:
            connection.execute(self.table.delete().where(self.table.c.key.in_(gone)))

    def load(self, connection: Connection) -> None:
        """Load the stored keys into memory."""
        self._by_hash.clear()
        self._by_organization.clear()
        for row in connection.execute(select(self.table)):
            self._remember(row.key, row.value)

    def remember(self, records: Sequence[Record]) -> None:
        """Update the keys in memory from records that were stored."""
        for record in records:
            if record.topic == TOPIC and record.key:
                self._remember(record.key.decode(), record.value)

    def _remember(self, name: str, value: bytes | None) -> None:
        before = self._by_organization.pop(name, None)
        for key in before.keys if before else ():
            self._by_hash.pop(key.sha256, None)
        if not value:  # a tombstone: the organization has no keys any more
            return
        access = OfficeAccess.model_validate_json(value)
        for key in access.keys:
            self._by_hash[key.sha256] = Caller(ROLES[key.role], access.plan, access.office, key.key_id)
        self._by_organization[name] = access
