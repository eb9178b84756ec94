"""A competitor as a process: started with the environment that every one gets, stopped when no longer needed."""

import os
import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.benchmark import WrongOutputError
from benchmarks.competitors import Competitor, Options, environment
from benchmarks.prepared_broker import PREFIX, PreparedBroker
from deploy.local import children
from deploy.local.broker import Broker
from tests.parts.waiting import free_port

LOG_TAIL = 3_000
OF_A_TERMINAL = re.compile("\x1b\\[[?0-9;]*[A-Za-z]")


class Running:
    """A running competitor."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log
        self.pid = process.pid

    @property
    def output(self) -> str:
        """All its output, without terminal escapes."""
        return OF_A_TERMINAL.sub("", self._log.read_text(errors="replace"))

    def check(self) -> None:
        """Raises WrongOutputError when it has ended."""
        if self._process.poll() is not None:
            raise WrongOutputError(f"it ended with code {self._process.returncode}")


@contextmanager
def running(on: PreparedBroker, broker: Broker, competitor: Competitor, options: Options) -> Generator[Running]:
    """A competitor, with an empty folder for its state. Its output is added to a WrongOutputError."""
    processes = int(options.get("processes", 1))  # our own worker's processes, each with a port for its metrics
    state, port = Path(mkdtemp(prefix="state-", dir=broker.folder.parent)), free_port(in_a_row=processes)
    env = environment(broker.bootstrap, PREFIX, on.workload.partitions, state, options)
    env |= {"PANTAU_WORKER_METRICS_PORT": str(port), "PANTAU_WORKER_PROCESSES": str(processes)}
    log = state.with_suffix(".log")
    process = children.start(competitor.command(options), log=log, env={**os.environ, **env})
    started = Running(process, log)
    try:
        yield started
    except WrongOutputError as wrong:
        raise WrongOutputError(f"{wrong}\n{started.output[-LOG_TAIL:]}") from None
    finally:
        children.stop(process, within_seconds=20)
