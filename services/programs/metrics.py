"""What programs tells Prometheus of its own."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.kit.http.metrics import SECONDS


class IntakeMetrics:
    """Events that came in, by what was answered, and how long the broker took to acknowledge."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "pantau_intake_events_total", "Events received, by what was answered.", ("outcome",), registry=registry
        )
        self.publish_seconds = Histogram(
            "pantau_intake_publish_seconds",
            "Time from an event's check to the broker's acknowledgement.",
            buckets=SECONDS,
            registry=registry,
        )
        for outcome in ("accepted", "forbidden", "invalid", "unavailable"):
            self.events.labels(outcome)
