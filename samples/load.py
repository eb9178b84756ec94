"""Loads the sample city into a running Pantau, as its departments and its council would have: see `make run`.

    python -m samples.load

First the history up to the end of 2020, at once; then 2021, in about a minute (PACE=<seconds>; PACE=0: at once), with
plan version 2 in July and the field evaluation in May. Finished steps are recorded below PANTAU_STATE, so that it resumes
after an interruption and does nothing when it is complete. Sending twice is harmless: ids are stable.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

from kafka.errors import KafkaError

from deploy.local import administrator, atomic_write
from deploy.local import settings as local
from deploy.local.process_settings import InstallationSettings
from samples import catalogue, check, generate, reports, visits
from samples.api_client import GaveUpError, SiteClient
from samples.kafka_sender import ProgressBar, ReportSender, announce
from samples.plan import CHANGED_ON, SPLIT
from samples.reports import Line
from services.kit.settings import read as read_settings
from services.programs.masterplans.workbook import read_workbook

NEW_YEAR: Final = "2021-02-01"  # what was sent before is the history up to the end of 2020
SEEN_ON: Final = "2021-05-21"  # the visits are recorded when 2021 has come so far
PACE_SECONDS: Final = 60.0
TICK_SECONDS: Final = 0.25
CHUNK: Final = 1_000
PROGRAMS: Final = sum(split.programs for split in SPLIT.values())
REALIZED_2020: Final = sum(split.by_2020 for split in SPLIT.values())
END_OF_2020, END_OF_2021 = date(2020, 12, 31), date(2021, 12, 31)


class Memory:
    """The finished steps, in a small file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def get(self, what: str) -> Any:
        return self._state.get(what)

    def keep(self, **what: Any) -> None:
        """Record a step, atomically even when the process is killed."""
        self._state |= what
        atomic_write.write(self._file, json.dumps(self._state))


def main() -> int:
    """Load what is missing. Returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # may be stopped at any moment: ends at once, without a traceback
    here, settings, pace = local.read(), read_settings(InstallationSettings), _pace(os.environ.get("PACE", ""))
    memory = Memory(here.state / f"sample{settings.topic_prefix}.json")
    site = SiteClient(here.site_url, (here.keys / administrator.FILE).read_text().strip())
    try:
        if memory.get("complete") and site.has_version(2):
            announce("already loaded")
            return 0
        sender = ReportSender(settings)
        loader = Loader(site, sender, memory, here.keys)
        loader.up_to_2020()
        loader.keys()
        loader.through_2021(pace)
        sender.close()
    except (GaveUpError, KafkaError) as error:
        announce(f"not complete: {error}. The next start goes on from here.")
        return 1
    return 0


def _pace(text: str) -> float:
    """Seconds that 2021 takes."""
    try:
        pace = float(text) if text else PACE_SECONDS
    except ValueError:
        pace = -1.0
    if not 0 <= pace < 1e6:
        sys.exit(f"PACE={text} is not a number of seconds: 0 is at once, 60 the default")
    return pace


class Loader:
    """The steps, each done once."""

    def __init__(self, site: SiteClient, sender: ReportSender, memory: Memory, keys: Path) -> None:
        self._site, self._sender, self._memory, self._keys = site, sender, memory, keys
        self._lines = reports.read()
        cut = first_sent_from(self._lines, NEW_YEAR)
        self._history, self._year = self._lines[:cut], self._lines[cut:]

    def up_to_2020(self) -> None:
        """Plan version 1 and the reports up to the end of 2020; returns when the api shows them."""
        began = time.monotonic()
        self._import(1, generate.FIRST_WORKBOOK)
        if not self._memory.get("history"):
            progress = ProgressBar("2019-2020", len(self._history))
            for at in range(0, len(self._history), CHUNK):
                chunk = self._history[at : at + CHUNK]
                self._sender.send(chunk)
                progress.show(at + len(chunk), chunk[-1].time[:7])
            self._memory.keep(history=True)
        percent = self._site.wait_for_share(END_OF_2020, REALIZED_2020)
        announce(f"at the end of 2020: {percent} % of {PROGRAMS} programs realized ({time.monotonic() - began:.1f} s)")

    def keys(self) -> None:
        """A key for each department and for the evaluator, in a file of its own."""
        self._site.wait_for_version(1)
        wanted = [(department.key, "department") for department in catalogue.departments()]
        for organization, role in [*wanted, (visits.EVALUATOR, "evaluator")]:
            file = self._keys / f"{organization}.key"
            if not file.exists():
                atomic_write.write(file, self._site.make_key(organization, role))
        announce(f"keys of the departments and of the evaluator: {self._keys}/<department>.key, {visits.EVALUATOR}.key")

    def through_2021(self, pace: float) -> None:
        """The reports of 2021 at a pace; version 2 and the visits when their time has come."""
        due: dict[int, Callable[[], None]] = {
            first_sent_from(self._year, SEEN_ON): self._visits,
            first_sent_from(self._year, CHANGED_ON.isoformat()): lambda: self._import(2, generate.SECOND_WORKBOOK),
        }
        total, sent = len(self._year), int(self._memory.get("sent") or 0)
        began = time.monotonic() - pace * sent / total
        progress = ProgressBar("2021", total)
        while sent < total:
            passed = time.monotonic() - began
            goal = total if passed >= pace else int(total * passed / pace)
            goal = min(goal, sent + CHUNK, *(at for at in due if at > sent))
            due.pop(sent, _nothing)()
            if goal > sent:
                self._sender.send(self._year[sent:goal])
                sent = goal
                self._memory.keep(sent=sent)
                progress.show(sent, self._year[sent - 1].time[:7])
            if passed < pace:
                time.sleep(TICK_SECONDS)
        percent = self._site.wait_for_share(END_OF_2021, _realized_2021(self._lines))
        self._memory.keep(complete=True)
        announce(f"loaded; at the end of 2021: {percent} % of the programs realized")

    def _import(self, number: int, workbook: Path) -> None:
        """Import a plan version once: a second import before it is registered would be a conflict. Reports sent before it is
        registered count as soon as it is."""
        name = f"imported-{number}"
        if not self._memory.get(name) and not self._site.has_version(number):
            self._memory.keep(**{name: self._site.import_plan(workbook)})

    def _visits(self) -> None:
        if self._memory.get("visits"):
            return
        evaluator = self._site.as_key((self._keys / f"{visits.EVALUATOR}.key").read_text().strip())
        for event in visits.read():
            evaluator.record_visit(event)
        self._memory.keep(visits=True)


def _nothing() -> None:
    """The action at most moments of a year: none."""


def first_sent_from(lines: list[Line], day: str) -> int:
    """The position of the first line, in order of sending, that was sent on a day or later."""
    return next((at for at, line in enumerate(lines) if line.time[:10] >= day), len(lines))


def _realized_2021(lines: list[Line]) -> int:
    """How many programs are realized at the end of 2021 by the committed files, counted plainly."""
    read = [
        read_workbook(workbook.read_bytes()).version for workbook in (generate.FIRST_WORKBOOK, generate.SECOND_WORKBOOK)
    ]
    versions = [version for version in read if version is not None]
    assert len(versions) == len(read)
    return len(check.realized(versions, lines, END_OF_2021))


if __name__ == "__main__":
    sys.exit(main())
