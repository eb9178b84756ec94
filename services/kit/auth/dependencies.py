"""A route declares its permission in its signature: `caller: Annotated[Caller, needs("reports:write")]`.

Without a key the response is 401 where the public does not hold the permission. It is 403 where the caller's role does
not hold it, or not for the plan and organization in the path. For a plan or source in the query or body the route calls
`Caller.require`.
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
    """A dependency: the caller, who must hold a permission."""
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
    """Decorate an endpoint that takes the request and its caller, who must hold a permission.

    For the path of reports, where resolving `needs` would make the framework's work for a request half as long again.
    """
    check = _Check(permission).check

    def decorate(endpoint: _Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            return await endpoint(request, check(request))

        checked.__name__, checked.__doc__ = endpoint.__name__, endpoint.__doc__
        checked.permission = permission  # type: ignore[attr-defined]  # functions accept new attributes; `permission_of` reads this one
        return checked

    return decorate


def permission_of(route: APIRoute) -> Permission | None:
    """The permission of a route; None for one declared PUBLIC. Raises LookupError unless it declares exactly one."""
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
