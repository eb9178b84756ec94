"""How a route names its permission in its signature: `caller: Annotated[Caller, needs("reports:write")]`.

401 without a key where the public does not hold the permission; 403 where the caller's role does not hold it, or where
the path names a plan and an organization for which it does not. What stands in a query or body is held against it by the
route, with `Caller.require`.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.kit.auth.credentials import HOW
from services.kit.auth.keyring import Keyring
from services.kit.auth.policy import PHRASES, ROLE_NAMES, TABLE, Permission, Role, Scope, holders
from services.kit.auth.principal import Caller
from services.kit.auth.public import anyone
from services.kit.http.problems import ForbiddenProblem, UnauthorizedProblem

_Endpoint = Callable[[Request, Caller], Awaitable[Response]]


def needs(permission: Permission) -> Any:
    """The caller, who must hold a permission."""
    return Depends(_Check(permission))


class _Check:
    """The dependency behind `needs`."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Caller:
        return self.check(request)

    def check(self, request: Request) -> Caller:
        """The caller. The app has its keyring at `app.state.keyring`."""
        keyring: Keyring = request.app.state.keyring
        caller = keyring.who(request.headers.get("authorization"))
        scope = TABLE[self.permission].get(caller.role)
        if scope is None:
            raise _refused(caller.role, self.permission)
        plan = request.path_params.get("plan")
        if scope is Scope.PLAN and plan is not None:
            caller.require(self.permission, plan=plan)
        return caller


def _refused(role: Role, permission: Permission) -> UnauthorizedProblem | ForbiddenProblem:
    needed = f"To {PHRASES[permission]}, the key of {holders(permission)} is needed"
    if role is Role.PUBLIC:
        return UnauthorizedProblem(f"{needed}. Send it as {HOW}")
    return ForbiddenProblem(f"{needed}; this is the key of {ROLE_NAMES[role]}. Permission: {permission}.")


def checked_first(permission: Permission) -> Callable[[_Endpoint], Callable[[Request], Awaitable[Response]]]:
    """A decorator of an endpoint that takes the request and its caller, who must hold a permission.

    For the path of reports: what the framework does to resolve `needs` takes half as long again as all else it does for
    a request.
    """
    check = _Check(permission).check

    def decorate(endpoint: _Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            return await endpoint(request, check(request))

        checked.__name__, checked.__doc__ = endpoint.__name__, endpoint.__doc__
        checked.permission = permission  # type: ignore[attr-defined]  # a function has what it is given; `permission_of` reads it
        return checked

    return decorate


def permission_of(route: APIRoute) -> Permission | None:
    """The permission a route names; None for one that says it looks at no key. Raises LookupError unless it says one."""
    calls = list(_calls(route.dependant))
    named: list[Permission | None] = [call.permission for call in calls if isinstance(call, _Check)]
    if hasattr(route.endpoint, "permission"):
        named.append(route.endpoint.permission)
    if anyone in calls:
        named.append(None)
    if len(named) != 1:
        raise LookupError(f"{route.path} must name one permission, or PUBLIC; it names {named}")
    return named[0]


def _calls(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)
