"""The two dashboards: one for who runs Pantau, one for who asks how far the plan is.

They read nothing but metrics that the processes export (tests/contract/test_deploy.py holds every name and label
against the code) and every query is asked of a real Prometheus in tests/integration/test_monitoring.py.
"""

from typing import Final

from deploy.monitoring.panels import Choice, Dashboard, Panel, Query, Section

# A worker keeps telling what it knew of a partition that it gave up. Only the owner's word counts.
OWNED: Final = "and on (instance, partition) (pantau_partition_owned == 1)"


def rate(metric: str, by: str, matching: str = "") -> str:
    """Per second, summed by labels."""
    return f"sum by ({by}) (rate({metric}{{{matching}}}[$__rate_interval]))"


def quantile(share: float, histogram: str, by: str = "", matching: str = "") -> str:
    """A quantile of a histogram, over all processes."""
    labels = ", ".join(filter(None, ("le", by)))
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels, matching)})"


def quantiles(histogram: str, by: str = "", matching: str = "") -> tuple[Query, ...]:
    """Median and 99th percentile."""
    legend = f" {{{{{by}}}}}" if by else ""
    return (
        Query(quantile(0.5, histogram, by, matching), f"half are below{legend}"),
        Query(quantile(0.99, histogram, by, matching), f"99 % are below{legend}"),
    )


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
            "Records of the mail that the engine has not decided yet, of all topics and partitions.",
            "short",
            (Query(f"sum(pantau_input_lag_records {OWNED})"),),
            kind="stat",
            width=6,
            height=4,
        ),
    ),
)

