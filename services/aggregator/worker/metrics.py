"""The worker's Prometheus metrics. The registry is passed in, so that a test can have its own."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from realization.plan_facts import organization_of
from realization.snapshot import OVERALL
from schemas.facts import Snapshot
from schemas.topics import INPUTS
from schemas.vocabulary import Reason

OUTCOMES = ("accepted", "duplicate", "conflict", "rejected")
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RECORDS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)


class _Reported(NamedTuple):
    """A plan's last snapshot, and when each department's last report was received (source -> milliseconds since
    1970)."""

    snapshot: Snapshot
    last_received: Mapping[str, int]


class _Plans(Collector):
    """The figures of plans, computed when Prometheus scrapes. A snapshot has some twenty of them, and a busy worker
    makes hundreds of snapshots a second: setting gauges for each took a quarter of the worker's time."""

    def __init__(self) -> None:
        self._reported: dict[str, _Reported] = {}

    def update(self, snapshot: Snapshot, last_received: Mapping[str, int]) -> None:
        """Set a plan's snapshot, and when each department's last report was received (source -> milliseconds since
        1970)."""
        self._reported[snapshot.plan] = _Reported(snapshot, dict(last_received))  # `collect` runs in another thread

    def forget(self, plan: str) -> None:
        """Stop exporting a plan."""
        self._reported.pop(plan, None)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The metrics of all plans now."""
        ratio = GaugeMetricFamily(
            "pantau_realization_ratio",
            "Programs realized over programs in the plan.",
            labels=("plan", "dimension", "basis"),
        )
        programs = GaugeMetricFamily(
            "pantau_programs", "Programs in the plan version in force.", labels=("plan", "dimension")
        )
        last_report = GaugeMetricFamily(
            "pantau_last_report_timestamp_seconds",
            "When a department's last report was received.",
            labels=("plan", "department"),
        )
        for plan, (snapshot, last_received) in list(self._reported.items()):
            if snapshot.plan_version is None:
                continue  # reports alone make no plan
            overall = snapshot.cells.get(OVERALL, {})
            for dimension, counts in (overall | snapshot.cells.get("dimension", {})).items():
                planned, _, realized, verified = counts[:4]
                programs.add_metric((plan, dimension), planned)
                for basis, number in (("claimed", realized), ("verified", verified)):
                    ratio.add_metric((plan, dimension, basis), number / planned if planned else float("nan"))
            for source, received_ms in last_received.items():
                last_report.add_metric((plan, organization_of(source)), received_ms / 1000)
        return ratio, programs, last_report


class WorkerMetrics:
    """All metrics of the worker. Ratios are between 0 and 1; times are in seconds, timestamps in seconds since 1970."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        self.records = Counter(
            "pantau_records_total", "Input records by outcome.", ("topic", "outcome"), registry=registry
        )
        self.rejected = Counter("pantau_rejected_total", "Records rejected, by reason.", ("reason",), registry=registry)
        self.errors = Counter(
            "pantau_internal_errors_total",
            "Internal errors that did not stop the worker.",
            ("where",),
            registry=registry,
        )
        self.facts = Counter("pantau_facts_total", "Facts written to the facts log.", registry=registry)
        self.chunk = Histogram(
            "pantau_chunk_records", "Records in one transaction.", buckets=RECORDS, registry=registry
        )
        self.transaction = Histogram(
            "pantau_transaction_seconds", "Time of one transaction, fold to commit.", buckets=SECONDS, registry=registry
        )
        self.owned = gauge("pantau_partition_owned", "1 where this worker owns the partition.", ("partition",))
        self.lag_records = gauge("pantau_input_lag_records", "Records not processed yet.", ("topic", "partition"))
        self.lag_seconds = gauge(
            "pantau_input_lag_seconds",
            "Age of the last record processed while there is lag; 0 when there is none.",
            ("partition",),
        )
        self.stable_offset = gauge(
            "pantau_input_last_stable_offset",
            "Last stable offset: while a transaction is open, the offset of its first record.",
            ("topic", "partition"),
        )
        self.open_seconds = gauge(
            "pantau_input_open_transaction_age_seconds",
            "How long a transaction of another client has been open, hiding the records after it; 0 when none is.",
            ("topic", "partition"),
        )
        self.last_commit = gauge(
            "pantau_last_commit_timestamp_seconds", "When the last transaction was committed.", ("partition",)
        )
        self.restored = gauge(
            "pantau_restore_position", "The offset up to which a restore has read the facts log.", ("partition",)
        )
        self.to_restore = gauge(
            "pantau_restore_end", "The end offset of the facts log that a restore reads up to.", ("partition",)
        )
        self.plans = _Plans()
        registry.register(self.plans)
        for topic in INPUTS:
            for outcome in OUTCOMES:
                self.records.labels(topic, outcome)
        for reason in Reason:
            self.rejected.labels(reason.value)
        for where in ("decide", "snapshot"):
            self.errors.labels(where)
