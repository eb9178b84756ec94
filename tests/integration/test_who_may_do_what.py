"""Who may do what: every route of the joint site, asked as every role within and outside its plan and
organization, beside the committed table below. A change of policy is a change of this table.

Columns, by the lines at the head of the table: `*` the role, `o` of the plan and organization asked about, `g` of another
organization of the plan, `p` of another plan (an organization of the same name), `b` of another plan and organization.
Cells: `+` let in, `1` 401 (a key is needed), `3` 403 (another key is needed); where a row names what only some see, `+`
is whole and `-` the public part.
"""

from collections.abc import Generator, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from httpx import Client, Response

from deploy.local.site import create_site
from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.sources import department, evaluator
from services.kit.auth.policy import Role
from services.kit.auth.principal import Caller
from tests.integration.intake_site import ADMINISTRATOR, VISIT, XLSX, IntakeSite, bearer, report, served, workbook
from tests.parts.waiting import until

OWN, OTHER_ORGANIZATION, OTHER_PLAN, OTHER_BOTH = (
    "own",
    "other organization",
    "other plan",
    "other plan and organization",
)
COLUMNS = [
    (Role.PUBLIC, ""),
    (Role.ADMINISTRATOR, ""),
    *((role, plan) for role in (Role.PLAN_ADMINISTRATOR, Role.COUNCIL, Role.READER) for plan in (OWN, OTHER_PLAN)),
    *(
        (role, whose)
        for role in (Role.DEPARTMENT, Role.EVALUATOR)
        for whose in (OWN, OTHER_ORGANIZATION, OTHER_PLAN, OTHER_BOTH)
    ),
]

MARKS = {"": "*", OWN: "o", OTHER_ORGANIZATION: "g", OTHER_PLAN: "p", OTHER_BOTH: "b"}

MATRIX = """
* . . . . . . . . . . . . . . .   public
. * . . . . . . . . . . . . . .   administrator
. . o p . . . . . . . . . . . .   plan_administrator
. . . . o p . . . . . . . . . .   council
. . . . . . o p . . . . . . . .   reader
. . . . . . . . o g p b . . . .   department
. . . . . . . . . . . . o g p b   evaluator

+ + + + + + + + + + + + + + + +   GET /v1/plans
+ + + + + + + + + + + + + + + +   GET /v1/plans/{plan}/realization
+ + + + + + + + + + + + + + + +   GET /v1/plans/{plan}/history
+ + + + + + + + + + + + + + + +   GET /v1/plans/{plan}/changes
+ + + + + + + + + + + + + + + +   GET /v1/plans/{plan}/programs
+ + + + + + + + + + + + + + + +   GET /v1/plans/{plan}/departments
+ + + + + + + + + + + + + + + +   GET /v1/plans/{plan}/programs/{program}
- + + - + - + - + + - - + + - -   GET /v1/plans/{plan}/programs/{program} (notes)
+ + + + + + + + + + + + + + + +   GET /v1/plans/{plan}/stream
+ + + + + + + + + + + + + + + +   GET /v1/masterplans
+ + + + + + + + + + + + + + + +   GET /v1/masterplans/template
+ + + + + + + + + + + + + + + +   GET /v1/masterplans/{plan}
+ + + + + + + + + + + + + + + +   GET /v1/masterplans/{plan}/versions/{number}
+ + + + + + + + + + + + + + + +   GET /v1/masterplans/{plan}/export
1 + + 3 3 3 3 3 3 3 3 3 3 3 3 3   POST /v1/masterplans/import
+ + + + + + + + + + + + + + + +   GET /v1/departments
1 + + 3 3 3 3 3 3 3 3 3 3 3 3 3   GET /v1/departments/{plan}/{office}/keys
1 + + 3 3 3 3 3 3 3 3 3 3 3 3 3   POST /v1/departments/{plan}/{office}/keys
1 + + 3 3 3 3 3 3 3 3 3 3 3 3 3   DELETE /v1/departments/{plan}/{office}/keys/{key_id}
1 + + 3 3 3 3 3 + 3 3 3 3 3 3 3   POST /v1/events
1 + + 3 3 3 3 3 + 3 3 3 3 3 3 3   POST /v1/events (batch)
+ + + + + + + + + + + + + + + +   GET /v1/events
- + + - + - - - + + - - + + - -   GET /v1/events (reasons)
1 + + 3 3 3 3 3 3 3 3 3 3 3 3 3   POST /v1/events/erasures
1 + 3 3 3 3 3 3 3 3 3 3 + 3 3 3   POST /v1/visits
+ + + + + + + + + + + + + + + +   GET /v1/visits
- + + - + - + - + + - - + + - -   GET /v1/visits (findings)
+ + + + + + + + + + + + + + + +   GET /v1/plans/docs
+ + + + + + + + + + + + + + + +   GET /v1/masterplans/docs
+ + + + + + + + + + + + + + + +   GET /v1/visits/docs
+ + + + + + + + + + + + + + + +   GET /docs
+ + + + + + + + + + + + + + + +   GET /healthz
+ + + + + + + + + + + + + + + +   GET /readyz
+ + + + + + + + + + + + + + + +   GET /metrics
+ + + + + + + + + + + + + + + +   GET /
+ + + + + + + + + + + + + + + +   GET /opening.json
"""


