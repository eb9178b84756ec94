"""Who may import whom: services import presentation, realization, schemas and services.kit, never one another; these
three import no framework, no clock and no I/O; what a department installs is light and imports nothing of ours but itself. A module
that is imported by its name as text counts as well."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
OURS = ("schemas", "realization", "presentation", "services", "deploy", "pantau", "samples", "tests", "benchmarks")

PURE = {  # of the standard library, what neither reads the clock nor does I/O
    "array", "bisect", "calendar", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib",
    "hmac", "itertools", "json", "math", "operator", "re", "typing", "zoneinfo",
}  # fmt: skip
CLOCKS = {"now", "today", "utcnow", "localtime", "gmtime", "monotonic", "perf_counter"}
BY_TEXT = {
    "import_module",
    "__import__",
    "find_spec",
    "run_module",
    "resolve_name",
}  # take the name of a module as text
WORLD = {"open", "print", "input", "exec", "eval", "__import__"}
TOOLS = {"schemas.generate"}  # writes the generated files; never imported

# unit: what of ours it may import beside itself
ARROWS: dict[str, tuple[str, ...]] = {
    "schemas": (),
    "realization": ("schemas",),
    "presentation": ("schemas", "realization"),
    "services.kit": ("schemas", "realization"),
    "services.programs": ("schemas", "realization", "presentation", "services.kit"),
    "services.evaluations": ("schemas", "realization", "presentation", "services.kit"),
    "services.aggregator.worker": ("schemas", "realization", "presentation", "services.kit"),
    "services.aggregator.api": ("schemas", "realization", "presentation", "services.kit"),
    "pantau": (),
}
HEAVY = {"faust", "mode", "aiokafka", "fastapi", "starlette", "uvicorn", "sqlalchemy", "psycopg", "openpyxl"}


class Module(NamedTuple):
    """A module by its dotted name, and its source."""

    name: str
    source: str


def modules() -> list[Module]:
    """Every Python module that is shipped, by the name by which it is imported."""
    found = []
    for folder in ("schemas", "realization", "presentation", "services", "sdk/pantau"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / "sdk" if folder.startswith("sdk") else ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Module(name, path.read_text("utf-8")))
    return found


def imported(module: Module) -> Iterator[str]:
    """Every module that is imported, wherever it stands; of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(ast.parse(module.source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}: relative imports hide where an arrow goes"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in BY_TEXT:
            name = node.args[0] if node.args else None
            assert isinstance(name, ast.Constant), f"{module.name}: the name of what is imported must stand in the code"
            yield str(name.value).replace(":", ".")


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def forbidden_imports(module: Module) -> list[str]:
    """Imports of ours that the arrows do not allow."""
    unit = next((each for each in ARROWS if is_in(module.name, each)), None)
    if unit is None:  # a package that only holds units
        return [name for name in imported(module) if name.split(".")[0] in OURS]
    allowed = (unit, *ARROWS[unit])
    return [
        name
        for name in imported(module)
        if name.split(".")[0] in OURS
        and not any(is_in(name, package) for package in allowed)
        and not any(is_in(package, name) for package in allowed if "." in package)  # `from services import kit`
    ]


def impurities(module: Module, frameworks: tuple[str, ...]) -> list[str]:
    """What a pure module must not do: import beyond `PURE`, read the clock, do I/O."""
    found = []
    for name in imported(module):
        top = name.split(".")[0]
        if top not in PURE and top not in ("schemas", "realization", "presentation", *frameworks):
            found.append(f"imports {name}")
    for node in ast.walk(ast.parse(module.source)):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            found.append(f"line {node.lineno} asks for the time: {node.attr}")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WORLD:
            found.append(f"line {node.lineno} touches the world: {node.func.id}")
    return found


MODULES = modules()
BY_NAME = {module.name: module for module in MODULES}


@pytest.mark.parametrize("name", BY_NAME)
def test_arrows_between_our_packages_go_one_way(name: str) -> None:
    assert forbidden_imports(BY_NAME[name]) == []


@pytest.mark.parametrize("name", [name for name in BY_NAME if is_in(name, "schemas") and name not in TOOLS])
def test_the_contract_needs_its_two_model_libraries_and_nothing_else(name: str) -> None:
    assert impurities(BY_NAME[name], ("pydantic", "pydantic_core", "msgspec")) == []


@pytest.mark.parametrize(
    "name", [name for name in BY_NAME if is_in(name, "realization") or is_in(name, "presentation")]
)
def test_realization_and_presentation_need_the_contract_and_nothing_else(name: str) -> None:
    assert impurities(BY_NAME[name], ("msgspec",)) == []  # for its structs: a claim is one, and there are millions


def test_a_tool_is_never_imported() -> None:
    assert [module.name for module in MODULES for tool in TOOLS if tool in imported(module)] == []


@pytest.mark.parametrize("name", [name for name in BY_NAME if is_in(name, "pantau")])
def test_what_a_department_installs_brings_no_server(name: str) -> None:
    assert [each for each in imported(BY_NAME[name]) if each.split(".")[0] in HEAVY] == []


def test_every_package_of_a_service_is_under_the_rule() -> None:
    loose = [name for name in BY_NAME if not any(is_in(name, unit) for unit in ARROWS)]

    assert set(loose) <= {"services", "services.aggregator"}


# --- that the rules find what they are for


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("services.programs.routes", "from services.evaluations import app"),
        ("services.programs.routes", "import services.evaluations.app"),
        ("services.evaluations.app", "from services import programs"),
        ("services.aggregator.api.app", "from services.aggregator.worker.state import PartitionState"),
        ("services.aggregator.worker.app", "from services.aggregator import api"),
        ("services.kit.auth.keyring", "from services.programs.projection import tables"),
        ("services.programs.app", "from deploy.local import settings"),
        ("services.programs.app", "def late():\n    from pantau import cli"),
        ("services.programs.app", "from tests import oracle"),
        ("realization.plan_facts", "from services.kit import settings"),
        ("realization.formulas", "from presentation.words import label"),
        ("schemas.vocabulary", "from presentation import words"),
        ("presentation.words", "from services.kit import settings"),
        ("schemas.registry", "from realization.plan_facts import PlanFacts"),
        ("pantau.cli", "from services.kit.settings import Settings"),
        ("pantau.cli", "from schemas import registry"),
        ("pantau.cli", "def late():\n    importlib.import_module('deploy.local.checkup')"),
        ("pantau.cli", "if util.find_spec('services'): pass"),
        ("pantau.cli", "__import__('realization')"),
        ("services.programs.app", "pkgutil.resolve_name('deploy.local.settings:read')"),
        ("services", "from services import kit"),
    ],
)
def test_an_arrow_the_wrong_way_is_found(name: str, source: str) -> None:
    assert forbidden_imports(Module(name, source))


