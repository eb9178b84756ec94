"""Plan versions as they are sent and shown."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from schemas.masterplan import MasterplanVersion
from schemas.vocabulary import Dimension
from services.kit.http.responses import Answer, MomentText, Next
from services.programs.departments.models import BothLanguages
from services.programs.masterplans.workbook.columns import PLAN_LINES

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
MULTIPART = "multipart/form-data"
BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE: dict[str, Any] = {"schema": {"type": "object", "properties": {"file": BINARY["schema"]}, "required": ["file"]}}
FIELDS = [
    {"name": line.field, "in": "query", "schema": {"type": "string"}, "description": f"With CSV: {line.heading}"}
    for line in PLAN_LINES
]
REQUEST: dict[str, Any] = {
    "parameters": FIELDS,
    "requestBody": {"required": True, "content": {XLSX: BINARY, CSV: BINARY, MULTIPART: FILE}},
}
IMPORT_EXAMPLE = {
    "plan": "kota-pontianak-2019-2028",
    "version": 1,
    "dry_run": False,
    "already_registered": False,
    "programs": 426,
    "departments": 25,
    "source": "/plans/kota-pontianak-2019-2028/council",
    "id": "version-1-7c1d0f53a5c0f9d2",
    "warnings": [],
    "published": {"topic": "masterplans", "partition": 3, "offset": 0},
}

Targets = Annotated[dict[str, str], Field(description="Percent by the end of each year, decimal strings.")]


class ListedVersion(Answer):
    """A plan version in a list: the plan's own fields, and counts."""

    plan: str
    version: int
    expects: int | None
    effective_from: date
    city: str
    region_code: str | None
    name: BothLanguages
    start_year: int
    end_year: int
    time_zone: str
    illustrative: bool
    report_due_day: int
    punctual_by_receipt_from: date | None
    targets: Targets
    dimension_targets: dict[Dimension, Targets]
    programs: Annotated[int, Field(description="How many.")]
    departments: Annotated[int, Field(description="How many.")]
    seq: int
    received_at: MomentText


class ListedPlans(Answer):
    """A page of plans by their ids, each with its latest version."""

    items: list[ListedVersion]
    next: Next


class ShownPlan(Answer):
    """A plan: its versions, the latest first."""

    plan: str
    current: Annotated[int, Field(description="The number of the latest version.")]
    in_force: Annotated[int | None, Field(description="The number of the version in force today.")]
    versions: list[ListedVersion]


class ShownVersion(MasterplanVersion):
    """A plan version, whole."""

    plan: str
    seq: int
    received_at: MomentText


class CellWarning(Answer):
    """A warning about a cell, with texts in both languages."""

    where: Annotated[str, Field(examples=["Program!F17"])]
    what: str
    expected: str
    value: str | None


class Published(Answer):
    """Where Kafka stores the version's event."""

    topic: str
    partition: int
    offset: int


class ImportedVersion(Answer):
    """The result of an import."""

    plan: str
    version: int
    dry_run: bool
    already_registered: bool
    programs: Annotated[int, Field(description="How many.")]
    departments: Annotated[int, Field(description="How many.")]
    source: str
    id: str
    warnings: list[CellWarning]
    published: Annotated[Published | None, Field(description="Null: nothing was published.")]
