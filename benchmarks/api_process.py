"""The api of live state as a process, and one connection to it."""

import http.client
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import process_tree
from deploy.local import children
from services.kit.settings import Settings
from tests.parts.waiting import free_port, until

FOLLOW_SECONDS = 3_600
TOLD = {"kafka", "topic_prefix", "partitions", "database"}


class Api:
    """A running api."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        port = free_port()
        env = {
            f"PANTAU_{name.upper()}": str(v) for name, v in settings.model_dump(include=TOLD).items() if v is not None
        }
        env |= {"PANTAU_AGGREGATOR_PORT": str(port), "PANTAU_STATE": str(folder)}
        command = [sys.executable, "-m", "services.aggregator.api"]
        self._process = children.start(command, log=folder / "api.log", env={**os.environ, **env})
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def stop(self) -> None:
        """End the process and let go of the connection."""
        self._connection.close()
        children.stop(self._process, within_seconds=10)

    def get(self, path: str) -> bytes:
        """What is answered, as a browser asks: on a connection that stays, and compressed."""
        self._connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body

    def is_ready(self) -> bool:
        """Whether it has caught up."""
        if self._process.poll() is not None:
            raise SystemExit("the api has left")
        try:
            return bool(self.get("/readyz"))
        except OSError:
            self._connection.close()
            return False
        except RuntimeError:
            return False

    @property
    def cpu_seconds(self) -> float:
        """Seconds of processor it has used so far."""
        (used,) = process_tree.cpu_seconds(self._process.pid)
        return used

    @property
    def memory_mib(self) -> float:
        """What it holds in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (resident,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(resident) / 1024


@contextmanager
def serving(settings: Settings, folder: Path) -> Generator[Api]:
    """The api, caught up."""
    api = Api(settings, folder)
    try:
        until(api.is_ready, FOLLOW_SECONDS, what="the api has caught up")
        yield api
    finally:
        api.stop()
