"""The dashboard for operations: whether records become facts, facts become tables, and tables give answers."""

from typing import Final

from deploy.monitoring.panels import Dashboard, Panel, Query, Section
from deploy.monitoring.promql import OWNED, quantile, quantiles, rate

NOW = Section(
    "Now",
    (
        Panel(
            "Processes that answer",
            "1 where Prometheus reaches the process, 0 where it does not.",
            "none",
            (Query("up{job=~'worker|programs|evaluations|realization|site'}", "{{job}} {{instance}}"),),
            kind="stat",
            width=12,
            height=4,
        ),
        Panel(
            "Alerts firing",
            "How many alerts fire now. Which ones: the Alerts page of Prometheus. What to do: docs/operations.md.",
            "none",
            (Query("count(ALERTS{alertstate='firing', alertname!=''}) or vector(0)"),),
            kind="stat",
            width=6,
            height=4,
        ),
        Panel(
            "Records waiting",
            "Input records that the engine has not decided yet, of all topics and partitions.",
            "short",
            (Query(f"sum(pantau_input_lag_records {OWNED})"),),
            kind="stat",
            width=6,
            height=4,
        ),
    ),
)

ENGINE = Section(
    "Engine: records to facts",
    (
        Panel(
            "Records decided, by outcome",
            "Records per second, by outcome. Duplicates are harmless; a person should look at conflicts and rejects.",
            "reqps",
            (Query(rate("pantau_records_total", "outcome"), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Records rejected, by reason",
            "Records rejected in the last hour. `internal_error` is a defect of Pantau; all others are the sender's.",
            "short",
            (Query("sum by (reason) (increase(pantau_rejected_total[1h]))", "{{reason}}"),),
            stacked=True,
        ),
        Panel(
            "Facts of unknown kinds",
            "Facts that an API skipped, or answers 503 for, because a newer version wrote them. Update it.",
            "short",
            (Query("sum(increase(pantau_unknown_facts_total[1h]))", "facts"),),
        ),
        Panel(
            "Facts written",
            "New facts per second.",
            "wps",
            (Query("sum(rate(pantau_facts_total[$__rate_interval]))", "facts"),),
        ),
        Panel(
            "Lag in records, by partition",
            "Records that wait, per partition number. One partition alone: one large plan. All: the engine is too slow, or does not run.",
            "short",
            (Query(f"sum by (partition) (pantau_input_lag_records {OWNED})", "{{partition}}"),),
        ),
        Panel(
            "Lag in seconds, by partition",
            "Age of the last record decided while others wait; 0 when none waits.",
            "s",
            (Query(f"max by (partition) (pantau_input_lag_seconds {OWNED})", "{{partition}}"),),
        ),
        Panel(
            "Age of the last commit, by partition",
            "Grows where no records come, which is normal. It is a fault where records wait at the same time.",
            "s",
            (
                Query(
                    f"time() - max by (partition) (pantau_last_commit_timestamp_seconds {OWNED})",
                    "{{partition}}",
                ),
            ),
        ),
        Panel(
            "Open transactions of other clients",
            "For how long a transaction has been open that hides what came after it on an input. Above a minute it needs an operator.",
            "s",
            (
                Query(
                    f"max by (topic, partition) (pantau_input_open_transaction_age_seconds {OWNED})",
                    "{{topic}} {{partition}}",
                ),
            ),
        ),
        Panel(
            "Readable up to",
            "The last stable offset of each input. It stands still while a transaction is open, at the offset of its first record.",
            "short",
            (
                Query(
                    f"max by (topic, partition) (pantau_input_last_stable_offset {OWNED})",
                    "{{topic}} {{partition}}",
                ),
            ),
        ),
        Panel(
            "Records in a transaction",
            "How large the chunks are. They grow when the engine has to catch up, and that is what makes it fast.",
            "short",
            quantiles("pantau_chunk_records"),
        ),
        Panel(
            "Time of a transaction",
            "From deciding to the broker's answer to the commit.",
            "s",
            quantiles("pantau_transaction_seconds"),
        ),
        Panel(
            "Internal errors",
            "Errors in the last hour that did not stop the engine: a record that could not be decided, a snapshot that could not be made.",
            "short",
            (Query("sum by (where) (increase(pantau_internal_errors_total[1h]))", "{{where}}"),),
        ),
        Panel(
            "Partitions owned, by worker",
            "The sum is the number of partitions of the installation.",
            "none",
            (Query("sum by (instance) (pantau_partition_owned)", "{{instance}}"),),
            stacked=True,
        ),
        Panel(
            "Restore",
            "Share of the facts log that each partition has read since its worker started. 100 %: done.",
            "percentunit",
            (
                Query(
                    f"min by (partition) ((pantau_restore_position / (pantau_restore_end > 0)) {OWNED})",
                    "{{partition}}",
                ),
            ),
            bounds=(0, 1),
        ),
        Panel(
            "Restarts",
            "How often each process started again in the last hour. It ends itself when it can't go on safely.",
            "none",
            (
                Query("changes(pantau_facts_created[1h])", "worker {{instance}}"),
                Query("changes(pantau_projection_records_created[1h])", "{{service}} {{instance}}"),
            ),
        ),
    ),
)

TABLES = Section(
    "Projections: facts to tables",
    (
        Panel(
            "Lag in records, by service",
            "Offsets of the log that a service's tables do not show yet.",
            "short",
            (Query("sum by (service) (pantau_projection_lag_records)", "{{service}}"),),
        ),
        Panel(
            "Lag in seconds, by service",
            "The age, at most, of what a page shows; 0 when nothing waits.",
            "s",
            (Query("max by (service) (pantau_projection_lag_seconds)", "{{service}}"),),
        ),
        Panel(
            "Records applied",
            "Per second. Many, with nothing new in the log: tables are being rebuilt.",
            "wps",
            (Query(rate("pantau_projection_records_total", "service"), "{{service}}"),),
        ),
        Panel(
            "Age of the last commit",
            "Grows where nothing new is in the log, which is normal.",
            "s",
            (
                Query(
                    "time() - max by (service) (pantau_projection_last_commit_timestamp_seconds)",
                    "{{service}}",
                ),
            ),
        ),
        Panel(
            "Caught up",
            "1 once a process has reached the end that the log had when it started; until then it gets no requests.",
            "none",
            (Query("min by (service) (pantau_projection_caught_up)", "{{service}}"),),
            bounds=(0, 1),
        ),
        Panel(
            "Broker or database out of reach",
            "How often in ten minutes a projection had to try again.",
            "short",
            (Query("sum by (service) (increase(pantau_projection_outages_total[10m]))", "{{service}}"),),
        ),
        Panel(
            "Hidden by an open transaction",
            "For how long a transaction has been open that hides what came after it on a topic the service follows: its pages show old figures.",
            "s",
            (
                Query(
                    "max by (service, topic) (pantau_projection_open_transaction_age_seconds)",
                    "{{service}} {{topic}}",
                ),
            ),
        ),
        Panel(
            "Applied by another replica first",
            "Chunks per second. Harmless: it is how replicas on one database share the work.",
            "short",
            (Query(rate("pantau_projection_overtaken_total", "service"), "{{service}}"),),
        ),
    ),
)

NOT_A_STREAM: Final = "route!~'.*/stream'"

INTAKE = Section(
    "Intake: departments to records",
    (
        Panel(
            "Events received, by answer",
            "Per second. `unavailable`: the broker had not acknowledged in time, the sender was answered 503.",
            "reqps",
            (Query(rate("pantau_intake_events_total", "outcome"), "{{outcome}}"),),
            width=12,
            stacked=True,
        ),
        Panel(
            "Time until the broker acknowledged",
            "Of the events of one request together.",
            "s",
            quantiles("pantau_intake_publish_seconds"),
            width=12,
        ),
    ),
)

HTTP = Section(
    "HTTP",
    (
        Panel(
            "Requests, by service and status",
            "Answers per second. Status 5xx is a fault of Pantau, 503 mostly of the broker; 4xx of the caller.",
            "reqps",
            (Query(rate("pantau_http_requests_total", "service, status"), "{{service}} {{status}}"),),
            stacked=True,
        ),
        Panel(
            "Time of a request, 99th percentile",
            "Without live streams, which last as long as a page is open.",
            "s",
            (Query(quantile(0.99, "pantau_http_request_seconds", "service", NOT_A_STREAM), "{{service}}"),),
        ),
        Panel(
            "Requests being answered",
            "Live streams count as long as they are open.",
            "short",
            (Query("sum by (service) (pantau_http_requests_in_flight)", "{{service}}"),),
        ),
        Panel(
            "Limits in use, by kind of work",
            "Share of the limit for callers with a key, and for those without. At 100 % requests wait, and are then refused.",
            "percentunit",
            (
                Query(
                    "max by (service, kind, caller) (pantau_work_in_use / pantau_work_capacity)",
                    "{{service}} {{kind}} {{caller}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Refused with 429, by kind of work",
            "Per second. Callers without a key can't use the part reserved for keys.",
            "reqps",
            (Query(rate("pantau_work_refused_total", "service, kind, caller"), "{{service}} {{kind}} {{caller}}"),),
            width=12,
            stacked=True,
        ),
    ),
)

FIGURES = Section(
    "Figures and live pages",
    (
        Panel(
            "Time of a figure, 99th percentile",
            "To compute an answer about a plan in memory, by question.",
            "s",
            (Query(quantile(0.99, "pantau_figure_seconds", "question"), "{{question}}"),),
        ),
        Panel(
            "Time to load a plan",
            "To read the facts of a plan that is not in memory. Of the last hour, because it is rare.",
            "s",
            quantiles("pantau_book_open_seconds", "1h"),
        ),
        Panel(
            "Facts in memory",
            "Of the plans in memory, by process.",
            "short",
            (Query("sum by (instance) (pantau_book_facts)", "{{instance}}"),),
        ),
        Panel(
            "Live pages open",
            "Clients of the event streams.",
            "short",
            (Query("sum(pantau_stream_clients)", "clients"),),
            width=12,
        ),
        Panel(
            "Sent to live pages",
            "Events per second, to all clients together.",
            "short",
            (Query(rate("pantau_stream_events_total", "event"), "{{event}}"),),
            width=12,
        ),
    ),
)

OPERATIONS = Dashboard(
    uid="pantau-operations",
    title="Pantau: operations",
    description="Whether records become facts, facts become tables, and tables give answers. Runbooks: docs/operations.md.",
    sections=(NOW, INTAKE, ENGINE, TABLES, FIGURES, HTTP),
)