class Ask(NamedTuple):
    """A request of the matrix: its route, what is special about it, and how it is sent."""

    method: str
    route: str
    about: str = ""
    query: dict[str, Any] | None = None
    json: Any = None
    content: bytes | None = None
    media_type: str = "application/json"
    stream: bool = False
    private: str = ""  # the name of a property that only some see

    @property
    def name(self) -> str:
        return f"{self.method} {self.route}" + (f" ({self.about})" if self.about else "")


def asks(plan: str) -> Iterator[Ask]:
    """Every route of the APIs, about a plan, its department dinkes and its evaluator kominfo."""
    of_department, of_evaluator = department(plan, "dinkes"), evaluator(plan, "kominfo")
    for path in (
        "",
        *(f"/{{plan}}/{name}" for name in ("realization", "history", "changes", "programs", "departments")),
    ):
        yield Ask("GET", f"/v1/plans{path}")
    yield Ask("GET", "/v1/plans/{plan}/programs/{program}")
    yield Ask("GET", "/v1/plans/{plan}/programs/{program}", "notes", private="note")
    yield Ask("GET", "/v1/plans/{plan}/stream", stream=True)
    for path in ("", "/template", "/{plan}", "/{plan}/versions/{number}", "/{plan}/export"):
        yield Ask("GET", f"/v1/masterplans{path}")
    yield Ask("POST", "/v1/masterplans/import", query={"dry_run": True}, content=workbook(plan), media_type=XLSX)
    yield Ask("GET", "/v1/departments", query={"plan": plan})
    keys = "/v1/departments/{plan}/{office}/keys"
    yield Ask("GET", keys)
    yield Ask("POST", keys)
    yield Ask("DELETE", f"{keys}/{{key_id}}")
    yield Ask("POST", "/v1/events", json=report(plan, "r-1"), media_type=MEDIA_TYPE)
    yield Ask("POST", "/v1/events", "batch", json=[report(plan, "r-1")], media_type=BATCH_MEDIA_TYPE)
    yield Ask("GET", "/v1/events", query={"source": of_department, "id": "r-1"})
    yield Ask("GET", "/v1/events", "reasons", query={"source": of_department, "id": "r-1"}, private="detail")
    erasure = {"source": of_department, "id": "never-came", "reason": "Permintaan"}
    yield Ask("POST", "/v1/events/erasures", json=erasure)
    yield Ask("POST", "/v1/visits", json=VISIT | {"id": "v-1", "source": of_evaluator})
    yield Ask("GET", "/v1/visits", query={"plan": plan})
    yield Ask("GET", "/v1/visits", "findings", query={"plan": plan}, private="findings")
    for path in (
        "/v1/plans/docs",
        "/v1/masterplans/docs",
        "/v1/visits/docs",
        "/docs",
        "/healthz",
        "/readyz",
        "/metrics",
    ):
        yield Ask("GET", path)
    for path in ("/", "/opening.json"):
        yield Ask("GET", path)


class KeyringOfAllRoles:
    """The app's own keyring, and keys of roles that can't be issued yet."""

    def __init__(self, own: Any, more: dict[str, Caller]) -> None:
        self._own, self._more = own, more

    def who(self, authorization: str | None) -> Caller:
        found = self._more.get((authorization or "").removeprefix("Bearer "))
        return found or self._own.who(authorization)


class City(NamedTuple):
    """The joint site, its apps, a plan that is asked about, and a key for each column."""

    site: Client
    apps: list[FastAPI]
    plan: str
    keys: dict[tuple[Role, str], str | None]


def knows(site: Client, path: str, headers: dict[str, str]) -> bool:
    """Whether a key is in force where a path leads."""
    return site.get(path, headers=headers).status_code == 200


