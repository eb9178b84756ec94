"""A run of the tests that is interrupted or killed in the middle leaves no process behind, in whichever of its processes."""

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.parts.processes import ROOT, Processes
from tests.parts.waiting import until

TESTS = """
import threading
from pathlib import Path

def test_that_hangs({parts}):
    Path(__file__).with_suffix(".begun").touch()
    threading.Event().wait()
"""
FILES = {"test_broker_and_database.py": "broker, postgres_url", "test_browser.py": "page"}


@pytest.fixture
def folder() -> Generator[Path]:
    """A folder that PostgreSQL's user can reach: what a killed run leaves in it goes with it."""
    with TemporaryDirectory() as name:
        found = Path(name)
        found.chmod(0o755)
        yield found


def running(mark: str) -> list[str]:
    """The commands of all processes that have a variable in their environment; their own children have it, too."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has gone
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_run(folder: Path, processes: Processes, number: signal.Signals) -> None:
    for name, parts in FILES.items():
        (folder / name).write_text(TESTS.format(parts=parts))
    command = [sys.executable, "-m", "pytest", "-n2", "--dist=loadfile", "-p", "tests.conftest"]
    command += [f"--rootdir={folder}", f"--config-file={ROOT / 'pyproject.toml'}", str(folder)]
    run = processes.start("pytest", command, env={"TMPDIR": str(folder)})
    until(
        lambda: not run.alive or all((folder / name).with_suffix(".begun").exists() for name in FILES),
        what="both tests have begun",
    )
    assert run.alive, run.output
    began = " ".join(running(f"TMPDIR={folder}"))
    assert all(part in began for part in ("kafka.Kafka", "postgres", "chromium")), began

    os.kill(run.pid, number)
    run.wait()
    until(lambda: not running(f"TMPDIR={folder}"), what=f"all gone after {number.name}")
