"""The bootstrap: killed at any point it leaves .venv whole or not there, and it names what is missing in one line."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.parts.processes import ROOT, Processes, Running
from tests.parts.unwritable import obeying_modes, with_read_only
from tests.parts.waiting import until

pytestmark = pytest.mark.timeout(600)

PATIENCE_SECONDS = 240  # ten on an idle machine
NEEDED = (
    "requirements",
    "deploy/local",
    "deploy/commands",
    "deploy/__init__.py",
    "sdk",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
TOOLS = ("sh", "dirname", "sed", "head", "sha256sum", "cut", "id", "readlink", "cat", "mkdir", "flock", "env", "ls")


class Checkout:
    """As much of a checkout as the bootstrap needs, with nothing made yet."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder = folder
        self._processes = processes
        for needed in NEEDED:
            source, target = ROOT / needed, folder / needed
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        self.venv, self.part = folder / ".venv", folder / ".venv.part"
        self.lock = folder / "requirements" / "run.txt"

    def bootstrap(self, *, under: tuple[str, ...] = (), **env: str) -> Running:
        command = [*under, "sh", "deploy/local/bootstrap.sh", "run"]
        return self._processes.start("bootstrap", command, cwd=self.folder, env={"INSTALL": "no", **env})

    def complete(self, *, under: tuple[str, ...] = (), **env: str) -> None:
        again = self.bootstrap(under=under, **env)
        assert again.wait(PATIENCE_SECONDS) == 0, again.output
        assert self.works

    @property
    def works(self) -> bool:
        """Whether .venv runs: the command, a script that a package brought, and what the lock pins."""
        commands: tuple[list[str | Path], ...] = (
            [self.venv / "bin" / "pantau", "--help"],
            [self.venv / "bin" / "uvicorn", "--version"],
            [self.venv / "bin" / "python", "-c", "import faust, fastapi, sqlalchemy, pantau"],
        )
        codes = [subprocess.run(command, capture_output=True, check=False).returncode for command in commands]
        return codes == [0, 0, 0]


@pytest.fixture
def checkout(tmp_path: Path, processes: Processes) -> Checkout:
    return Checkout(tmp_path / "check out", processes)


def kill(bootstrap: Running, number: signal.Signals) -> None:
    """As a Ctrl-C does, or the shell alone: what that has started goes on."""
    if number is signal.SIGINT:
        os.killpg(bootstrap.pid, number)
    else:
        os.kill(bootstrap.pid, number)
    assert bootstrap.wait() != 0


def test_killed_at_any_point_it_goes_on_and_what_was_there_stays_until_the_new_is_whole(checkout: Checkout) -> None:
    half = checkout.venv / "bin"  # the state before .venv was renamed into place
    half.mkdir(parents=True)
    (half / "python").symlink_to("/usr/bin/python3")
    points = (
        checkout.part / "bin" / "python",
        checkout.part / "bin" / "uv",
        checkout.part / "bin" / "uvicorn",
    )
    for point in points:
        for number in (signal.SIGINT, signal.SIGKILL):
            bootstrap = checkout.bootstrap()
            until(lambda point=point: point.exists(), PATIENCE_SECONDS, what=f"{point.name} is made")  # type: ignore[misc]  # mypy infers no type for the default
            kill(bootstrap, number)
            assert not (checkout.venv / "in-step").exists()
    checkout.complete()
    assert not checkout.part.exists()
    made = (checkout.venv / "bin").stat().st_ino

    checkout.complete()
    assert (checkout.venv / "bin").stat().st_ino == made, "nothing to do"

    checkout.lock.write_text(checkout.lock.read_text() + "# changed\n")
    bootstrap = checkout.bootstrap()
    until(points[1].exists, PATIENCE_SECONDS)
    kill(bootstrap, signal.SIGKILL)
    assert checkout.works, "the former one"
    assert (checkout.venv / "bin").stat().st_ino == made

    (checkout.venv / "bin" / "python").unlink()
    (checkout.venv / "bin" / "python").symlink_to("/nowhere/python3")  # the Python it was made with was removed
    closed = checkout.folder / "home"
    closed.mkdir(mode=0o555)
    checkout.complete(under=obeying_modes(), HOME=str(closed), XDG_CACHE_HOME="")
    assert (checkout.venv / "bin").stat().st_ino != made

    assert checkout.bootstrap(under=with_read_only(checkout.folder)).wait() == 0, "nothing to do, nothing to write"
    (checkout.venv / "in-step").unlink()
    refused = checkout.bootstrap(under=with_read_only(checkout.folder))
    assert refused.wait() == 1
    (line,) = refused.output.splitlines()
    assert line.startswith("This checkout can't be written by ")
    assert line.endswith(f"make {checkout.folder} writable, or clone it elsewhere.")


