"""The loader's client of the running site: a few requests by the administrator, each retried until it is answered."""

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from samples.plan import PLAN

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PATIENCE_SECONDS: Final = 180.0  # broker, worker and site may be starting again
LAG_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.2
REQUEST_SECONDS: Final = 20.0

T = TypeVar("T")


class GaveUpError(Exception):
    """A request did not succeed within the time limit."""


class SiteClient:
    """Requests to one site with one key."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=REQUEST_SECONDS, trust_env=False
        )

    def as_key(self, key: str) -> "SiteClient":
        """The same site with another key."""
        return SiteClient(str(self._http.base_url), key)

    def import_plan(self, workbook: Path) -> dict[str, str]:
        """Import a workbook. Returns source and id of the event it became."""
        response = self._send("/v1/masterplans/import", content=workbook.read_bytes(), headers={"Content-Type": XLSX})
        return {"source": response["source"], "id": response["id"]}

    def has_version(self, number: int) -> bool:
        return self._get(f"/v1/masterplans/{PLAN}/versions/{number}") is not None

    def wait_for_version(self, number: int) -> None:
        until(f"version {number} of the masterplan is registered", lambda: self.has_version(number) or None)

    def make_key(self, organization: str, role: str) -> str:
        """A new key of an organization."""
        return str(self._send(f"/v1/departments/{PLAN}/{organization}/keys", params={"role": role})["key"])

    def record_visit(self, event: dict[str, Any]) -> None:
        """Record a visit, given by its fields; the evaluator is that of the key."""
        self._send("/v1/visits", json={"id": event["id"], "time": event["time"], **event["data"]})

    def share(self, as_of: date) -> tuple[str, str] | None:
        """How many programs are realized as of a date, and the figure in percent; None while there is no figure."""
        response = self._get(f"/v1/plans/{PLAN}/realization", as_of=as_of.isoformat())
        figure = response["overall"]["share"] if response else None
        return (figure["numerator"], figure["percent"]) if figure and figure["percent"] else None

    def wait_for_share(self, as_of: date, numerator: int) -> str:
        """The figure in percent, once `numerator` programs are realized as of a date."""

        def seen() -> str | None:
            answer = self.share(as_of)
            return answer[1] if answer and answer[0] == str(numerator) else None

        return until(f"{numerator} programs are realized as of {as_of}", seen)

    def _get(self, path: str, **params: str) -> dict[str, Any] | None:
        """The response of a path; None where it is not found, or the site does not answer now."""
        try:
            answer = self._http.get(path, params=params)
        except httpx.TransportError:
            return None
        return _object(answer) if answer.is_success else None

    def _send(self, path: str, **request: Any) -> dict[str, Any]:
        """POST until it is accepted. Raises GaveUpError when it is still refused at the end: an app may lag for a moment, and
        not know yet a plan or key that another app made."""
        last_refusal = time.monotonic() + LAG_SECONDS

        def sent() -> dict[str, Any] | None:
            try:
                answer = self._http.post(path, **request)
            except httpx.TransportError:
                return None
            if answer.is_success:
                return _object(answer)
            if answer.is_client_error and time.monotonic() > last_refusal:
                raise GaveUpError(f"{path} answers {answer.status_code}: {answer.text[:2000]}")
            return None

        return until(f"{path} accepts the request", sent)


def _object(answer: httpx.Response) -> dict[str, Any]:
    response: dict[str, Any] = json.loads(answer.content)
    return response


def until(what: str, ask: Callable[[], T | None]) -> T:
    """The result of a request, once there is one. Raises GaveUpError when there is none in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := ask()) is None:
        if time.monotonic() > deadline:
            raise GaveUpError(f"waited {PATIENCE_SECONDS:.0f} s in vain until {what}")
        time.sleep(LOOK_SECONDS)
    return found
