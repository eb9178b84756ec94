"""Grafana panels and dashboards as values: what the dashboards use of Grafana's JSON, and nothing more.

Positions and ids are given by `dashboard`, in the order of reading; a panel says only how wide it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["timeseries", "stat", "bargauge", "table"]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
SCHEMA_VERSION = 39  # of Grafana 11


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and the legend of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `unit` is Grafana's; `description` says in plain words what is seen and when to worry."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    stacked: bool = False
    bounds: tuple[float, float] | None = None

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel as Grafana stores it."""
        defaults: Json = {"unit": self.unit}
        if self.unit == "percentunit":
            defaults["decimals"] = 2
        if self.bounds is not None:
            defaults |= {"min": self.bounds[0], "max": self.bounds[1]}
        if self.kind == "timeseries":
            defaults["custom"] = {
                "fillOpacity": 20 if self.stacked else 0,
                "stacking": {"mode": "normal" if self.stacked else "none"},
            }
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": self._options(),
            "targets": [self._target(at, query) for at, query in enumerate(self.queries)],
        }

    def _options(self) -> Json:
        if self.kind == "timeseries":
            return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
        if self.kind == "table":
            return {"showHeader": True}
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "orientation": "horizontal"}

    def _target(self, at: int, query: Query) -> Json:
        target: Json = {
            "refId": chr(ord("A") + at),
            "datasource": DATASOURCE,
            "expr": query.expr,
            "legendFormat": query.legend,
        }
        if self.kind != "timeseries":
            target |= {"instant": True, "range": False}
        if self.kind == "table":
            target["format"] = "table"
        return target


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Choice:
    """A list at the top of the dashboard: the values a label has in a metric."""

    name: str
    title: str
    metric: str
    label: str
    many: bool = False

    def json(self) -> Json:
        """The variable as Grafana stores it."""
        return {
            "name": self.name,
            "label": self.title,
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": f"label_values({self.metric}, {self.label})", "refId": self.name},
            "refresh": 2,
            "sort": 1,
            "multi": self.many,
            "includeAll": self.many,
            "current": {},
        }


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A whole dashboard. `uid` is its address, for ever."""

    uid: str
    title: str
    description: str
    sections: Sequence[Section]
    choices: Sequence[Choice] = field(default_factory=tuple)
    window: str = "now-6h"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, in the order of reading."""
        return tuple(panel for section in self.sections for panel in section.panels)

    def json(self) -> Json:
        """The dashboard as Grafana stores it."""
        datasource = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["pantau"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": self.window, "to": "now"},
            "timezone": "browser",
            "templating": {"list": [datasource, *(choice.json() for choice in self.choices)]},
            "panels": list(self._placed()),
        }

    def _placed(self) -> list[Json]:
        placed: list[Json] = []
        y = 0
        for section in self.sections:
            placed.append(_heading(section.title, len(placed) + 1, y))
            x, y, tallest = 0, y + 1, 0
            for panel in section.panels:
                if x + panel.width > COLUMNS:
                    x, y, tallest = 0, y + tallest, 0
                placed.append(panel.json(len(placed) + 1, x, y))
                x, tallest = x + panel.width, max(tallest, panel.height)
            y += tallest
        return placed


def _heading(title: str, number: int, y: int) -> Json:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        "panels": [],
    }
