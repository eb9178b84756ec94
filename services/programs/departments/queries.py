"""The departments of a plan, and the keys of an organization, as they are shown."""

from collections import Counter

from schemas.access import Key
from schemas.access import Role as KindOfKey
from services.kit.auth.keyring import ROLES
from services.kit.auth.policy import Role
from services.kit.http.problems import NotFoundProblem
from services.kit.projection.follower import Projection
from services.programs.departments.models import BothLanguages, ListedDepartment, ListedDepartments, ShownKey
from services.programs.masterplans.queries import in_force, registered


def departments(projection: Projection, plan: str) -> ListedDepartments:
    """The departments of the version in force today. Raises NotFoundProblem where there is none. Blocks."""
    found = in_force(projection, plan)
    if found is None:
        raise NotFoundProblem(f"Plan {plan} has no version in force today.")
    led = Counter(program.department for program in found.version.programs)
    items = [
        ListedDepartment(
            department=each.key,
            name=BothLanguages(id=each.name.id, en=each.name.en),
            programs=led[each.key],
        )
        for each in found.version.departments
    ]
    return ListedDepartments(plan=plan, plan_version=found.version.version, items=items)


def shown(key: Key) -> ShownKey:
    """A key without its text and hash."""
    return ShownKey(key_id=key.key_id, role=key.role, made_at=key.made_at.isoformat())


def require_organization(projection: Projection, plan: str, organization: str, kind: KindOfKey) -> None:
    """Raise NotFoundProblem unless the plan is known and a department belongs to it: a key for a misspelt department
    would be useless. Blocks."""
    found = registered(projection, plan)
    if found is None:
        raise NotFoundProblem(f"There is no plan {plan}.")
    known = [department.key for department in found.version.departments]
    if ROLES[kind] is Role.DEPARTMENT and organization not in known:
        raise NotFoundProblem(f"{plan} has no department {organization}; it has {', '.join(known)}.")
