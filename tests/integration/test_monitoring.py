"""A real Prometheus watches the real processes: every panel has something to show, every alert something to go by.

The alerts' rules themselves are tested by promtool (deploy/monitoring/rules_test.yml); here they are those rules without
their patience (`for`), so that what is broken here is seen to fire.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.local.broker import Broker
from deploy.monitoring.dashboards import DASHBOARDS
from deploy.monitoring.panels import Query
from deploy.monitoring.realization import realized
from services.kit.auth.credentials import hash_of, new_key
from tests.parts import broker as brokers
from tests.parts.history import SeededHistory
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes, Running
from tests.parts.prometheus import Prometheus
from tests.parts.waiting import free_port, until

Json = dict[str, Any]

pytestmark = pytest.mark.timeout(300)  # the first test waits for a broker, four processes, and a restart

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES: list[Json] = [
    rule for group in yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
PARTITIONS = 3
PROCESSES = {
    "programs": "services.programs",
    "evaluations": "services.evaluations",
    "realization": "services.aggregator.api",
    "worker": "services.aggregator.worker",
}

# Series that are there only once something has failed. All others must be there when all is well.
NOT_YET = {
    'pantau_http_requests_total{status=~"5.."}',
    'pantau_http_requests_total{method="POST", status="503"}',
}


class MonitoredInstallation:
    """Everything: worker, apis, Prometheus, and records that keep coming."""

    def __init__(self, broker: Broker, processes: Processes, prometheus: Prometheus, folder: Path) -> None:
        self.broker = broker
        self.kafka_topics = KafkaTopics(broker.bootstrap, PARTITIONS)
        self.history = SeededHistory(23, partitions=PARTITIONS, plans=4)
        self.key, _, _ = new_key()
        self.sending = threading.Lock()  # held while records are sent directly to Kafka
        self.ports = {name: free_port() for name in (*PROCESSES, "prometheus")}
        self._processes = processes
        self._env = {
            "PANTAU_KAFKA": broker.bootstrap,
            "PANTAU_TOPIC_PREFIX": self.kafka_topics.prefix,
            "PANTAU_PARTITIONS": str(PARTITIONS),
            "PANTAU_STATE": str(folder / "state"),
            "PANTAU_ADMIN_KEY_SHA256": hash_of(self.key),
            "PANTAU_PROGRAMS_PORT": str(self.ports["programs"]),
            "PANTAU_EVALUATIONS_PORT": str(self.ports["evaluations"]),
            "PANTAU_AGGREGATOR_PORT": str(self.ports["realization"]),
            "PANTAU_WORKER_METRICS_PORT": str(self.ports["worker"]),
        }
        self.running = {name: self._start(name) for name in PROCESSES}
        until(self.ready, 120)
        processes.start("prometheus", self._prometheus(prometheus, folder), cwd=folder)
        until(lambda: self.ask("up"))

    def url(self, process: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[process]}{path}"

    def ready(self) -> bool:
        """Whether every process of ours is ready."""
        return all(httpx.get(self.url(name, "/readyz")).status_code == 200 for name in PROCESSES)

    def ready_again(self) -> bool:
        """The same, restarting what has exited as a supervisor does: a worker exits where the broker is
        away for longer than a transaction lives."""
        for name in PROCESSES:
            if not self.running[name].alive:
                self.restart(name)
        return self.ready()

    def ask(self, expression: str) -> list[Json]:
        """The current result of an expression in Prometheus."""
        answer = httpx.get(self.url("prometheus", "/api/v1/query"), params={"query": expression})
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {series["metric"]["alertname"] for series in self.ask("ALERTS{alertstate='firing'}")}

    def until_firing(self, *alerts: str, within: float = 30) -> None:
        """Wait until all of these alerts fire."""
        missing: set[str] = set()

        def none_missing() -> bool:
            missing.clear()
            missing.update(set(alerts) - self.firing())
            return not missing

        try:
            until(none_missing, within)
        except AssertionError:
            pytest.fail(f"{missing} did not fire within {within} s")

    def restart(self, name: str) -> None:
        """Stop a process of ours and start it again."""
        self.running[name].stop()
        self.running[name] = self._start(name)

    def _start(self, name: str) -> Running:
        return self._processes.start(name, [sys.executable, "-m", PROCESSES[name]], env=self._env)

    def _prometheus(self, prometheus: Prometheus, folder: Path) -> list[str | Path]:
        """Prometheus as compose.yaml has it, but on our ports, in a hurry, and without patience."""
        config = yaml.safe_load((MONITORING / "prometheus" / "compose.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": [f"127.0.0.1:{self.ports[job['job_name']]}"]}]
        config["rule_files"] = ["rules.yml"]
        rules = [{**rule, "for": "0s"} for rule in RULES]
        (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        return [
            prometheus.server,
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}",
        ]

    # ── what people and departments do meanwhile ─────────────────────────────────────────────────────────────────

    @contextmanager
    def life(self) -> Iterator[None]:
        """Records keep coming, figures are queried, and a client follows a stream, while the block runs."""
        over = threading.Event()
        self.kafka_topics.send(self.history.beginnings())
        plan = self.history.plans[0]
        until(lambda: httpx.get(self.url("realization", f"/v1/plans/{plan}/realization")).status_code == 200)
        threads = [
            threading.Thread(target=self._write, args=(over,)),
            threading.Thread(target=self._watch, args=(over,)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _write(self, over: threading.Event) -> None:
        number = 0
        while not over.wait(0.2):
            number += 1
            with suppress(httpx.HTTPError):  # while something is broken on purpose
                self.post(number)
                httpx.get(self.url("evaluations", "/v1/visits"), params={"plan": self.history.plans[0]})
                for plan in self.history.plans:
                    httpx.get(self.url("realization", f"/v1/plans/{plan}/realization"))
            with self.sending:
                self.kafka_topics.send(self.history.life(20))

    def post(self, number: int) -> httpx.Response:
        """A report, as a department's system sends it."""
        plan = self.history.plans[0]
        report = {
            "specversion": "1.0",
            "id": f"intake-{number}",
            "source": f"/plans/{plan}/departments/dinkes",
            "type": "id.pantau.program.status.reported.v1",
            "time": "2021-12-03T02:15:00Z",
            "data": {"program": "P-000", "status": "in_progress", "physical": "45.5", "effective_on": "2021-11-30"},
        }
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/cloudevents+json"}
        return httpx.post(self.url("programs", "/v1/events"), json=report, headers=headers, timeout=30)

    def _watch(self, over: threading.Event) -> None:
        plan = self.history.plans[0]
        while not over.is_set():
            with (
                suppress(httpx.HTTPError),
                httpx.stream("GET", self.url("realization", f"/v1/plans/{plan}/stream"), timeout=30) as stream,
            ):
                for _ in stream.iter_lines():
                    if over.is_set():
                        return


