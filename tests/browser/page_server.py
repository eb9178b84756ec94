"""A real HTTP server for the page's tests: serves web/ with its security header, and answers as the API's contract defines.

Its stream can be pushed to (`report`), dropped (`drop_streams`), and the server can stop answering (`refusing`).
To look at the page by hand: `python -m tests.browser.page_server` prints its address.
"""

import gzip
import json
import mimetypes
import queue
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from tests.browser.city import Json, PageCity, pontianak
from tests.parts.waiting import free_port

WEB = Path(__file__).parents[2] / "web"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
END_OF_STREAM = None
CHANGE_BYTES = 4 * 1024  # what would be longer is sent as a snapshot


class NotFoundError(Exception):
    """The plan or program is not known."""


class PageServer:
    """Use as a context manager. `opening` is what /opening.json says; `failing` maps path endings to a status."""

    def __init__(self, *cities: PageCity, opening: Json | None = None) -> None:
        self.cities = {city.plan: city for city in cities}
        self.opening = opening or {"plan": None, "as_of": None}
        self.failing: dict[str, int] = {}
        self.refusing = False
        self.requested: list[str] = []
        self.sent_bytes: dict[str, int] = {}
        self._streams: list[tuple[str, date, str, queue.Queue[bytes | None]]] = []
        self._lock = threading.Lock()
        self.port = free_port()
        self._http: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        handler = type("Handler", (_PageHandler,), {"server_of_the_test": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._http is not None
        self.drop_streams()
        self._http.shutdown()
        self._http.server_close()

    def report(
        self, *codes: str, status: str = "realized", physical: int = 100, plan: str = "kota-pontianak-2019-2028"
    ) -> None:
        """Reports on programs arrive, true of the end of 2021; every stream of the plan gets them."""
        city = self.cities[plan]
        with self._lock:
            for code in codes:
                city.report(code, status, physical, date(2021, 12, 31))
            for listening, as_of, basis, queued in self._streams:
                if listening == plan:
                    change = _event("change", city.change(list(codes), as_of, basis), city.seq)
                    snapshot = _event("snapshot", city.realization(as_of, basis), city.seq)
                    queued.put(change if len(change) <= CHANGE_BYTES else snapshot)

    def drop_streams(self) -> None:
        with self._lock:
            for _, _, _, queued in self._streams:
                queued.put(END_OF_STREAM)
            self._streams.clear()

    def listen(self, plan: str, as_of: date, basis: str, after: str | None) -> queue.Queue[bytes | None]:
        queued: queue.Queue[bytes | None] = queue.Queue()
        city = self.city(plan)
        with self._lock:
            if after is None or int(after) < city.seq:
                queued.put(_event("snapshot", city.realization(as_of, basis), city.seq))
            self._streams.append((plan, as_of, basis, queued))
        return queued

    def city(self, plan: str) -> PageCity:
        if plan not in self.cities:
            raise NotFoundError(plan)
        return self.cities[plan]

    def answer(self, path: str, query: dict[str, str]) -> Json:
        """What the contract answers to a GET, but the stream."""
        as_of = date.fromisoformat(query["as_of"]) if "as_of" in query else datetime.now(UTC).date()
        basis = query.get("basis", "claimed")
        if path == "/opening.json":
            return self.opening
        match path.strip("/").split("/"):
            case ["v1", "plans"]:
                ranked = sorted(
                    self.cities.values(),
                    key=lambda city: -float(city.overall(as_of, "claimed")["share"]["percent"] or -1),
                )
                return {"items": [city.ranked(rank, as_of) for rank, city in enumerate(ranked, 1)], "next": None}
            case ["v1", "plans", plan, "realization"]:
                return self.city(plan).realization(as_of, basis, query.get("group_by", "dimension"))
            case ["v1", "plans", plan, "history"]:
                return self.city(plan).history(
                    date.fromisoformat(query["from"]), date.fromisoformat(query["to"]), basis
                )
            case ["v1", "plans", plan, "changes"]:
                return self.city(plan).changes(date.fromisoformat(query["since"]), as_of)
            case ["v1", "plans", plan, "departments"]:
                return self.city(plan).departments(as_of)
            case ["v1", "plans", plan, "programs"]:
                return self.city(plan).programs_page(as_of, query)
            case ["v1", "plans", plan, "programs", code] if code in self.city(plan).programs:
                return self.city(plan).story(code, as_of)
        raise NotFoundError(path)


def _event(name: str, data: Json, seq: int) -> bytes:
    return f"id: {seq}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()


class _PageHandler(BaseHTTPRequestHandler):
    server_of_the_test: ClassVar[PageServer]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Quiet."""

    def do_GET(self) -> None:
        site = self.server_of_the_test
        if site.refusing:
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        site.requested.append(self.path)
        status = next((status for ending, status in site.failing.items() if parts.path.endswith(ending)), None)
        if status:
            self._problem(status, "Sementara tidak tersedia", "Proyeksi sedang mengejar.")
        elif parts.path.endswith("/stream"):
            self._found(lambda: self._stream(parts.path.split("/")[3], dict(parse_qsl(parts.query))))
        elif parts.path.startswith("/v1/") or parts.path == "/opening.json":
            self._found(lambda: self._json(200, site.answer(parts.path, dict(parse_qsl(parts.query)))))
        else:
            self._file("index.html" if parts.path == "/" else parts.path.lstrip("/"))

    def _found(self, send: Callable[[], None]) -> None:
        try:
            send()
        except NotFoundError as error:
            self._problem(404, "Not found", f"{error} is not known here.")
        except ValueError as error:
            self._problem(422, "Not a valid question", str(error))

    def _problem(self, status: int, title: str, detail: str) -> None:
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": self.path}
        self._json(status, body, "application/problem+json")

    def _json(self, status: int, body: Json, kind: str = "application/json") -> None:
        self._send(status, kind, json.dumps(body).encode())

    def _file(self, name: str) -> None:
        path = (WEB / name).resolve()
        if not path.is_relative_to(WEB) or not path.is_file():
            self._problem(404, "Not found", name)
            return
        self._send(200, mimetypes.guess_type(path.name)[0] or "application/octet-stream", path.read_bytes())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        body = gzip.compress(body, 6)
        self.server_of_the_test.sent_bytes[self.path] = len(body)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, plan: str, query: dict[str, str]) -> None:
        as_of = date.fromisoformat(query["as_of"]) if "as_of" in query else datetime.now(UTC).date()
        answer = self.server_of_the_test.listen(
            plan, as_of, query.get("basis", "claimed"), self.headers.get("Last-Event-ID")
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(b"retry: 200\n\n")
        try:
            while (event := answer.get()) is not END_OF_STREAM:
                self.wfile.write(event)
        except OSError:
            pass  # the page went away
        self.close_connection = True


if __name__ == "__main__":
    with PageServer(pontianak(), opening={"plan": "kota-pontianak-2019-2028", "as_of": "2021-12-31"}) as server:
        print(server.url, flush=True)
        threading.Event().wait()
