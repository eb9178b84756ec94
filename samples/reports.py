"""The committed form of the sample's reports: one CSV line per event, in order of sending, and the events they stand for.

`time` is kept as it was written, because senders write it in different zones.
"""

import csv
import gzip
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from samples.plan import PLAN
from schemas.sources import department

FILE: Final = Path(__file__).parent / "reports.csv.gz"
REPORTED: Final = "id.pantau.program.status.reported.v1"
RETRACTED: Final = "id.pantau.program.status.retracted.v1"


class Line(NamedTuple):
    """One event. A retraction has `retracts` and `note`, its reason; a report has `program` and what follows."""

    department: str
    id: str
    time: str
    program: str = ""
    status: str = ""
    physical: str = ""
    spent: str = ""
    period: str = ""
    effective_on: str = ""
    evidence: str = ""
    obstacle: str = ""
    note: str = ""
    retracts: str = ""


def pack(lines: Iterable[Line]) -> bytes:
    """The lines as gzipped CSV; the same lines are the same bytes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Line._fields)
    writer.writerows(lines)
    return gzip.compress(out.getvalue().encode(), 9, mtime=0)


def read(file: Path = FILE) -> list[Line]:
    """The committed lines, in order of sending."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as packed:
        records = csv.reader(packed)
        next(records)
        return [Line(*record) for record in records]


def event(line: Line) -> dict[str, Any]:
    """The CloudEvent of a line, as a sender writes it."""
    source = department(PLAN, line.department)
    envelope = {"specversion": "1.0", "id": line.id, "source": source, "time": line.time}
    if line.retracts:
        retraction = {"source": source, "id": line.retracts, "reason": line.note}
        return {**envelope, "type": RETRACTED, "data": retraction}
    data: dict[str, Any] = {"program": line.program, "status": line.status, "physical": line.physical}
    if line.spent:
        data["spent"] = int(line.spent)
    for field in ("period", "effective_on", "obstacle", "note"):
        if getattr(line, field):
            data[field] = getattr(line, field)
    if line.evidence:
        digest = hashlib.sha256(f"{PLAN}/{line.program}/{line.evidence}".encode()).hexdigest()
        data["evidence"] = [{"title": line.evidence, "sha256": digest, "media_type": "application/pdf"}]
    return {**envelope, "type": REPORTED, "data": data}
