"""One installation on a real broker, its worker and its site, each a process, as people meet it over one address.

The site is one process, or (`apart`) each app is one, behind a router that follows the table of paths as the ingress
does. The fixture `installed` is the first; tests/e2e/test_apps_apart.py has the other.
"""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import pytest
from httpx import Client

from deploy.local import administrator
from deploy.local.broker import Broker
from deploy.paths import owner_of
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes
from tests.parts.waiting import free_port, until

PARTITIONS = 3
READY_WITHIN_SECONDS = 150
APART = {
    "programs": ("services.programs", "PANTAU_PROGRAMS_PORT"),
    "evaluations": ("services.evaluations", "PANTAU_EVALUATIONS_PORT"),
    "realization": ("services.aggregator.api", "PANTAU_AGGREGATOR_PORT"),
}


class WholeInstallation:
    """One installation in a folder of its own. `url` is where everything is; `http` is a client of it."""

    def __init__(self, bootstrap: str, folder: Path, processes: Processes, *, apart: bool = False) -> None:
        self.kafka_topics = KafkaTopics(bootstrap, PARTITIONS)
        self.admin_key = administrator.key(folder / "keys")
        self._processes, self._apart, self._router = processes, apart, _Router()
        self._ports = {
            variable: free_port()
            for variable in ("PANTAU_PORT", "PANTAU_WORKER_METRICS_PORT", *(port for _, port in APART.values()))
        }
        self.url = f"http://127.0.0.1:{self._ports['PANTAU_PORT']}"
        self.http = Client(base_url=self.url, timeout=60, trust_env=False)
        self.env = {
            "PANTAU_KAFKA": bootstrap,
            "PANTAU_TOPIC_PREFIX": self.kafka_topics.prefix,
            "PANTAU_PARTITIONS": str(PARTITIONS),
            "PANTAU_STATE": str(folder),
            "PANTAU_ADMIN_KEY_SHA256": administrator.digest(self.admin_key),
            **{variable: str(port) for variable, port in self._ports.items()},
        }

    def start(self) -> None:
        """Start worker and site, and return when both can be asked."""
        processes = {"services.aggregator.worker": "PANTAU_WORKER_METRICS_PORT"}
        if self._apart:
            self._router.start(self._ports["PANTAU_PORT"], {app: self._ports[port] for app, (_, port) in APART.items()})
            processes |= dict(APART.values())
        else:
            processes["deploy.local.site"] = "PANTAU_PORT"
        for module in processes:
            self._processes.start(module, [sys.executable, "-m", module], env=self.env)
        for module, port in processes.items():
            until(partial(self._is_ready, self._ports[port]), READY_WITHIN_SECONDS, what=f"{module} is ready")

    def close(self) -> None:
        """Release what is no process: the owner of `processes` ends those."""
        self.http.close()
        self._router.stop()

    def key_for(self, plan: str, organization: str, role: str = "department") -> str:
        """A new key of an organization of a registered plan."""
        response = self.http.post(
            f"/v1/departments/{plan}/{organization}/keys", params={"role": role}, headers=bearer(self.admin_key)
        )
        assert response.status_code == 201, response.text
        return str(response.json()["key"])

    def _is_ready(self, port: int) -> bool:
        return self.http.get(f"http://127.0.0.1:{port}/readyz").status_code == 200


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


class _Router:
    """Hands each request to the port of the service that owns its path."""

    def __init__(self) -> None:
        self._server: ThreadingHTTPServer | None = None

    def start(self, port: int, services: dict[str, int]) -> None:
        handler = type("Handler", (_ForwardingHandler,), {"services": services})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="router", daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()


class _ForwardingHandler(BaseHTTPRequestHandler):
    """Passes on as it comes: an answer that never ends, such as a stream, is seen piece by piece."""

    protocol_version = "HTTP/1.1"
    services: ClassVar[dict[str, int]]
    of_one_connection = frozenset({"connection", "keep-alive", "transfer-encoding"})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Quiet."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        service = owner_of(unquote(urlsplit(self.path).path))
        upstream = HTTPConnection("127.0.0.1", self.services[service], timeout=60)
        try:
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in self.of_one_connection
            }
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in self.of_one_connection:
                    self.send_header(name, value)
            if answer.length is None:
                self.send_header("Connection", "close")  # where it ends, the connection does
            self.end_headers()
            while piece := answer.read1(65_536):
                self.wfile.write(piece)
        except (OSError, HTTPException):
            self.close_connection = True  # either side has gone
        finally:
            upstream.close()

    do_POST = do_DELETE = do_GET  # noqa: N815 - the names are the base class's


@contextmanager
def in_folder(bootstrap: str, folder: Path, *, apart: bool = False) -> Generator[WholeInstallation]:
    """A running installation whose state and logs are in `folder`."""
    processes = Processes(folder)
    installed = WholeInstallation(bootstrap, folder / "state", processes, apart=apart)
    try:
        installed.start()
        yield installed
    finally:
        installed.close()
        processes.end()


@pytest.fixture(scope="module")
def installed(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[WholeInstallation]:
    """An installation for all tests of a module."""
    with in_folder(broker.bootstrap, tmp_path_factory.mktemp("installed")) as running:
        yield running
