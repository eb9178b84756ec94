"""`make test` runs every test; `make quick` and `make browser` run folders of their own, and `make quick` starts nothing."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
NOTHING_RUNS = {
    "tests.parts.facts",
    "tests.parts.history",
    "tests.parts.waiting",
    "tests.parts.secured_broker.authority",
}
STARTERS = {"deploy.local.broker", "deploy.local.children", "playwright"}


def of_make(variable: str) -> set[str]:
    """The folders that a variable of the Makefile names."""
    found = re.search(rf"^{variable} := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found is not None
    return set(found[1].split())


QUICK, BROWSER = of_make("QUICK"), of_make("BROWSER")


def test_make_test_runs_every_folder_once_and_the_others_run_their_own() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    folders = {str(file.parent.relative_to(ROOT)) for file in TESTS.rglob("test_*.py")}
    assert sorted(whole) == sorted(folders)
    assert folders >= QUICK | BROWSER
    assert not QUICK & BROWSER
    assert {"tests/unit", "tests/rules"} == QUICK


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules a file imports, and `module.name` for each name it imports from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def fixtures() -> set[str]:
    """The fixtures that tests.parts offers to every test."""
    return {
        node.name
        for file in (TESTS / "parts").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(each) for each in node.decorator_list)
    }


def starts(name: str) -> bool:
    """Whether what is imported may start a broker, a database server, a browser or another process."""
    return _is_in(name, STARTERS | {"tests.parts"}) and not _is_in(name, NOTHING_RUNS)


def _is_in(name: str, those: set[str]) -> bool:
    return any(f"{name}.".startswith(f"{each}.") for each in those)


def test_a_quick_test_starts_no_broker_database_or_browser() -> None:
    offered = fixtures()
    found = []
    for file in sorted(file for folder in QUICK for file in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(file.read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        asked = {argument.arg for node in functions for argument in node.args.args} & offered
        found += [f"{file.relative_to(ROOT)}: {name}" for name in (*filter(starts, imports(tree)), *asked)]
    assert found == []


def test_what_starts_a_broker_a_database_or_a_browser_is_known() -> None:
    assert fixtures() >= {"broker", "own_broker", "postgres_url", "browser", "page", "processes", "installed"}
    assert all(map(starts, ("tests.parts.broker", "tests.parts.cluster.running", "playwright.sync_api")))
