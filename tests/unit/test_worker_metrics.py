"""Metrics of plans."""

from datetime import date

from prometheus_client import CollectorRegistry

from schemas.facts import COUNTS, Snapshot
from services.aggregator.worker.metrics import WorkerMetrics


def snapshot(plan: str, version: int | None) -> Snapshot:
    """A snapshot of a plan of one program, or of one with no version in force."""
    counts = (1 if version else 0,) + (0,) * (len(COUNTS) - 1)
    cells = {"overall": {"overall": counts}}
    return Snapshot(plan=plan, seq=1, received_ms=0, as_of=date(2021, 12, 31), plan_version=version, cells=cells)


def test_a_report_for_an_unknown_plan_makes_no_plan_appear() -> None:
    registry = CollectorRegistry()
    plans = WorkerMetrics(registry).plans
    for plan, version in (("kota", 1), ("tanpa-rencana", None)):
        plans.update(snapshot(plan, version), {f"/plans/{plan}/departments/dinkes": 1_000})

    series = [sample for metric in registry.collect() for sample in metric.samples if "plan" in sample.labels]

    assert {sample.name for sample in series} == {
        "pantau_programs", "pantau_realization_ratio", "pantau_last_report_timestamp_seconds",
    }  # fmt: skip
    assert {sample.labels["plan"] for sample in series} == {"kota"}
