"""The Prometheus metrics of the realization api, besides those of requests and projection."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ApiMetrics:
    """Labels are bounded: the name of a question or event, never a plan."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.figure_seconds = Histogram(
            "pantau_figure_seconds",
            "Time to compute an answer from a plan in memory.",
            ("question",),
            buckets=SECONDS,
            registry=registry,
        )
        self.open_seconds = Histogram(
            "pantau_book_open_seconds", "Time to load a plan's facts into memory.", buckets=SECONDS, registry=registry
        )
        self.facts_in_memory = Gauge(
            "pantau_book_facts", "Memory taken by the plans in memory, counted in facts.", registry=registry
        )
        self.unknown_facts = Counter(
            "pantau_unknown_facts_total",
            "Facts of kinds that this version does not know, since the start. A newer version writes them.",
            registry=registry,
        )
        self.stream_clients = Gauge("pantau_stream_clients", "Clients that follow a stream.", registry=registry)
        self.stream_events = Counter(
            "pantau_stream_events_total", "Events sent to clients.", ("event",), registry=registry
        )
