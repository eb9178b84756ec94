"""What is deployed is what the code is: settings, commands, ports, probes, paths, users; and the manifests are strict.

The manifests are read as kustomize rendered them (deploy/k8s/rendered), compose.yaml and the Dockerfile as they stand.
"""

import ast
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import kubernetes_validate
import pytest
import yaml
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from deploy.k8s import generate
from deploy.local import broker, jars
from deploy.local import settings as local
from deploy.local.process_settings import InstallationSettings
from deploy.paths import PATHS
from services.kit.http.health import add_health
from services.kit.http.metrics import add_metrics
from services.kit.settings import PREFIX

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
KUBERNETES = "1.37"
CITY: list[Json] = [*yaml.safe_load_all((generate.RENDERED / "city.yaml").read_text())]
COMPOSE: Json = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SECURED_KAFKA = (ROOT / "deploy/k8s/components/secured-kafka/kustomization.yaml").read_text()
INTERFACES = (ROOT / "docs" / "interfaces.md").read_text()

# What listens where: the one setting of each process that says so.
LISTENS = {
    "services.programs": "programs_port",
    "services.evaluations": "evaluations_port",
    "services.aggregator.api": "aggregator_port",
    "services.aggregator.worker": "worker_metrics_port",
}


class Process(NamedTuple):
    """One of our processes, as it is deployed. A value of None comes from a secret or from the pod."""

    name: str
    command: list[str]
    env: dict[str, str | None]

    @property
    def module(self) -> str:
        return self.command[-1]


def of_kind(*kinds: str) -> list[Json]:
    return [document for document in CITY if document["kind"] in kinds]


def named(kind: str, name: str) -> Json:
    return next(document for document in of_kind(kind) if document["metadata"]["name"] == name)


def workloads() -> list[Json]:
    return of_kind("Deployment", "StatefulSet")


def container(workload: Json) -> Json:
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(only)


def in_kubernetes() -> Iterator[Process]:
    for workload in workloads():
        here = container(workload)
        env: dict[str, str | None] = {}
        for source in here["envFrom"]:
            env |= named("ConfigMap", source["configMapRef"]["name"])["data"]
        env |= {entry["name"]: entry.get("value") for entry in here["env"]}
        yield Process(workload["metadata"]["name"], here["command"], env)


def in_compose() -> Iterator[Process]:
    for name, service in COMPOSE["services"].items():
        if "build" in service:
            yield Process(name, service["command"], service["environment"])


PROCESSES = [*in_kubernetes(), *in_compose()]


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def documented() -> set[str]:
    """The variables in the table of docs/interfaces.md, and those it names as ports."""
    return set(re.findall(rf"`({PREFIX}[A-Z0-9_]+)`", INTERFACES))


def settings() -> set[str]:
    return {PREFIX + field.upper() for field in InstallationSettings.model_fields}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    of_the_local_stack = {port.variable for port in local.read({}).ports}
    assert settings() <= documented()
    assert documented() <= settings() | of_the_local_stack


