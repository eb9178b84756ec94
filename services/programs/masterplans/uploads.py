"""The file in an import request."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from services.kit.http.problems import ErrorDetail, InvalidProblem, MediaTypeProblem
from services.programs.masterplans.models import CSV, MULTIPART, XLSX


class Upload(NamedTuple):
    """An uploaded file: whether it is CSV (else a workbook), its bytes, and the plan's own fields from the query."""

    is_csv: bool
    data: bytes
    fields: Mapping[str, str]


async def _uploaded(request: Request) -> Upload:
    """The file of a request: its body, or the field `file` of a form."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    fields = {name: value for name, value in request.query_params.items() if name != "dry_run"}
    if media_type in {XLSX, CSV}:
        return Upload(media_type == CSV, await request.body(), fields)
    if media_type != MULTIPART:
        raise MediaTypeProblem(
            f"{media_type or 'A body without a media type'} is not accepted here; send {XLSX} or {CSV}."
        )
    try:
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise InvalidProblem(
                    errors=[ErrorDetail("file", "is missing", "a workbook or CSV file in the field `file`")]
                )
            is_csv = (file.filename or "").lower().endswith(".csv") or file.content_type == CSV
            return Upload(is_csv, await file.read(), fields)
    except HTTPException as error:
        raise InvalidProblem(errors=[ErrorDetail("body", f"is not a form: {error.detail}", MULTIPART)]) from None


Uploaded = Annotated[Upload, Depends(_uploaded)]
"""The file: the request's body, or the field `file` of a form."""