@pytest.fixture(scope="module")
def here(prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Generator[MonitoredInstallation]:
    folder = tmp_path_factory.mktemp("monitoring")
    processes = Processes(folder)
    with brokers.running(folder / "broker") as broker:
        try:
            installation = MonitoredInstallation(broker, processes, prometheus, folder)
            with installation.life():
                until(lambda: installation.ask("pantau_facts_total > 0"))
                installation.restart("worker")  # so that there was something to restore
                until(installation.ready, 120)
                yield installation
        finally:
            processes.end()


# ── dashboards ───────────────────────────────────────────────────────────────────────────────────────────────────────


def as_grafana_asks(expression: str) -> str:
    """The expression with Grafana's variables filled in."""
    return expression.replace("$__rate_interval", "10s").replace("$plan", ".+")


QUERIES = [
    pytest.param(query, id=f"{dashboard.uid}: {panel.title}: {number}")
    for dashboard in DASHBOARDS
    for panel in dashboard.panels
    for number, query in enumerate(panel.queries)
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_has_something_to_show(here: MonitoredInstallation, query: Query) -> None:
    def numbers() -> list[Json]:
        return [series for series in here.ask(as_grafana_asks(query.expr)) if series["value"][1] != "NaN"]

    found = until(numbers, what=query.expr)
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert all(series["metric"].get(label) for series in found), f"{query.expr} has no label {label}"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_a_choice_offers_something(here: MonitoredInstallation, dashboard: Any) -> None:
    for choice in dashboard.choices:
        answer = httpx.get(
            here.url("prometheus", f"/api/v1/label/{choice.label}/values"), params={"match[]": choice.metric}
        )
        assert set(here.history.plans) <= set(answer.json()["data"])


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_rules_do_what_their_tests_say(prometheus: Prometheus) -> None:
    done = subprocess.run(
        [prometheus.promtool, "test", "rules", MONITORING / "rules_test.yml"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_share_on_a_dashboard_reads_neither_none_nor_all_unless_it_is(prometheus: Prometheus, tmp_path: Path) -> None:
    shown = {"0": 0, "0.00003": 0.0001, "0.3638": 0.3638, "0.99995": 0.9999, "1": 1}
    names = {ratio: f"kota-{number}" for number, ratio in enumerate(shown)}
    series = 'pantau_realization_ratio{{plan="{}", dimension="overall", basis="claimed"}}'
    asked = {
        "expr": as_grafana_asks(realized("claimed", "=")),
        "eval_time": "0s",
        "exp_samples": [
            {"labels": f'{{plan="{names[ratio]}", dimension="overall"}}', "value": value}
            for ratio, value in shown.items()
        ],
    }
    given = [{"series": series.format(name), "values": ratio} for ratio, name in names.items()]
    test_file = {"tests": [{"interval": "1m", "input_series": given, "promql_expr_test": [asked]}]}
    file = tmp_path / "shares.yml"
    file.write_text(yaml.safe_dump(test_file))

    done = subprocess.run([prometheus.promtool, "test", "rules", file], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_goes_by_series_that_are_there(here: MonitoredInstallation, rule: Json) -> None:
    selectors = set(re.findall(r"\b(?:pantau_\w+|up)(?:\{[^}]*\})?", rule["expr"]))
    assert selectors
    for selector in selectors - NOT_YET:
        until(lambda asked=selector: here.ask(asked), what=selector)  # type: ignore[misc]  # mypy infers no type for the default


def test_every_rule_can_be_evaluated(here: MonitoredInstallation) -> None:
    def evaluated() -> list[Json]:
        groups = httpx.get(here.url("prometheus", "/api/v1/rules")).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else []

    rules = until(evaluated)
    assert {rule["name"]: rule.get("lastError", "") for rule in rules} == {rule["alert"]: "" for rule in RULES}


def test_nothing_critical_fires_while_all_is_well(here: MonitoredInstallation) -> None:
    critical = {rule["alert"] for rule in RULES if rule["labels"]["severity"] == "critical"}
    assert not here.firing() & critical


def test_what_senders_do_wrong_raises_an_alert(here: MonitoredInstallation) -> None:
    here.until_firing("Conflicts")


def test_a_worker_that_does_not_answer_raises_an_alert(here: MonitoredInstallation) -> None:
    here.running["worker"].pause()
    here.until_firing("WorkerDown")
    here.running["worker"].resume()
    until(lambda: "WorkerDown" not in here.firing())


def test_a_broker_that_is_away_raises_an_alert(here: MonitoredInstallation) -> None:
    with here.sending:
        here.broker.kill()
        try:
            assert here.post(0).status_code == 503
            here.until_firing("PublishingFails")
            here.restart("evaluations")
            here.until_firing("BrokerOrDatabaseAway", within=60)
        finally:
            here.broker.start()
    until(here.ready_again, 120)


# ── scraping ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["local", "compose"])
def test_a_configuration_is_one(prometheus: Prometheus, name: str) -> None:
    done = subprocess.run(
        [prometheus.promtool, "check", "config", MONITORING / "prometheus" / f"{name}.yml"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pods_are_found_by_their_annotations(prometheus: Prometheus, tmp_path: Path) -> None:
    """Debian's Prometheus can't ask Kubernetes, so the pods are given to it as Kubernetes would list them."""
    config = yaml.safe_load((MONITORING / "prometheus" / "kubernetes.yml").read_text())
    (job,) = config["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["pantau"]}}]
    pods = [
        document["spec"]["template"]
        for document in yaml.safe_load_all((ROOT / "deploy/k8s/rendered/city.yaml").read_text())
        if document["kind"] in {"Deployment", "StatefulSet"}
    ]
    job["static_configs"] = [is_firing(pod["metadata"]) for pod in pods] + [
        is_firing({"labels": {}, "annotations": {}})
    ]
    config["rule_files"] = []
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [
            prometheus.promtool,
            "check",
            "service-discovery",
            "--timeout=2s",
            tmp_path / "prometheus.yml",
            job["job_name"],
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = {
        target["labels"]["job"]: target["labels"] for target in yaml.safe_load(done.stdout) if target.get("labels")
    }
    assert {name: labels["__address__"] for name, labels in found.items()} == {
        "programs": "10.0.0.7:8001", "evaluations": "10.0.0.7:8002", "realization": "10.0.0.7:8003", "worker": "10.0.0.7:8004",
    }  # fmt: skip
    assert all(labels["__metrics_path__"] == "/metrics" for labels in found.values())


def is_firing(pod: Json) -> Json:
    """A pod as Prometheus' discovery knows it."""
    meta = "__meta_kubernetes_pod"
    labels = {f"{meta}_ip": "10.0.0.7", f"{meta}_name": "some-pod"}
    for kind in ("label", "annotation"):
        for name, value in pod[f"{kind}s"].items():
            labels[f"{meta}_{kind}_{re.sub(r'[^a-zA-Z0-9]', '_', name)}"] = value
    return {"targets": ["10.0.0.7"], "labels": labels}
