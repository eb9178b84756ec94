"""A stand-in for a service, and a supervisor of three of them, for tests of the supervisor.

    python -m tests.e2e.stand_in supervise FOLDER HOW     the supervisor; HOW is JSON: how each service behaves
    python -m tests.e2e.stand_in serve FOLDER NAME HOW    one service; `run` starts these

How: "well" (the default), "deaf" (ignores SIGTERM), "failing" (exits at once, until FOLDER/NAME.may is there), "slow"
(ready when FOLDER/NAME.may is there). What happens is written, a line each, to FOLDER/events.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from deploy.local import run, settings
from deploy.local.supervisor import Backoff, Service, Task

BACKOFF = Backoff(first_seconds=0.2, longest_seconds=0.8, settled_seconds=2.0)


def serve(folder: Path, name: str, how: str) -> None:
    """Live until SIGTERM."""

    def stop(number: int, frame: FrameType | None) -> None:
        if how != "deaf":
            note(folder, f"{name} stopped")
            sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    note(folder, f"{name} started {os.getpid()}")
    if how == "failing" and not (folder / f"{name}.may").exists():
        print(json.dumps({"level": "CRITICAL", "message": f"{name} cannot go on"}), flush=True)
        print(json.dumps({"level": "INFO", "message": "closed"}), flush=True)
        sys.exit(3)
    while True:
        signal.pause()


def note(folder: Path, what: str) -> None:
    """One write of one line: several processes may do so at once."""
    with (folder / "events").open("a") as file:
        file.write(what + "\n")


def supervise(folder: Path, how: dict[str, str]) -> int:
    """As `deploy.local.run` does, with stand-ins that have as long to stop as what they stand for."""
    here = settings.read()
    seconds = {service.name: service.stop_within_seconds for stage in run.stages(here) for service in stage}

    def service(name: str) -> Service:
        behaves = how.get(name, "well")

        def ready() -> str | None:
            started = f"{name} started" in ((folder / "events").read_text() if (folder / "events").exists() else "")
            may = behaves not in {"slow", "failing"} or (folder / f"{name}.may").exists()
            return None if started and may else "the test"

        command = (sys.executable, "-m", "tests.e2e.stand_in", "serve", str(folder), name, behaves)
        return Service(name, command, ready, seconds[name])

    task = Task("sample", ("sh", "-c", how.get("sample", "echo loaded")), run.SAMPLE.stop_within_seconds)
    return run.supervise(here, ((service("broker"),), (service("site"), service("worker"))), task, BACKOFF)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    sys.exit(supervise(Path(sys.argv[2]), json.loads(sys.argv[3])))