def test_a_module_whose_name_is_computed_is_refused() -> None:
    with pytest.raises(AssertionError, match="must stand in the code"):
        forbidden_imports(Module("pantau.cli", "import_module(name)"))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("services.programs.routes", "from services import kit"),
        ("services.programs.routes", "from services.kit.auth.keyring import check\nfrom schemas import sources"),
        ("services.aggregator.worker.app", "import faust\nfrom realization.snapshot import Live"),
        ("services.programs.a.b", "from services.programs import app"),
        ("pantau.client", "from pantau import cli\nimport httpx"),
        ("pantau.cli", "import_module('json')"),
    ],
)
def test_an_arrow_the_right_way_is_let_be(name: str, source: str) -> None:
    assert forbidden_imports(Module(name, source)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time", "import os", "from pathlib import Path", "import logging", "import asyncio", "import random",
        "import fastapi", "from datetime import datetime\nx = datetime.now()", "x = date.today()", "f = datetime.now",
        "open('x')", "print(1)", "import urllib.request", "from pydantic import BaseModel",
    ],
)  # fmt: skip
def test_a_clock_and_io_are_found(source: str) -> None:
    assert impurities(Module("realization.plan_facts", source), ())


def test_what_is_called_pure_is_in_the_standard_library() -> None:
    assert set(sys.stdlib_module_names) >= PURE
