"""What is replayed: how many plans, how many reports, in what order. The same workload is always the same bytes."""

from typing import Literal, NamedTuple

PROGRAMS = 426
NATION = 514
PROVINCE = 38  # cities and regencies of the largest
MONTHS = 120  # January 2016 to December 2025
# Twelve partitions are advised (docs/decisions/0015); everything else is measured with 96, which is no easier.
CITY_PARTITIONS, NATION_PARTITIONS = 12, 96


class Workload(NamedTuple):
    """Records of `plans` plans: a version of each, then `reports` reports, which begin in month `first` of ten years.

    Every program of every plan reports each month until `reports` are reached. With `disorder` they come shuffled
    within each plan, some twice, some conflicting, some wrong, some orphans or foreign: about `reports` records.
    """

    plans: int
    reports: int
    partitions: int
    first: int = 0
    disorder: bool = False

    @property
    def name(self) -> str:
        """A name unique to the workload."""
        order = "disorder" if self.disorder else "order"
        return f"{self.plans}x{self.reports}-{self.partitions}-{self.first}-{order}"


Name = Literal["city", "nation", "nation-disorder"]


def workload(name: Name, events: int | None = None) -> Workload:
    """A published workload; `reports`, where given, replaces its own number of reports."""
    if name == "city":
        return Workload(1, events or PROGRAMS * MONTHS, CITY_PARTITIONS)
    reports = events or 1_000_000
    return Workload(NATION, reports, NATION_PARTITIONS, first=_first(reports), disorder=name == "nation-disorder")


def quick(name: Name) -> Workload:
    """A small one of the same kind, to see that a benchmark works."""
    return workload(name)._replace(plans=1 if name == "city" else 8, reports=2_000, partitions=4)


def _first(reports: int) -> int:
    """The month to begin in so that the reports lie around the middle of the ten years, when much becomes realized."""
    months = -(-reports // (NATION * PROGRAMS))
    return (MONTHS - months) // 2