def test_only_settings_that_exist_are_set() -> None:
    set_somewhere = {name for process in PROCESSES for name in process.env if name.startswith(PREFIX)}
    set_somewhere |= set(re.findall(rf"{PREFIX}[A-Z0-9_]+", DOCKERFILE + SECURED_KAFKA))
    assert set_somewhere <= settings()


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_process_boots_with_what_it_is_given(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in process.env.items():
        if value is not None and "${" not in value:  # a secret's, the pod's, or the caller's
            monkeypatch.setenv(name, value)
    settings = InstallationSettings()
    assert settings.host == "0.0.0.0"
    assert settings.partitions == 12
    assert settings.state == Path("/var/lib/pantau")


def test_secrets_are_named_and_not_contained() -> None:
    assert not of_kind("Secret")
    for workload in workloads():
        for entry in container(workload)["env"]:
            if entry["name"] in {"PANTAU_DATABASE", "PANTAU_ADMIN_KEY_SHA256", "PANTAU_SECRET"}:
                assert entry["valueFrom"]["secretKeyRef"]["name"] == "pantau"


def test_every_process_has_a_user_of_a_secured_kafka() -> None:
    component = yaml.safe_load(SECURED_KAFKA)
    patched = [yaml.safe_load(each["patch"]) for each in component["patches"] if "target" not in each]
    assert {(each["kind"], each["metadata"]["name"]) for each in patched} == {
        (workload["kind"], workload["metadata"]["name"]) for workload in workloads()
    }
    for each in patched:
        user = f"pantau-{each['metadata']['name']}"
        assert container(each)["env"][0] == {"name": "PANTAU_KAFKA_SASL_USERNAME", "value": user}
        assert f"| `{user}` |" in (ROOT / "docs" / "operations.md").read_text()


def test_every_process_has_the_shared_secret() -> None:
    assert all("PANTAU_SECRET" in process.env for process in PROCESSES)


def test_each_worker_has_a_lasting_name_of_its_own() -> None:
    entry = next(e for e in container(named("StatefulSet", "worker"))["env"] if e["name"] == "PANTAU_WORKER_INSTANCE")
    assert entry["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


# ── commands and ports ───────────────────────────────────────────────────────────────────────────────────────────────


def test_both_deploy_the_same_processes() -> None:
    assert (
        {process.module for process in in_kubernetes()} == {process.module for process in in_compose()} == set(LISTENS)
    )


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_command_is_a_program_that_docs_name(process: Process) -> None:
    assert process.command == ["python", "-m", process.module]
    assert importlib.util.find_spec(f"{process.module}.__main__") is not None
    assert f"`python -m {process.module}`" in INTERFACES


def port_of(module: str) -> int:
    return int(InstallationSettings.model_fields[LISTENS[module]].default)


def test_pods_listen_where_services_probes_and_prometheus_look() -> None:
    for workload in workloads():
        here, name = container(workload), workload["metadata"]["name"]
        number = port_of(here["command"][-1])
        assert here["ports"] == [{"name": "http", "containerPort": number}]
        variable = f"{PREFIX}{LISTENS[here['command'][-1]].upper()}"
        config = named("ConfigMap", here["envFrom"][0]["configMapRef"]["name"])["data"]
        assert config[variable] == str(number)
        service = named("Service", name)["spec"]
        assert service["ports"] == [{"name": "http", "port": number, "targetPort": "http"}]
        template = workload["spec"]["template"]
        assert service["selector"].items() <= template["metadata"]["labels"].items()
        assert template["metadata"]["annotations"]["prometheus.io/port"] == str(number)
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert here[probe]["httpGet"]["port"] == "http"


def test_compose_listens_asks_and_scrapes_on_the_same_ports() -> None:
    scraped = yaml.safe_load((ROOT / "deploy/monitoring/prometheus/compose.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in scraped}
    for process in in_compose():
        number = port_of(process.module)
        assert process.env[f"{PREFIX}{LISTENS[process.module].upper()}"] == str(number)
        assert f"http://127.0.0.1:{number}/readyz" in COMPOSE["services"][process.name]["healthcheck"]["test"][-1]
        assert targets.pop(process.name) == [f"{process.name}:{number}"]
    assert not targets


def test_what_is_published_is_published_on_this_machine_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_probes_and_scrapes_ask_for_paths_that_are_served() -> None:
    app = FastAPI()
    add_health(app, lambda: (True, {}))
    add_metrics(app, CollectorRegistry())
    asked = {
        container(workload)[probe]["httpGet"]["path"]
        for workload in workloads()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    asked |= {w["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"] for w in workloads()}
    assert asked == {"/healthz", "/readyz", "/metrics"}
    assert asked <= {getattr(route, "path", None) for route in app.routes}


# ── who owns which path ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_ingress_sends_each_path_to_its_owner() -> None:
    (ingress,) = of_kind("Ingress")
    (rule,) = ingress["spec"]["rules"]
    found = {p["path"]: p["backend"]["service"]["name"] for p in rule["http"]["paths"] if p["pathType"] == "Prefix"}
    assert found == dict(PATHS)
    assert all(p["backend"]["service"]["port"] == {"name": "http"} for p in rule["http"]["paths"])


def test_the_front_of_compose_sends_each_path_to_its_owner() -> None:
    front = COMPOSE["configs"]["front"]["content"]
    found = {
        path: (name, int(port))
        for path, name, port in re.findall(r"location (/\S*) \{ proxy_pass http://(\w+):(\d+); \}", front)
    }
    ports = {process.name: port_of(process.module) for process in in_compose()}
    assert found == {path: (owner, ports[owner]) for path, owner in PATHS.items()}


def test_metrics_are_not_public() -> None:
    (ingress,) = of_kind("Ingress")
    exact = {
        p["path"]: p["backend"]["service"]["name"]
        for p in ingress["spec"]["rules"][0]["http"]["paths"]
        if p["pathType"] == "Exact"
    }
    assert exact == {"/metrics": "closed"}
    assert "selector" not in named("Service", "closed")["spec"]
    assert "location = /metrics { return 404; }" in COMPOSE["configs"]["front"]["content"]


# ── the manifests ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_rendered_is_of_these_sources() -> None:
    assert not generate.stale(), "run: python -m deploy.k8s.generate"


@pytest.mark.parametrize("document", CITY, ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_a_document_is_strictly_what_kubernetes_knows(document: Json) -> None:
    assert kubernetes_validate.validate(document, KUBERNETES, strict=True) == KUBERNETES
    if document["kind"] != "Namespace":
        assert document["metadata"]["namespace"] == "pantau"


def test_every_pod_is_restricted() -> None:
    """After the Pod Security Standards' profile `restricted`, and a root file system that is not written to."""
    for workload in workloads():
        pod, here = workload["spec"]["template"]["spec"], container(workload)
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert here["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert all("emptyDir" in volume for volume in pod["volumes"])
        assert {"/tmp", "/var/lib/pantau"} == {mount["mountPath"] for mount in here["volumeMounts"]}
        assert here["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in here["resources"]["limits"]


def test_no_pod_may_use_the_api_of_kubernetes() -> None:
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        account = named("ServiceAccount", pod["serviceAccountName"])
        assert account["metadata"]["name"] == workload["metadata"]["name"]
        assert account["automountServiceAccountToken"] is False
    assert not of_kind("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def test_what_there_is_more_than_one_of_is_not_all_taken_away_at_once() -> None:
    for workload in workloads():
        assert workload["spec"]["replicas"] > 1
        budget = named("PodDisruptionBudget", workload["metadata"]["name"])["spec"]
        assert budget["maxUnavailable"] == 1
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_pods_connect_only_where_a_policy_allows_it() -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind("NetworkPolicy")}
    assert policies.pop("default-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    broker_port = int(
        named("ConfigMap", container(workloads()[0])["envFrom"][0]["configMapRef"]["name"])["data"][
            "PANTAU_KAFKA"
        ].split(":")[1]
    )
    assert broker_port in {port["port"] for rule in policies["names-and-log"]["egress"] for port in rule["ports"]}
    for policy in policies.values():
        selected = [
            workload["metadata"]["name"]
            for workload in workloads()
            if policy["podSelector"]["matchLabels"].items()
            <= workload["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert selected, "a policy that is of no pod"
        for rule in (*policy.get("ingress", ()), *policy.get("egress", ())):
            assert rule["ports"]
            assert rule.get("from") or rule.get("to")


# ── the image, and the broker of compose ─────────────────────────────────────────────────────────────────────────────


def copied() -> set[str]:
    """Folders and files of the checkout that its two wheels are made of."""
    copied = re.findall(r"^COPY ([\w/.]+) /src/\1$", DOCKERFILE, re.MULTILINE)
    (files,) = re.findall(r"^COPY (.+) /src/$", DOCKERFILE, re.MULTILINE)
    return {*copied, *files.split()}


def test_the_image_has_all_that_the_services_import_and_serve() -> None:
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    imported = {
        name.split(".")[0]
        for folder in copied() - {"sdk"}
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported & ours <= {path.split("/")[0] for path in copied()}
    assert "web" in copied()
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_through == copied() | {"requirements/run.txt", "requirements/build.txt"}


def test_the_image_runs_as_the_user_that_pods_run_as() -> None:
    (uid, gid) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)[0]
    for workload in workloads():
        context = workload["spec"]["template"]["spec"]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (int(uid), int(gid))
    assert f"install -d -o {uid} -g {gid} /var/lib/pantau" in DOCKERFILE


def test_the_image_installs_what_is_locked_by_hash() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert DOCKERFILE.count("--require-hashes") == DOCKERFILE.count("-r /") == 2
    for lock in ("requirements/run.txt", "requirements/build.txt"):
        locked = (ROOT / lock).read_text()
        assert all("--hash=" in entry for entry in re.split(r"\n(?=[a-z0-9])", locked) if "==" in entry)


def test_one_name_of_the_image_everywhere() -> None:
    images = {container(workload)["image"] for workload in workloads()}
    images |= {COMPOSE["services"][process.name]["image"] for process in in_compose()}
    assert len(images) == 1


def test_the_broker_of_compose_is_set_as_the_tested_one() -> None:
    """InstallationSettings that both have are the same, but for addresses, folders and what makes tests fast."""
    tested = dict(line.split("=", 1) for line in broker.properties(Path("/data"), 9092, 9093).splitlines())
    there: Json = COMPOSE["services"]["kafka"]["environment"]
    compose = {name.removeprefix("KAFKA_").lower().replace("_", "."): str(value) for name, value in there.items()}
    own = {"listeners", "advertised.listeners", "log.dirs"}
    same = compose.keys() & tested.keys() - own
    assert {name: compose[name] for name in same} == {name: tested[name] for name in same}
    assert {
        "auto.create.topics.enable", "transactional.id.expiration.ms", "message.max.bytes",
        "add.partitions.to.txn.retry.backoff.ms", "transaction.max.timeout.ms",
    } <= same  # fmt: skip
    assert COMPOSE["services"]["kafka"]["image"].split(":")[1] == jars.kafka_version()
