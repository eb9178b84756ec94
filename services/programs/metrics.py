"""The Prometheus metrics of intake."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.kit.http.metrics import SECONDS


class IntakeMetrics:
    """Received events by result, and the time until the broker acknowledged them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "pantau_intake_events_total", "Events received, by result.", ("outcome",), registry=registry
        )
        self.publish_seconds = Histogram(
            "pantau_intake_publish_seconds",
            "Time from an event's check to the broker's acknowledgement.",
            buckets=SECONDS,
            registry=registry,
        )
        for outcome in ("accepted", "forbidden", "invalid", "unavailable"):
            self.events.labels(outcome)
