"""When a test fails, the ends of its processes' logs stand in the report."""

from collections.abc import Generator
from pathlib import Path

import pytest

TAIL_BYTES = 6_000

watched: dict[str, Path] = {}
"""Logs of what runs now, by name: a part that starts a process for a test adds its log, and removes it at the end."""


def tail(log: Path) -> str:
    """The end of a log."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return file.read().decode(errors="replace")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections.extend((f"end of the log of {name}", tail(log)) for name, log in watched.items())
    return report
