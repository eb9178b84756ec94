"""Alerts, dashboards and Grafana's files are whole: told in words, tested, documented, and made by the code that is here.

That their metrics exist and that every query answers is asked of the running system: tests/integration/test_monitoring.py.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.local.process_settings import InstallationSettings
from deploy.monitoring import generate
from deploy.monitoring.dashboards import DASHBOARDS
from deploy.monitoring.panels import COLUMNS, Dashboard
from services.aggregator.api import app as api
from services.aggregator.worker.metrics import WorkerMetrics
from services.evaluations import app as evaluations
from services.programs import app as programs

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def read(path: str) -> Json:
    loaded = yaml.safe_load((MONITORING / path).read_text())
    assert isinstance(loaded, dict)
    return loaded


RULES: dict[str, Json] = {rule["alert"]: rule for group in read("rules.yml")["groups"] for rule in group["rules"]}


def headings() -> list[str]:
    return re.findall(r"^#+ (.+)$", OPERATIONS, re.MULTILINE)


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_what_is_wrong_and_what_to_do(name: str) -> None:
    rule = RULES[name]
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning", "notice"}
    annotations = rule["annotations"]
    assert annotations["summary"].endswith(".")
    assert annotations["description"].strip().endswith(".")
    assert annotations["runbook_url"] == f"docs/operations.md#{name.lower()}"
    assert name in headings()


def test_every_runbook_is_of_an_alert() -> None:
    runbooks = re.findall(r"^### (\w+)$", OPERATIONS, re.MULTILINE)
    assert sorted(runbooks) == sorted(RULES)


@pytest.mark.parametrize("name", RULES)
def test_an_alert_is_tested_silent_and_firing(name: str) -> None:
    tested = [
        bool(case["exp_alerts"])
        for test in read("rules_test.yml")["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == name
    ]
    assert set(tested) == {False, True}


def test_the_dashboards_are_what_the_code_says() -> None:
    assert not generate.stale(), "run: python -m deploy.monitoring.generate"


SUFFIXES = {"counter": ("_total", "_created"), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count", "_created")}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every metric that a process of ours has, and the names its series go by."""
    settings = InstallationSettings(state=tmp_path_factory.mktemp("state"))
    engine = CollectorRegistry()
    WorkerMetrics(engine)
    apps = [create_app(settings) for create_app in (programs.create_app, evaluations.create_app, api.create_app)]
    for app in apps:
        app.build_middleware_stack()  # what measures requests comes with it
    return {
        metric.name: {metric.name + suffix for suffix in SUFFIXES[metric.type]}
        for registry in (engine, *(app.state.registry for app in apps))
        for metric in registry.collect()
        if metric.name.startswith("pantau_")
    }


def read_by(*expressions: str) -> set[str]:
    """The series that expressions read."""
    return {name for expression in expressions for name in re.findall(r"\bpantau_\w+", expression)}


def test_dashboards_and_alerts_read_what_processes_export(exported: dict[str, set[str]]) -> None:
    series = set().union(*exported.values())
    shown = read_by(*(query.expr for dashboard in DASHBOARDS for panel in dashboard.panels for query in panel.queries))
    alerted = read_by(*(rule["expr"] for rule in RULES.values()))
    chosen = {choice.metric for dashboard in DASHBOARDS for choice in dashboard.choices}
    assert shown | alerted | chosen <= series
    unseen = {name for name, names in exported.items() if not names & (shown | alerted)}
    assert not unseen, "exported, and looked at by nobody: show it or delete it"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_a_dashboard_is_whole(dashboard: Dashboard) -> None:
    stored: Json = json.loads((generate.FOLDER / f"{dashboard.uid}.json").read_text())
    panels: list[Json] = stored["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel.title for panel in dashboard.panels}) == len(dashboard.panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, f"{panel['title']} lies over another panel"
        assert at["x"] + at["w"] <= COLUMNS
        taken |= cells
    for described in dashboard.panels:
        assert described.description.endswith(".")
        assert described.queries
    variables = {variable["name"] for variable in stored["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) - {"__rate_interval"}
    assert used == variables


def test_grafana_finds_its_files() -> None:
    (provider,) = read("grafana/provisioning/dashboards/pantau.yml")["providers"]
    (source,) = read("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    compose: Json = yaml.safe_load((ROOT / "compose.yaml").read_text())
    mounts = dict(mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"])
    assert mounts["./deploy/monitoring/grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./deploy/monitoring/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert source["url"] == "http://prometheus:9090"
    home = Path(compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (generate.FOLDER / home.name).exists()


def test_every_way_of_scraping_is_as_often_and_with_the_alerts() -> None:
    for name in ("local", "compose", "kubernetes"):
        config = read(f"prometheus/{name}.yml")
        assert config["global"]["scrape_interval"] == "10s"
        assert [(MONITORING / "prometheus" / path).resolve() for path in config["rule_files"]] == [
            MONITORING / "rules.yml"
        ]
