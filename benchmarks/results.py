"""benchmarks/results.json: the latest measurement of each row, with its time, commit, machine and versions.

A row is a benchmark under the same parameters. The file has one line for each.
"""

import json
import statistics
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmarks import machine

Unit = Literal["1", "s", "ms", "us", "MiB", "KiB", "bytes", "events/s", "facts/s", "percent"]

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results.json")


class MetricValues(NamedTuple):
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
    """What a benchmark (`name`) found under `parameters` (workload, competitor, sizes, options...)."""

    name: str
    parameters: Mapping[str, str | int | float]
    figures: Mapping[str, MetricValues]

    @property
    def row(self) -> str:
        """The identity of its row."""
        return json.dumps([self.name, self.parameters], sort_keys=True)


class KeptMeasurement(NamedTuple):
    """A measurement with its circumstances: when (UTC), at which commit, on what machine, with which versions."""

    measurement: Measurement
    taken: str
    commit: str
    machine: Mapping[str, str | int | float]
    versions: Mapping[str, str]

    @property
    def day(self) -> str:
        """The date on which it was taken."""
        return self.taken[:10]


def read(file: Path = RESULTS) -> list[KeptMeasurement]:
    """Everything kept, in the order in which rows were first measured."""
    return [_kept(one) for one in json.loads(file.read_text())] if file.exists() else []


def latest(kept: Iterable[KeptMeasurement]) -> list[KeptMeasurement]:
    """The last of each row, in the order in which rows were first measured."""
    return list({one.measurement.row: one for one in kept}.values())


def keep(measurement: Measurement, file: Path = RESULTS) -> None:
    """Keep a measurement that was just taken, in place of the earlier one of its row."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write([*read(file), KeptMeasurement(measurement, now, commit(), machine.hardware(), machine.versions())], file)


def write(kept: Iterable[KeptMeasurement], file: Path) -> None:
    """Write the latest of each row."""
    lines = ",\n".join(json.dumps(_json(one), ensure_ascii=False) for one in latest(kept))
    unfinished = file.with_suffix(".part")
    unfinished.write_text(f"[\n{lines}\n]\n")
    unfinished.rename(file)


def commit() -> str:
    """The commit that is checked out; `+` when files that may matter differ from it."""
    changed = _git("status", "--porcelain", "--untracked-files=no").splitlines()
    return _git("rev-parse", "--short=10", "HEAD") + "+" * any("results.json" not in line for line in changed)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _json(kept: KeptMeasurement) -> dict[str, Any]:
    figures = {metric: figure._asdict() for metric, figure in kept.measurement.figures.items()}
    return (
        kept.measurement._asdict()
        | {"figures": figures}
        | dict(zip(KeptMeasurement._fields[1:], kept[1:], strict=True))
    )


def _kept(row: dict[str, Any]) -> KeptMeasurement:
    figures = {metric: MetricValues(one["unit"], tuple(one["values"])) for metric, one in row["figures"].items()}
    measurement = Measurement(row["name"], row["parameters"], figures)
    return KeptMeasurement(measurement, *(row[field] for field in KeptMeasurement._fields[1:]))
