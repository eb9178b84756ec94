"""Pantau on a Kafka with TLS, users and access lists: a report in, a figure out; and one clear line for what is refused."""

import asyncio
import hashlib
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from httpx import Client

from deploy.commands import doctor
from schemas.sources import department, evaluator
from services.kit.fail_stop import LEFT_ON_ERROR
from services.kit.kafka_refusals import KafkaRefusedError, refusal
from services.kit.topics import declare_topics
from tests.integration.intake_site import ADMINISTRATOR, VISIT, XLSX, bearer, report, workbook
from tests.parts.processes import Processes
from tests.parts.secured_broker import Grant, SecuredBroker, authority, secured
from tests.parts.waiting import free_port, until

OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
ROW = re.compile(r"^\| `(pantau-\w+)` \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
PLAN = "kota-aman"
WORKER = "pantau-worker"
PASSWORDS = {f"pantau-{name}": f"word of {name}" for name in ("worker", "programs", "evaluations", "realization")}


def documented() -> Iterator[Grant]:
    """The access lists of docs/operations.md."""
    rows = ROW.findall(OPERATIONS)
    assert {user for user, _, _ in rows} == set(PASSWORDS)
    for user, reads, writes in rows:
        for operation in ("DESCRIBE", "DESCRIBE_CONFIGS"):
            yield Grant(user, operation, "TOPIC", "*")
        for operation, topics in (("READ", reads), ("WRITE", writes)):
            for topic in re.findall(r"`([\w-]+)`", topics):
                yield Grant(user, operation, "TOPIC", topic)
    yield Grant(WORKER, "CREATE", "TOPIC", "*")
    yield Grant(WORKER, "READ", "GROUP", "aggregator")
    for operation in ("WRITE", "DESCRIBE"):
        yield Grant(WORKER, operation, "TRANSACTIONAL_ID", "aggregator-", prefixed=True)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Generator[SecuredBroker]:
    with secured(tmp_path_factory.mktemp("secured")) as running:
        running.add_users(PASSWORDS)
        running.grant(documented())
        yield running


class Service(NamedTuple):
    """One of our processes: its module, its user's name, and the variable of its port."""

    module: str
    name: str
    port: str


SERVICES = (
    Service("services.programs", "programs", "PANTAU_PROGRAMS_PORT"),
    Service("services.evaluations", "evaluations", "PANTAU_EVALUATIONS_PORT"),
    Service("services.aggregator.api", "realization", "PANTAU_AGGREGATOR_PORT"),
    Service("services.aggregator.worker", "worker", "PANTAU_WORKER_METRICS_PORT"),
)


def start(kafka: SecuredBroker, processes: Processes, service: Service) -> Client:
    """Start a process as its user, its password in a file."""
    user, port = f"pantau-{service.name}", free_port()
    password = processes.folder / f"{service.name}-password"
    password.write_text(PASSWORDS[user] + "\n")
    env = kafka.environment(user, password) | {
        service.port: str(port),
        "PANTAU_STATE": str(processes.folder / "state"),
        "PANTAU_PARTITIONS": "2",
        "PANTAU_ADMIN_KEY_SHA256": hashlib.sha256(ADMINISTRATOR.encode()).hexdigest(),
    }
    (processes.folder / "state").mkdir(exist_ok=True)
    processes.start(service.name, [sys.executable, "-m", service.module], env=env)
    return Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)


def test_a_report_comes_in_and_a_figure_out(kafka: SecuredBroker, processes: Processes) -> None:
    with ExitStack() as closing:
        clients = [closing.enter_context(start(kafka, processes, service)) for service in SERVICES]
        until_ready(clients)
        report_and_verify(clients)


def is_ready(client: Client) -> bool:
    """Whether a process is ready."""
    return client.get("/readyz").status_code == 200


def until_ready(clients: Sequence[Client]) -> None:
    """Wait until each is, and knows as whom Kafka knows it."""
    for client, service in zip(clients, SERVICES, strict=True):
        until(partial(is_ready, client), 120, what=f"{service.name} is ready")
        trust = client.get("/readyz").json()["trust"]
        assert (
            trust
            == f"Kafka authenticates this process as pantau-{service.name}, over TLS; its access lists say who may write what"
        )


def report_and_verify(clients: Sequence[Client]) -> None:
    """Import a plan, report, visit, and wait for the figure."""
    programs, evaluations, realization, _ = clients
    headers = bearer(ADMINISTRATOR)

    response = programs.post("/v1/masterplans/import", content=workbook(PLAN), headers=headers | {"Content-Type": XLSX})
    assert response.status_code == 202, response.text
    known = {"source": response.json()["source"], "id": response.json()["id"], "wait": 30}
    assert programs.get("/v1/events", params=known, headers=headers).json()["outcome"] == "accepted"
    key = programs.post(f"/v1/departments/{PLAN}/dinkes/keys", headers=headers).json()["key"]
    realized = report(PLAN, "r-1", status="realized", physical="100")
    response = until(lambda: _taken(programs, realized, key), 60, what="the key is known")
    outcome = programs.get(
        "/v1/events", params={"source": department(PLAN, "dinkes"), "id": "r-1", "wait": 30}, headers=headers
    ).json()
    assert (outcome["outcome"], outcome["standing"]) == ("accepted", "current")
    visit = VISIT | {"id": "v-1", "source": evaluator(PLAN, "pusat"), "visited_on": "2021-12-10"}
    until(lambda: evaluations.post("/v1/visits", json=visit, headers=headers).status_code == 202, 60, what="a visit")

    def verified() -> Any:
        cell = realization.get(f"/v1/plans/{PLAN}/realization", params={"as_of": "2021-12-31"}).json()["overall"]
        return (cell["realized"], cell["verified_realized"]) == (1, 1)

    until(verified, 60, what="the figure has the report and the visit")


