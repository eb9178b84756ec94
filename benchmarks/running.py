"""A competitor as a process: started with what every one is told, stopped when it is no longer needed."""

import os
import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.ground import PREFIX, Ground
from benchmarks.peers.peer import Options, Peer, environment
from deploy.local import children
from deploy.local.broker import Broker
from tests.parts.waiting import free_port

LOG_TAIL = 3_000
OF_A_TERMINAL = re.compile("\x1b\\[[?0-9;]*[A-Za-z]")


class WrongError(Exception):
    """A competitor did something else than the job: it does not count."""


class Competitor:
    """A running competitor."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, metrics_port: int) -> None:
        self._process = process
        self._log = log
        self.metrics_port = metrics_port  # where our own worker serves its metrics

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """All it has written, without what only a terminal understands."""
        return OF_A_TERMINAL.sub("", self._log.read_text(errors="replace"))

    def check(self) -> None:
        """Raises WrongError when it has left."""
        if self._process.poll() is not None:
            raise WrongError(f"it left with code {self._process.returncode}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that does not help in time."""
        children.stop(self._process, within_seconds=20)


@contextmanager
def competitor(on: Ground, broker: Broker, peer: Peer, options: Options) -> Generator[Competitor]:
    """A competitor at a point of its grid, with an empty folder for its state. What it said is added to a WrongError."""
    processes = int(options.get("processes", 1))  # of our own worker, each with a port for its metrics
    state, port = Path(mkdtemp(prefix="state-", dir=broker.folder.parent)), free_port(in_a_row=processes)
    env = environment(broker.bootstrap, PREFIX, on.workload.partitions, state, options)
    env |= {"PANTAU_WORKER_METRICS_PORT": str(port), "PANTAU_WORKER_PROCESSES": str(processes)}
    env |= {"PANTAU_STATE": str(state)}
    log = state.with_suffix(".log")
    process = children.start(peer.command(options), log=log, env={**os.environ, **env})
    running = Competitor(process, log, port)
    try:
        yield running
    except WrongError as wrong:
        raise WrongError(f"{wrong}\n{running.said[-LOG_TAIL:]}") from None
    finally:
        running.stop()
