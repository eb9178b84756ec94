"""The processes under test, kept running as the real supervisor keeps them: what exits is started again.

Everything here happens in the main thread, because processes are bound to the thread that starts them: who waits,
waits by `wait`, which tends the processes meanwhile.
"""

import json
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from httpx import Client, HTTPError

from deploy.local import administrator
from deploy.local.process_settings import InstallationSettings
from tests.chaos.environments import RunEnvironment
from tests.chaos.senders import IntakeRequests
from tests.parts.kafka_topics import KafkaTopics
from tests.parts.processes import Processes, Running
from tests.parts.waiting import free_port

G_co = TypeVar("G_co", bound=RunEnvironment, covariant=True)

PARTITIONS = 3
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 4.0  # as the real supervisor's, like the next two
EXITS_ALLOWED = 5
ERROR_CHARACTERS = 200
EXITS_WITHIN_SECONDS = 60.0
LOOK_SECONDS, ASK_SECONDS = 0.02, 0.2  # between two looks: at what is cheap to see, at what a process must answer
READY_SECONDS = 120.0

WORKER = ("services.aggregator.worker",)
SITE = ("deploy.local.site",)


class LostError(Exception):
    """A process did what none may, whatever strikes: going on would only wait for what can't come."""


class KeptProcess:
    """A process that is kept running, under the same name, whatever ends it."""

    def __init__(
        self, name: str, module: tuple[str, ...], env: dict[str, str], port: int, processes: Processes
    ) -> None:
        self.name, self.port = name, port
        self.instance = env.get("PANTAU_WORKER_INSTANCE", "")
        self._module, self._env, self._processes = module, env, processes
        self._start_at = 0.0
        self._left_at: list[float] = []
        self.wanted, self.starts = True, 0
        self.running = self._start()
        self.left_log = self.running.log

    def _start(self) -> Running:
        self.starts += 1
        return self._processes.start(self.name, [sys.executable, "-m", *self._module], env=self._env)

    def tend(self) -> int | None:
        """Start it again when it is down and its pause is over. Returns its exit code, once, when it has exited."""
        if self.running.alive or not self.wanted:
            return None
        now = time.monotonic()
        if not self._start_at:
            code, self.left_log = self.running.process.returncode, self.running.log
            if code >= 0:
                self._left_at = [at for at in self._left_at if at > now - EXITS_WITHIN_SECONDS] + [now]
            backoff = FIRST_BACKOFF_SECONDS * 2 ** max(0, len(self._left_at) - 1)
            self._start_at = now + min(backoff, LONGEST_BACKOFF_SECONDS)
            return code
        if now >= self._start_at:
            self._start_at = 0.0
            self.running = self._start()
        return None

    @property
    def keeps_exiting(self) -> bool:
        """Whether it exited by itself so often that the real supervisor would give up."""
        return len(self._left_at) >= EXITS_ALLOWED

    def retire(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it for good."""
        self.wanted = False
        self.running.signal(number)

    def ready(self, http: Client) -> bool:
        """Whether it answers that it is ready."""
        try:
            return http.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200
        except HTTPError:
            return False


class ChaosInstallation(Generic[G_co]):
    """Workers, sites and the topics of one run, on a environment."""

    def __init__(
        self,
        environment: G_co,
        folder: Path,
        seed: int,
        *,
        worker: tuple[str, ...] = WORKER,
        site: tuple[str, ...] = SITE,
    ) -> None:
        self.environment, self.folder = environment, folder
        self.random = random.Random(seed)  # for the random choices of faults
        self.kafka_topics = KafkaTopics(environment.kafka, PARTITIONS, environment.replication)
        self.admin_key = administrator.key(folder / "keys")
        self.database = environment.database()
        self.http = Client(timeout=10, trust_env=False)
        self.requests = IntakeRequests()
        self._all: list[KeptProcess] = []
        self._worker, self._site = worker, site
        self._processes = Processes(folder)

    @property
    def settings(self) -> InstallationSettings:
        """The settings of the apis, for reading their tables."""
        return InstallationSettings(
            kafka=self.kafka_topics.bootstrap,
            topic_prefix=self.kafka_topics.prefix,
            partitions=PARTITIONS,
            database=self.database,
            state=self.folder / "state",
        )

    # ── processes ────────────────────────────────────────────────────────────────────────────────────────────────

    def start_worker(self, instance: str) -> KeptProcess:
        """Start a worker under a name that the group of workers knows it by."""
        return self._keep("worker", self._worker, {"PANTAU_WORKER_INSTANCE": instance}, "PANTAU_WORKER_METRICS_PORT")

    def start_site(self) -> KeptProcess:
        """Start a process that serves the three apis."""
        return self._keep("site", self._site, {}, "PANTAU_PORT")

    def _keep(self, role: str, module: tuple[str, ...], env: dict[str, str], port_variable: str) -> KeptProcess:
        name, port = f"{role}-{len(self._all) + 1}", free_port()
        env |= {
            "PANTAU_KAFKA": self.environment.kafka,
            "PANTAU_TOPIC_PREFIX": self.kafka_topics.prefix,
            "PANTAU_PARTITIONS": str(PARTITIONS),
            "PANTAU_REPLICATION": str(self.environment.replication),
            "PANTAU_STATE": str(self.folder / "state"),
            "PANTAU_ADMIN_KEY_SHA256": administrator.digest(self.admin_key),
            port_variable: str(port),
        }
        if self.database is not None:
            env["PANTAU_DATABASE"] = self.database
        self._all.append(
            KeptProcess(name, module, env | dict(self.environment.process_variables(name)), port, self._processes)
        )
        return self._all[-1]

    @property
    def workers(self) -> list[KeptProcess]:
        """The workers that are wanted, the oldest first."""
        return self._wanted("worker-")

    @property
    def sites(self) -> list[KeptProcess]:
        return self._wanted("site-")

    def _wanted(self, prefix: str) -> list[KeptProcess]:
        return [kept for kept in self._all if kept.name.startswith(prefix) and kept.wanted]

    def tend(self) -> None:
        """Start again what has exited. Raises LostError for a process that exits and may not.

        A worker may exit by itself, not again and again; an api never may.
        """
        for kept in self._all:
            code = kept.tend()
            if code is not None and code >= 0 and (kept.name.startswith("site-") or kept.keeps_exiting):
                why = "keeps exiting" if kept.keeps_exiting else "exited by itself"
                raise LostError(f"{kept.name} {why}, with code {code}{_last_words(kept.left_log)}")

    def wait(self, predicate: Callable[[], object], within_seconds: float, *, every: float = LOOK_SECONDS) -> bool:
        """Tend the processes until `predicate` is true, at most so long, looking `every` so many seconds.

        Whether it came true.
        """
        ends = time.monotonic() + within_seconds
        while True:
            self.tend()
            if predicate():
                return True
            if time.monotonic() > ends:
                return False
            time.sleep(every)

    def until_ready(self, *kept: KeptProcess) -> bool:
        """Wait until these processes, or all that should run, are ready."""
        asked = kept or (*self.workers, *self.sites)
        return self.wait(lambda: all(one.ready(self.http) for one in asked), READY_SECONDS, every=ASK_SECONDS)

    def end(self) -> None:
        """End every process."""
        self.http.close()
        self._processes.end()


def _last_words(log: Path) -> str:
    """The error for which a process has exited, from its log."""
    words = ""
    for line in log.read_text(errors="replace").splitlines():
        if '"CRITICAL"' in line:
            entry = json.loads(line)
            error = [text for text in entry.get("exc_info", "").splitlines() if text[:1].isalpha()]
            words = f": {entry['message']}" + (f" ({error[-1][:ERROR_CHARACTERS]})" if error else "")
    return words
