"""benchmarks/results.json: every measurement that is kept, each with when, of what, where and with which parts."""

import json
import statistics
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmarks import machine

Json = dict[str, Any]
Unit = Literal["1", "s", "ms", "us", "MiB", "KiB", "bytes", "events/s", "facts/s", "records", "percent"]

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results.json")


class Figure(NamedTuple):
    """One metric of a measurement: a value of each run, in the order of the runs."""

    unit: Unit
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """The distance from the lowest run to the highest, as a share of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


class Measurement(NamedTuple):
    """What an instrument (`name`) found under `parameters` (workload, competitor, sizes, options...)."""

    name: str
    parameters: Mapping[str, str | int | float | bool]
    figures: Mapping[str, Figure]


class Kept(NamedTuple):
    """A measurement with its circumstances: when (UTC), at which commit, on what machine, with which versions."""

    measurement: Measurement
    taken: str
    commit: str
    machine: Mapping[str, str | int | float]
    versions: Mapping[str, str]

    @property
    def day(self) -> str:
        """When it was taken, without the time."""
        return self.taken[:10]


def read(file: Path = RESULTS) -> list[Kept]:
    """Everything kept, the oldest first."""
    return [_kept(one) for one in json.loads(file.read_text())] if file.exists() else []


def latest(kept: list[Kept]) -> list[Kept]:
    """The last of each name and parameters, in the order in which they were first measured."""
    return list({(one.measurement.name, _canonical(one.measurement.parameters)): one for one in kept}.values())


def append(measurement: Measurement, file: Path = RESULTS) -> Kept:
    """Keep a measurement that was just taken."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    kept = Kept(measurement, now, commit(), machine.hardware(), machine.versions())
    unfinished = file.with_suffix(".part")
    text = json.dumps([_json(one) for one in [*read(file), kept]], indent=1, ensure_ascii=False)
    unfinished.write_text(text + "\n")
    unfinished.rename(file)
    return kept


def commit() -> str:
    """The commit that is checked out; `+` when files that may matter differ from it."""
    here = _git("rev-parse", "--short=10", "HEAD")
    changed = [
        line
        for line in _git("status", "--porcelain", "--untracked-files=no").splitlines()
        if "results.json" not in line
    ]
    return here + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _canonical(parameters: Mapping[str, Any]) -> str:
    return json.dumps(parameters, sort_keys=True)


def _json(kept: Kept) -> Json:
    name, parameters, figures = kept.measurement
    told = {metric: {"unit": figure.unit, "values": list(figure.values)} for metric, figure in figures.items()}
    return {"name": name, "parameters": dict(parameters), "figures": told} | {
        "taken": kept.taken,
        "commit": kept.commit,
        "machine": dict(kept.machine),
        "versions": dict(kept.versions),
    }


def _kept(told: Json) -> Kept:
    figures = {metric: Figure(one["unit"], tuple(one["values"])) for metric, one in told["figures"].items()}
    measurement = Measurement(told["name"], told["parameters"], figures)
    return Kept(measurement, told["taken"], told["commit"], told["machine"], told["versions"])