ENGINE = Section(
    "Engine: mail to book",
    (
        Panel(
            "Records decided, by outcome",
            "What became of the mail, per second. Duplicates are harmless; conflicts and rejects are for a person to read.",
            "reqps",
            (Query(rate("pantau_records_total", "outcome"), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Records rejected, by reason",
            "Records refused in the last hour. `internal_error` is a fault of ours; all others are the sender's.",
            "short",
            (Query("sum by (reason) (increase(pantau_rejected_total[1h]))", "{{reason}}"),),
            stacked=True,
        ),
        Panel(
            "Facts written",
            "New facts in the book, per second.",
            "wps",
            (Query("sum(rate(pantau_facts_total[$__rate_interval]))", "facts"),),
        ),
        Panel(
            "Lag in records, by partition",
            "Records that wait, per partition number. One partition alone: one large plan. All: the engine is too slow, or stands.",
            "short",
            (Query(f"sum by (partition) (pantau_input_lag_records {OWNED})", "{{partition}}"),),
        ),
        Panel(
            "Lag in seconds, by partition",
            "How old the last record decided was while others waited; 0 when none waited.",
            "s",
            (Query(f"max by (partition) (pantau_input_lag_seconds {OWNED})", "{{partition}}"),),
        ),
        Panel(
            "Age of the last commit, by partition",
            "Grows where no mail comes, which is no fault. It is one where records wait at the same time.",
            "s",
            (
                Query(
                    f"time() - max by (partition) (pantau_last_commit_timestamp_seconds {OWNED})",
                    "{{partition}}",
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
            "Errors of our own",
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
            "How much of the book's end each partition has read after its worker started. 100 %: done.",
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
            "How often each process started again in the last hour. It leaves by itself when something is wrong.",
            "none",
            (
                Query("changes(pantau_facts_created[1h])", "worker {{instance}}"),
                Query("changes(pantau_projection_records_created[1h])", "{{service}} {{instance}}"),
            ),
        ),
    ),
)

TABLES = Section(
    "Projections: book to tables",
    (
        Panel(
            "Records behind",
            "Offsets of the log that a service's tables do not show yet.",
            "short",
            (Query("sum by (service) (pantau_projection_lag_records)", "{{service}}"),),
        ),
        Panel(
            "Seconds behind",
            "How old what a page shows is, at most; 0 when nothing waits.",
            "s",
            (Query("max by (service) (pantau_projection_lag_seconds)", "{{service}}"),),
        ),
        Panel(
            "Records applied",
            "Per second. Much, with nothing new in the log: tables are being built again by replay.",
            "wps",
            (Query(rate("pantau_projection_records_total", "service"), "{{service}}"),),
        ),
        Panel(
            "Age of the last commit",
            "Grows where nothing new is in the log, which is no fault.",
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
            "1 once a process has reached the end that the log had when it started; until then it is not asked.",
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
    ),
)

NOT_A_STREAM: Final = "route!~'.*/stream'"

HTTP = Section(
    "HTTP",
    (
        Panel(
            "Requests, by service and status",
            "Answers per second. Status 5xx is a fault of ours, 503 mostly the broker's; 4xx the caller's.",
            "reqps",
            (Query(rate("pantau_http_requests_total", "service, status"), "{{service}} {{status}}"),),
            stacked=True,
        ),
        Panel(
            "Time of a request, 99th percentile",
            "Without live streams, whose time is how long somebody looked.",
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
            "Live pages open",
            "Clients of the event streams.",
            "short",
            (Query("sum(pantau_stream_clients)", "clients"),),
        ),
    ),
)

OPERATIONS = Dashboard(
    uid="pantau-operations",
    title="Pantau: operations",
    description="Whether mail becomes facts, facts become tables, and tables are answered from. Runbooks: docs/operations.md.",
    sections=(NOW, ENGINE, TABLES, HTTP),
)

PLAN: Final = "plan=~'$plan'"
REPORTED_AGE: Final = f"time() - max by (plan, department) (pantau_last_report_timestamp_seconds{{{PLAN}}})"
DAY: Final = 24 * 60 * 60


def realized(basis: str, dimension: str) -> str:
    """The share of programs realized, by plan and dimension."""
    return (
        f"max by (plan, dimension) (pantau_realization_ratio{{{PLAN}, basis='{basis}', dimension{dimension}'overall'}})"
    )


REALIZATION = Dashboard(
    uid="pantau-realization",
    title="Pantau: realization",
    description=(
        "How far each plan is, as the engine counts it now. The figures that are cited, with their target, date, formula "
        "and reasons, are on Pantau's own page; these are for watching."
    ),
    sections=(
        Section(
            "Now",
            (
                Panel(
                    "Claimed",
                    "Programs reported as realized over all programs of the plan in force. Never reported counts as not realized.",
                    "percentunit",
                    (Query(realized("claimed", "="), "{{plan}}"),),
                    kind="stat",
                    height=5,
                ),
                Panel(
                    "Verified",
                    "Of all programs of the plan, those realized and confirmed by an evaluator's visit.",
                    "percentunit",
                    (Query(realized("verified", "="), "{{plan}}"),),
                    kind="stat",
                    height=5,
                ),
                Panel(
                    "Programs in the plan",
                    "The denominator of both.",
                    "none",
                    (Query(f"max by (plan) (pantau_programs{{{PLAN}, dimension='overall'}})", "{{plan}}"),),
                    kind="stat",
                    height=5,
                ),
            ),
        ),
        Section(
            "Dimensions",
            (
                Panel(
                    "Claimed, by dimension",
                    "Share of the dimension's programs that are reported as realized.",
                    "percentunit",
                    (Query(realized("claimed", "!="), "{{plan}} {{dimension}}"),),
                    kind="bargauge",
                    width=12,
                    bounds=(0, 1),
                ),
                Panel(
                    "Verified, by dimension",
                    "Share of the dimension's programs that are realized and confirmed.",
                    "percentunit",
                    (Query(realized("verified", "!="), "{{plan}} {{dimension}}"),),
                    kind="bargauge",
                    width=12,
                    bounds=(0, 1),
                ),
                Panel(
                    "Over time",
                    "Claimed and verified. A fall is not an error: a report was withdrawn, or the plan grew.",
                    "percentunit",
                    (
                        Query(realized("claimed", "="), "{{plan}} claimed"),
                        Query(realized("verified", "="), "{{plan}} verified"),
                    ),
                    width=12,
                    bounds=(0, 1),
                ),
                Panel(
                    "Over time, by dimension",
                    "Claimed.",
                    "percentunit",
                    (Query(realized("claimed", "!="), "{{plan}} {{dimension}}"),),
                    width=12,
                    bounds=(0, 1),
                ),
            ),
        ),
        Section(
            "Who reports",
            (
                Panel(
                    "Age of each department's last report",
                    "Time since anything was received from a department that has reported before. One that never did is not here: see Pantau's page.",
                    "s",
                    (Query(f"sort_desc({REPORTED_AGE})", "{{plan}} {{department}}"),),
                    kind="bargauge",
                    width=12,
                    height=12,
                ),
                Panel(
                    "Departments that have reported",
                    "By how long ago the last report came. Reports are due each month by about the 10th.",
                    "none",
                    (
                        Query(
                            f"count by (plan) (({REPORTED_AGE}) <= {41 * DAY}) or on (plan) 0 * count by (plan) ({REPORTED_AGE})",
                            "{{plan}} within 41 days",
                        ),
                        Query(
                            f"count by (plan) (({REPORTED_AGE}) > {41 * DAY}) or on (plan) 0 * count by (plan) ({REPORTED_AGE})",
                            "{{plan}} longer ago",
                        ),
                    ),
                    width=12,
                    height=12,
                    stacked=True,
                ),
            ),
        ),
    ),
    choices=(Choice("plan", "Plan", "pantau_programs", "plan", many=True),),
    window="now-30d",
)

DASHBOARDS: Final = (OPERATIONS, REALIZATION)
