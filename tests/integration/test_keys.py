"""Keys: made and withdrawn by the administrator, shown once, stored as hashes only, in force everywhere at once."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from httpx import Client, Response

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from services.kit import settings as settings_module
from services.kit.auth.credentials import hash_of, new_key
from services.programs.app import create_app
from tests.integration.intake_site import ADMINISTRATOR, VISIT, IntakeSite, bearer, report, running, served
from tests.parts.processes import Processes
from tests.parts.waiting import until


def keys(client: Client, plan: str, organization: str, key: str | None = ADMINISTRATOR) -> Response:
    """The list of an organization's keys."""
    return client.get(f"/v1/departments/{plan}/{organization}/keys", headers=bearer(key) if key else {})


def withdraw(client: Client, plan: str, organization: str, key_id: str) -> Response:
    return client.delete(f"/v1/departments/{plan}/{organization}/keys/{key_id}", headers=bearer(ADMINISTRATOR))


def make(client: Client, plan: str, organization: str, role: str = "department", key: str = ADMINISTRATOR) -> Response:
    return client.post(f"/v1/departments/{plan}/{organization}/keys", headers=bearer(key), params={"role": role})


def test_a_key_is_shown_once_and_listed_without_its_text(intake: IntakeSite) -> None:
    plan = intake.plan()
    made = make(intake.programs, plan, "dinkes")
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    key, key_id = made.json()["key"], made.json()["key_id"]
    assert key.startswith("pantau_")
    assert len(key) >= len("pantau_") + 22
    listed = keys(intake.programs, plan, "dinkes").json()
    assert [(item["key_id"], item["role"]) for item in listed["items"]] == [(key_id, "department")]
    assert key not in json.dumps(listed)
    kept = b"".join(record.value for record in intake.kafka_topics.read("access") if record.value)
    assert key.encode() not in kept, "the log knows the hash only"
    assert hash_of(key).encode() in kept


def test_a_withdrawn_key_writes_no_more(intake: IntakeSite) -> None:
    plan = intake.plan()
    first, second = make(intake.programs, plan, "dinkes").json(), make(intake.programs, plan, "dinkes").json()
    assert intake.send(report(plan, "r-1"), first["key"]).status_code == 202
    assert withdraw(intake.programs, plan, "dinkes", first["key_id"]).status_code == 204
    assert intake.send(report(plan, "r-2"), first["key"]).status_code == 401
    assert intake.send(report(plan, "r-2"), second["key"]).status_code == 202, "the organization's other key still does"
    assert withdraw(intake.programs, plan, "dinkes", first["key_id"]).status_code == 404


def test_only_the_administrator_sees_makes_and_withdraws_keys(intake: IntakeSite) -> None:
    plan = intake.plan()
    own = intake.key(plan, "dinkes")
    assert keys(intake.programs, plan, "dinkes", None).status_code == 401
    assert keys(intake.programs, plan, "dinkes", own).status_code == 403
    assert make(intake.programs, plan, "dinkes", key=own).status_code == 403
    assert make(intake.programs, plan, "dinkes", key="pantau_guessed").status_code == 401


def test_a_key_is_for_an_organization_that_exists(intake: IntakeSite) -> None:
    plan = intake.plan()
    unknown = make(intake.programs, plan, "dinkess")
    assert unknown.status_code == 404
    assert "dinkes" in unknown.json()["detail"]
    assert make(intake.programs, "no-such-plan", "dinkes").status_code == 404
    assert make(intake.programs, plan, "kominfo", "evaluator").status_code == 201, "evaluators are in no plan"
    assert make(intake.programs, plan, "dinkes", "king").status_code == 422
    assert make(intake.programs, plan, "Dinkes!").status_code == 422


def test_many_keys_made_at_once_are_all_in_force(intake: IntakeSite) -> None:
    plan = intake.plan()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make(intake.programs, plan, "dinkes"), range(8)))
    assert {answer.status_code for answer in made} == {201}
    for number, answer in enumerate(made):
        assert intake.send(report(plan, f"r-{number}"), answer.json()["key"]).status_code == 202


def test_keys_made_by_two_replicas_at_once_are_all_in_force(
    broker: Broker, processes: Processes, postgres_url: str
) -> None:
    with running(broker.bootstrap, postgres_url, processes) as intake, served(create_app(intake.settings)) as other:
        intake.start_worker()
        plan = intake.plan()
        with ThreadPoolExecutor(8) as pool:
            replicas = [intake.programs, other] * 4
            made = list(pool.map(lambda client: make(client, plan, "dinkes"), replicas))
        assert {answer.status_code for answer in made} == {201}
        expected = {answer.json()["key_id"] for answer in made}

        def ids(client: Client) -> set[str]:
            return {item["key_id"] for item in keys(client, plan, "dinkes").json()["items"]}

        until(lambda: ids(intake.programs) == ids(other) == expected, what="both know all keys")


def test_keys_are_known_after_a_restart_and_in_every_api(
    broker: Broker, processes: Processes, postgres_url: str
) -> None:
    with running(broker.bootstrap, postgres_url, processes) as intake:
        intake.start_worker()
        plan = intake.plan()
        key, evaluators = intake.key(plan, "dinkes"), intake.key(plan, "kominfo", "evaluator")
        settings = intake.settings
        until(lambda: intake.visit("", VISIT | {"id": "v-1"}, evaluators).status_code == 202)
        assert intake.visit("", VISIT | {"id": "v-2"}, key).status_code == 403, "a department records no visits"
    with served(create_app(settings)) as again:
        sent = report(plan, "r-1")
        answer = again.post(
            "/v1/events", json=sent, headers=bearer(key) | {"Content-Type": "application/cloudevents+json"}
        )
        assert answer.status_code == 202


def test_a_key_has_enough_entropy() -> None:
    made = {new_key()[0] for _ in range(100)}
    assert len(made) == 100
    assert all(len(key) == len("pantau_") + 32 for key in made)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"PANTAU_ADMIN_KEY_SHA256": "secret"}, ["PANTAU_ADMIN_KEY_SHA256"]),
        ({"PANTAU_ADMIN_KEY_SHA256": hashlib.sha256(b"").hexdigest()}, ["PANTAU_ADMIN_KEY_SHA256"]),
        (
            {"PANTAU_PARTITIONS": "0", "PANTAU_DATABASE": "mysql://x", "PANTAU_KAFKA": "nowhere"},
            ["PANTAU_PARTITIONS", "PANTAU_DATABASE", "PANTAU_KAFKA"],
        ),
        ({"PANTAU_PORT": "8001"}, ["PANTAU_PORT", "PANTAU_PROGRAMS_PORT"]),
    ],
)
def test_unsafe_settings_refuse_to_boot_and_all_are_named(
    variables: dict[str, str], named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as refused:
        settings_module.read(InstallationSettings)
    message: Any = refused.value.code
    assert all(name in message for name in named)