@pytest.fixture(scope="module")
def city(intake: IntakeSite) -> Generator[City]:
    plan, other = intake.plan(), intake.plan()
    site_app = create_site(intake.settings)
    middleware: list[Any] = site_app.user_middleware
    apps: dict[str, FastAPI] = next(each.kwargs["apps"] for each in middleware if "apps" in each.kwargs)
    not_issued: dict[str, Caller] = {}
    keys: dict[tuple[Role, str], str | None] = {(Role.PUBLIC, ""): None, (Role.ADMINISTRATOR, ""): ADMINISTRATOR}
    organizations = {Role.DEPARTMENT: ("dinkes", "dishub"), Role.EVALUATOR: ("kominfo", "mentor")}
    for role, whose in COLUMNS[2:]:
        where = plan if whose in {OWN, OTHER_ORGANIZATION} else other
        if role in organizations:
            keys[role, whose] = intake.key(
                where, organizations[role][whose in {OTHER_ORGANIZATION, OTHER_BOTH}], role.value
            )
        else:
            keys[role, whose] = f"pantau_{role}_of_{where}"
            not_issued[f"pantau_{role}_of_{where}"] = Caller(role, where, key_id="test")
    for app in apps.values():
        app.state.keyring = KeyringOfAllRoles(app.state.keyring, not_issued)
    source = department(plan, "dinkes")
    for note in ("Tertunda.", "Lain."):  # the second is a conflict, which is rejected with its reason
        assert intake.send(report(plan, "r-1", note=note), ADMINISTRATOR).status_code == 202
    assert intake.visit(evaluator(plan, "kominfo"), VISIT | {"id": "v-1"}).status_code == 202
    with served(site_app) as site:
        asked = {"source": source, "id": "r-1"}
        until(
            lambda: site.get("/v1/events", params=asked).json().get("also_rejected"), what="the site knows the conflict"
        )
        until(lambda: site.get("/v1/visits", params={"plan": plan}).json()["items"], what="the site knows the visit")
        story = f"/v1/plans/{plan}/programs/P-000"
        until(
            lambda: (r := site.get(story)).status_code == 200 and r.json()["reports"], what="the story has the report"
        )
        last = bearer(keys[COLUMNS[-1]] or "")
        for path in ("/v1/plans", "/v1/masterplans", f"/v1/visits?plan={plan}"):
            until(partial(knows, site, path, last), what=f"{path} knows the last key")
        yield City(site, list(apps.values()), plan, keys)


def answered(city: City, ask: Ask, key: str | None) -> Response:
    """What a request is answered with by a key."""
    path = ask.route.format(plan=city.plan, program="P-000", number=1, office="dinkes", key_id="none")
    headers = {"Content-Type": ask.media_type} | (bearer(key) if key else {})
    given = {"json": ask.json} if ask.json is not None else {"content": ask.content}
    method = "HEAD" if ask.stream else ask.method
    return city.site.request(method, path, params=ask.query, headers=headers, **given)


def cell(city: City, ask: Ask, column: tuple[Role, str]) -> str:
    """How a column is answered: the table's character."""
    answer = answered(city, ask, city.keys[column])
    if answer.status_code in {401, 403}:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] or answer.json()["errors"]
        return str(answer.status_code)[2]
    assert answer.status_code < 500, answer.text
    if ask.private:
        return "+" if f'"{ask.private}"' in answer.text else "-"
    return "+"


def heading() -> Iterator[str]:
    """The columns of the table, one line for each role: a mark below each of its callers."""
    for role in dict.fromkeys(role for role, _ in COLUMNS):
        marks = [MARKS[whose] if each == role else "." for each, whose in COLUMNS]
        yield f"{' '.join(marks)}   {role}"


def test_every_route_is_asked(city: City) -> None:
    asked = {(ask.method, ask.route) for ask in asks(city.plan)}
    served_routes = {
        (method, route.path)
        for app in city.apps
        for context in iter_route_contexts(app.routes)
        if isinstance(route := context.original_route, APIRoute)
        for method in route.methods or ()
    }
    assert served_routes - asked == set()
    assert {route for _, route in asked} - {path for _, path in served_routes} == {"/docs"}, "of the site itself"


def test_each_role_is_let_in_where_the_table_allows_it(city: City) -> None:
    rows = [f"{' '.join(cell(city, ask, column) for column in COLUMNS)}   {ask.name}" for ask in asks(city.plan)]
    found = "\n".join((*heading(), "", *rows))
    assert found == MATRIX.strip("\n")


def test_a_refusal_names_what_is_missing(city: City) -> None:
    by_route = {ask.name: ask for ask in asks(city.plan)}

    def detail(name: str, column: tuple[Role, str]) -> str:
        return str(answered(city, by_route[name], city.keys[column]).json()["detail"])

    keys = "GET /v1/departments/{plan}/{office}/keys"
    who = "the administrator or an administrator of the plan"
    assert detail(keys, (Role.PUBLIC, "")) == (
        f"To list, make and withdraw keys, the key of {who} is needed. Send it as Authorization: Bearer pantau_..."
    )
    assert detail(keys, (Role.DEPARTMENT, OWN)) == (
        f"To list, make and withdraw keys, the key of {who} is needed; this is the key of a department. "
        "Permission: keys:manage."
    )
    other = city.keys[Role.PLAN_ADMINISTRATOR, OTHER_PLAN]
    assert other is not None
    assert detail(keys, (Role.PLAN_ADMINISTRATOR, OTHER_PLAN)) == (
        f"This key is for plan {other.partition('_of_')[2]}, not for {city.plan}."
    )
    assert detail("POST /v1/visits", (Role.EVALUATOR, OTHER_ORGANIZATION)) == (
        f"This key writes as {evaluator(city.plan, 'mentor')}, not as {evaluator(city.plan, 'kominfo')}."
    )
    refused = answered(city, by_route["POST /v1/events"], city.keys[Role.DEPARTMENT, OTHER_ORGANIZATION]).json()
    assert [each["what"] for each in refused["errors"]] == [
        f"This key writes as {department(city.plan, 'dishub')}, not as {department(city.plan, 'dinkes')}."
    ]
