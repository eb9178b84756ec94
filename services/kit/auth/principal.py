"""The caller of a request: its role, and the plan and organization for which it holds that role."""

from dataclasses import dataclass
from functools import cached_property

from schemas.sources import Source, SourceKind, parse_source
from services.kit.auth.policy import TABLE, Permission, Role, Scope
from services.kit.http.problems import ForbiddenProblem

SOURCE_KINDS: dict[Role, SourceKind] = {
    Role.DEPARTMENT: "departments",
    Role.EVALUATOR: "evaluators",
    Role.COUNCIL: "council",
}


@dataclass(frozen=True)
class Caller:
    """The caller of a request. `plan` and `organization` are empty for the installation's administrator and the
    public."""

    role: Role
    plan: str = ""
    organization: str = ""
    key_id: str = ""

    @property
    def keyed(self) -> bool:
        """Whether the caller has a key."""
        return self.role is not Role.PUBLIC

    @property
    def account(self) -> str:
        """The name of the caller in the audit."""
        return f"{self.role}:{self.key_id}" if self.key_id else self.role.value

    @cached_property
    def source(self) -> str | None:
        """The source of the caller's events; None for a role without an organization of its own."""
        kind = SOURCE_KINDS.get(self.role)
        return str(Source(self.plan, kind, self.organization)) if kind else None

    def may(self, permission: Permission, *, plan: str = "", source: str = "") -> bool:
        """Whether the caller holds a permission for a whole plan, or for a source."""
        scope = TABLE[permission].get(self.role)
        if scope is None or scope is Scope.INSTALLATION:
            return scope is not None
        if scope is Scope.ORGANIZATION:
            return bool(source) and source == self.source
        return (plan or parse_source(source).plan) == self.plan

    def require(self, permission: Permission, *, plan: str = "", source: str = "") -> None:
        """Raise ForbiddenProblem unless the caller holds the permission, as in `may`."""
        if not self.may(permission, plan=plan, source=source):
            raise ForbiddenProblem(self.refusal(plan=plan, source=source))

    def refusal(self, *, plan: str = "", source: str = "") -> str:
        """A sentence that says why a caller whose role holds a permission is refused for this plan or source."""
        if source and self.source:
            return f"This key writes as {self.source}, not as {source}."
        return f"This key is for plan {self.plan}, not for {plan or parse_source(source).plan}."


ANONYMOUS = Caller(Role.PUBLIC)
ADMINISTRATOR = Caller(Role.ADMINISTRATOR)