def _taken(programs: Client, event: Any, key: str) -> Any:
    headers = bearer(key) | {"Content-Type": "application/cloudevents+json"}
    return programs.post("/v1/events", json=event, headers=headers).status_code == 202


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────

NO_USER: dict[str, Any] = {"kafka_sasl_username": None, "kafka_sasl_password": None}
NO_TLS: dict[str, Any] = {"kafka_ssl_ca_file": None}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong password": (
        {"kafka_sasl_password": "guessed"},
        "refuses the user pantau-worker or its password (SCRAM-SHA-512): set PANTAU_KAFKA_SASL_USERNAME and "
        "PANTAU_KAFKA_SASL_PASSWORD or PANTAU_KAFKA_SASL_PASSWORD_FILE",
    ),
    "an unknown user": ({"kafka_sasl_username": "stranger"}, "refuses the user stranger or its password"),
    "an unknown authority": (
        {"kafka_ssl_ca_file": None},
        "shows a certificate that is not trusted (self-signed certificate in certificate chain|unable to get local issuer "
        "certificate): set PANTAU_KAFKA_SSL_CA_FILE",
    ),
    "plaintext against TLS": (
        {"kafka_security_protocol": "PLAINTEXT"} | NO_USER | NO_TLS,
        "speaks TLS, and PANTAU_KAFKA_SECURITY_PROTOCOL=PLAINTEXT does not: set it to SASL_SSL",
    ),
    "a password in plaintext against TLS": (
        {"kafka_security_protocol": "SASL_PLAINTEXT"} | NO_TLS,
        "speaks TLS, and PANTAU_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT does not: set it to SASL_SSL",
    ),
    "no user": (
        {"kafka_security_protocol": "SSL"} | NO_USER,
        "asks for a user and password: set PANTAU_KAFKA_SECURITY_PROTOCOL to SASL_SSL, PANTAU_KAFKA_SASL_MECHANISM (it "
        "offers SCRAM-SHA-512), PANTAU_KAFKA_SASL_USERNAME",
    ),
    "another mechanism": (
        {"kafka_sasl_mechanism": "PLAIN"},
        "does not offer PLAIN: set PANTAU_KAFKA_SASL_MECHANISM to one of SCRAM-SHA-512",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_one_line_that_names_the_setting(kafka: SecuredBroker, case: str) -> None:
    changes, expected = REFUSED[case]
    settings = kafka.settings(WORKER, PASSWORDS[WORKER], **changes)
    with pytest.raises(KafkaRefusedError) as refused:
        asyncio.run(declare_topics(settings))
    said = str(refused.value)
    assert said.startswith(f"Kafka at {kafka.secure} ")
    assert "\n" not in said
    assert re.search("|".join(_alternatives(expected)), said), said


def _alternatives(expected: str) -> list[str]:
    """The sentence, or those that differ in what OpenSSL calls it."""
    if "|" not in expected:
        return [re.escape(expected)]
    before, rest = expected.split("(", 1)
    either, after = rest.split(")", 1)
    return [re.escape(f"{before}({one}){after}") for one in either.split("|")]


def test_an_authority_that_did_not_sign_is_refused(kafka: SecuredBroker, tmp_path: Path) -> None:
    other = kafka.settings(WORKER, PASSWORDS[WORKER], kafka_ssl_ca_file=authority(tmp_path, "other"))
    said = str(asyncio.run(refusal(other)))
    assert "shows a certificate that is not trusted" in said
    assert "PANTAU_KAFKA_SSL_CA_FILE" in said


def test_tls_and_users_against_a_plain_listener_are_refused(kafka: SecuredBroker) -> None:
    plain = {"kafka": kafka.broker.bootstrap}
    said = str(asyncio.run(refusal(kafka.settings(WORKER, PASSWORDS[WORKER], **plain))))
    assert "speaks no TLS, and PANTAU_KAFKA_SECURITY_PROTOCOL=SASL_SSL does" in said
    user = plain | NO_TLS | {"kafka_security_protocol": "SASL_PLAINTEXT"}
    said = str(asyncio.run(refusal(kafka.settings(WORKER, PASSWORDS[WORKER], **user))))
    assert "asks for no user, and PANTAU_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT names one" in said


def test_a_user_that_kafka_accepts_is_not_refused(kafka: SecuredBroker) -> None:
    assert asyncio.run(refusal(kafka.settings(WORKER, PASSWORDS[WORKER]))) is None


def test_the_worker_exits_with_that_line_and_a_service_says_it_where_it_is_asked(
    kafka: SecuredBroker, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = processes.folder / "wrong"
    wrong.write_text("guessed")
    env = kafka.environment(WORKER, wrong) | {"PANTAU_STATE": str(processes.folder)}
    port = free_port()
    worker = processes.start("worker", [sys.executable, "-m", "services.aggregator.worker"], env=env)
    service = processes.start(
        "evaluations", [sys.executable, "-m", "services.evaluations"], env=env | {"PANTAU_EVALUATIONS_PORT": str(port)}
    )
    line = f"Kafka at {kafka.secure} refuses the user pantau-worker or its password"
    assert worker.wait(60) == LEFT_ON_ERROR
    assert worker.output.count(line) == 1
    assert "Traceback" not in worker.output
    with Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        until(lambda: line in client.get("/readyz").text, 60, what="it says why it is not ready")
    assert service.alive
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    found = next(finding for finding in doctor.look() if finding.what == "Kafka")
    assert not found.ok
    assert line in found.found
    wrong.write_text(PASSWORDS[WORKER])
    assert next(finding for finding in doctor.look() if finding.what == "Kafka").ok
