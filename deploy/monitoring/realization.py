"""The dashboard that shows how far each plan is, and which departments do not report."""

from typing import Final

from deploy.monitoring.panels import Choice, Dashboard, Panel, Query, Section

PLAN: Final = "plan=~'$plan'"
REPORTED_AGE: Final = f"time() - max by (plan, department) (pantau_last_report_timestamp_seconds{{{PLAN}}})"
DAY: Final = 24 * 60 * 60


def realized(basis: str, dimension: str) -> str:
    """The share of programs realized, by plan and dimension; between 0.01 and 99.99 % unless it is none or all."""
    ratio = (
        f"max by (plan, dimension) (pantau_realization_ratio{{{PLAN}, basis='{basis}', dimension{dimension}'overall'}})"
    )
    return f"clamp({ratio} > 0 < 1, 0.0001, 0.9999) or {ratio}"


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
