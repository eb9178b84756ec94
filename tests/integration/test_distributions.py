"""The two distributions: `pantau` is light and works alone; `pantau-server` adds its commands to it."""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

from pantau.cli import GROUP, OF_THE_SERVER

ROOT = Path(__file__).parents[2]
LIGHT, SERVER = "pantau-0.1.0", "pantau_server-0.1.0"
SERVER_ONLY = ("faust", "fastapi", "services", "deploy", "schemas", "realization", "presentation")
IMPORTS_ALL = """
import importlib, pkgutil, sys, pantau
for module in pkgutil.walk_packages(pantau.__path__, "pantau."):
    importlib.import_module(module.name)
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def run(command: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def done(command: Sequence[str | Path], cwd: Path) -> str:
    finished = run(command, cwd)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def build(project: Path, to: Path, target: str = "wheel") -> None:
    done([sys.executable, "-m", "hatchling", "build", "-t", target, "-d", to], project)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both wheels, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "sdk"):
        build(project, folder)
    return folder


class Environment:
    """A virtual environment with nothing in it, and no way to an index."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self._elsewhere = folder.parent
        done([sys.executable, "-m", "venv", "--without-pip", folder], self._elsewhere)

    def install(self, wheel: Path, *options: str) -> None:
        uv = Path(sys.executable).with_name("uv")
        done([uv, "pip", "install", "--python", self.bin / "python", "--no-index", *options, wheel], self._elsewhere)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run([self.bin / program, *arguments], self._elsewhere)


@pytest.fixture
def light(wheels: Path, tmp_path: Path) -> Environment:
    """An environment with the light distribution and all that it depends on, which is nothing."""
    environment = Environment(tmp_path / "light")
    environment.install(wheels / f"{LIGHT}-py3-none-any.whl")
    return environment


def contents(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def schemas(files: dict[str, bytes]) -> dict[str, bytes]:
    found = {name: content for name, content in files.items() if name.startswith("pantau/jsonschema/")}
    return {Path(name).name: content for name, content in found.items()}


def generated() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (ROOT / "schemas" / "jsonschema").glob("id.pantau.*.json")}


def test_the_light_wheel_has_its_package_its_types_and_the_schemas_of_events(wheels: Path) -> None:
    files = contents(wheels / f"{LIGHT}-py3-none-any.whl")
    assert {name.split("/")[0] for name in files} == {"pantau", f"{LIGHT}.dist-info"}
    assert "pantau/py.typed" in files
    assert schemas(files) == generated() != {}
    assert f"{LIGHT}.dist-info/licenses/LICENSE" in files


def test_the_light_wheel_is_the_same_from_its_source_distribution(wheels: Path, tmp_path: Path) -> None:
    build(ROOT / "sdk", tmp_path, "sdist")
    done(["tar", "-xzf", f"{LIGHT}.tar.gz"], tmp_path)
    build(tmp_path / LIGHT, tmp_path)
    wheel = f"{LIGHT}-py3-none-any.whl"
    assert contents(tmp_path / wheel) == contents(wheels / wheel)


def test_the_server_s_wheel_has_what_a_server_runs_and_nothing_of_the_light_one(wheels: Path) -> None:
    files = contents(wheels / f"{SERVER}-py3-none-any.whl")
    tops = {name.split("/")[0] for name in files}
    assert tops == {"schemas", "realization", "presentation", "services", "deploy", f"{SERVER}.dist-info"}
    assert {name.split("/")[1] for name in files if name.startswith("deploy/")} == {"__init__.py", "commands"}
    assert "services/aggregator/api/web/index.html" in files


def test_alone_it_says_what_it_has_and_what_brings_the_rest(light: Environment) -> None:
    assert light.run("pantau", "--version").stdout == "pantau 0.1.0\n"
    asked = light.run("pantau", "--help")
    assert asked.returncode == 0
    assert "Not installed here: doctor, rebuild; the distribution pantau-server brings them." in " ".join(
        asked.stdout.split()
    )
    assert light.run("pantau").returncode == 2
    for command in OF_THE_SERVER:
        refused = light.run("pantau", command)
        assert refused.returncode == 2
        assert refused.stderr.splitlines() == [
            f"pantau {command} is a command of the server, for the machine that runs Pantau: install pantau-server."
        ]


def test_alone_it_imports_nothing_of_the_server(light: Environment) -> None:
    finished = light.run("python", "-I", "-c", IMPORTS_ALL)
    assert finished.returncode == 0, finished.stderr
    imported = set(finished.stdout.split())
    assert "pantau" in imported
    assert not imported & set(SERVER_ONLY)


def test_the_server_adds_its_commands(light: Environment, wheels: Path) -> None:
    light.install(wheels / f"{SERVER}-py3-none-any.whl", "--no-deps")
    assert "Not installed here" not in light.run("pantau", "--help").stdout
    looked = light.run("pantau", "doctor")  # outside of a checkout, and without PANTAU_KAFKA
    assert (looked.returncode, looked.stdout.splitlines()[-1]) == (0, "All is well.")


def test_the_commands_that_are_named_as_the_server_s_are_its_entry_points() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["entry-points"][GROUP]) == set(OF_THE_SERVER)
    light = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text())["project"]
    assert f"pantau=={light['version']}" in project["dependencies"]