# ── what the system lacks ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def bare(processes: Processes) -> Generator[Checkout]:
    """A checkout that any user can reach, and in its folder `tools` the commands of a machine without Java and Maven."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bare = Checkout(Path(folder) / "checkout", processes)
        tools = bare.folder / "tools"
        tools.mkdir()
        for tool in (*TOOLS, "apt-get"):
            found = shutil.which(tool)
            (tools / tool).symlink_to(found or "/usr/bin/false")
        (tools / "python3").symlink_to("/usr/bin/python3")
        yield bare


def lacking(bare: Checkout, *, under: tuple[str, ...] = (), **env: str) -> list[str]:
    run = bare.bootstrap(under=under, **{"PATH": str(bare.folder / "tools"), "JAVA_HOME": "", "PYTHON": "", **env})
    assert run.wait() == 1, run.output
    assert not bare.part.exists()
    return run.output.splitlines()


LACKING = "Java 17 or newer, for Apache Kafka; Maven (mvn), which fetches Apache Kafka."
PACKAGES = "apt-get install --no-install-recommends default-jdk-headless maven"


def test_what_is_missing_is_named_with_the_line_that_installs_it(bare: Checkout) -> None:
    sudo = "" if os.geteuid() == 0 else "sudo "
    line = f"To install it: {sudo}apt-get update && {sudo}{PACKAGES}"
    missing, lines = lacking(bare)
    assert missing.endswith(LACKING)
    assert lines == line or "python3-venv" in lines  # where the system's own Python lacks venv


def test_who_has_not_the_right_to_install_is_shown_the_line(bare: Checkout) -> None:
    nobody = ("/usr/bin/setpriv", "--reuid=65534", "--clear-groups") if os.geteuid() == 0 else ()
    missing, lines = lacking(bare, under=nobody, INSTALL="")
    assert missing.endswith(LACKING)
    assert lines.startswith("That needs root's rights. To install it: sudo apt-get update && sudo apt-get install")


def test_another_system_is_shown_what_debian_calls_it(bare: Checkout) -> None:
    (bare.folder / "tools" / "apt-get").unlink()
    missing, lines = lacking(bare, INSTALL="")
    assert missing.endswith(LACKING)
    assert lines.startswith("To install it on Debian and Ubuntu: apt-get install --no-install-recommends")


def test_a_python_that_was_chosen_and_will_not_do_is_named(bare: Checkout) -> None:
    missing, _ = lacking(bare, PYTHON="/usr/bin/false")
    assert missing.startswith(
        "Missing: Python 3.11 or newer with venv ('/usr/bin/false' is not, and PYTHON chose it); "
    )


def test_an_old_python_before_a_new_one_on_the_path_is_passed_over(bare: Checkout) -> None:
    (bare.folder / "tools" / "python3").unlink()
    (bare.folder / "tools" / "python3").symlink_to("/usr/bin/false")
    good = shutil.which("python3.11") or shutil.which("python3.12") or shutil.which("python3.13")
    assert good is not None
    (bare.folder / "tools" / "python3.12").symlink_to(Path(good).resolve())
    missing, _ = lacking(bare)
    assert missing == f"Missing: {LACKING}"
