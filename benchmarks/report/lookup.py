"""Finds figures among the kept measurements."""

from collections.abc import Iterable, Sequence

from benchmarks.results import KeptMeasurement, MetricValues


def named(kept: Iterable[KeptMeasurement], name: str, **parameters: str | int) -> list[KeptMeasurement]:
    """The measurements of a benchmark under these parameters."""
    return [
        one
        for one in kept
        if one.measurement.name == name
        and all(one.measurement.parameters.get(key) == value for key, value in parameters.items())
    ]


def best(kept: Iterable[KeptMeasurement], name: str, metric: str, **parameters: str | int) -> KeptMeasurement | None:
    """Of these measurements (points of a grid, sizes) the one with the greatest median; None without any."""
    found = [one for one in named(kept, name, **parameters) if metric in one.measurement.figures]
    return max(found, key=lambda one: one.measurement.figures[metric].median, default=None)


def median(kept: Iterable[KeptMeasurement], name: str, metric: str, **parameters: str | int) -> float | None:
    """The greatest median of a metric under these parameters; None when it was not measured."""
    one = best(kept, name, metric, **parameters)
    return None if one is None else one.measurement.figures[metric].median


def number(value: float) -> str:
    """Three digits that count: 0.123, 12.3, 123, 12,300."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{round(value, 3 - len(str(int(abs(value))))):,.0f}"
    return f"{value:.3g}"


def shown(figure: MetricValues) -> str:
    """The median, and how far the runs lie apart."""
    return f"{number(figure.median)} ± {figure.spread / 2:.0%}" if len(figure.values) > 1 else number(figure.median)


def values(kept: Sequence[KeptMeasurement], metric: str) -> list[float]:
    """The medians of a metric, of those that have it."""
    return [one.measurement.figures[metric].median for one in kept if metric in one.measurement.figures]
