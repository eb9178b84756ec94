"""A kind of event is added as docs/first-change.md says, word for word, in a copy of the tree; and none can be forgotten."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.registry import ERASURE, KINDS, REPORT, Kind, RegistryError, handlers

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first-change.md").read_text("utf-8")
COPIED = ("schemas", "realization", "presentation", "services", "samples", "tests", "pyproject.toml")

_STEP = re.compile(
    r"^In (?P<new>the new file )?`(?P<path>[^`]+)`(?:, (?P<how>above|in place of) the first line `(?P<line>[^`\n]+)`)?:\n\n```\w+\n(?P<text>.*?)```$",
    re.MULTILINE | re.DOTALL,
)
_ROW = re.compile(r"^\| `(?P<path>[^`]+)` \| (?P<how>by hand|generated|copied)", re.MULTILINE)


class Step(NamedTuple):
    """A text that the page puts above a line of a file, in its place, or into a new file."""

    path: str
    line: str | None
    replaces: bool
    text: str


STEPS = [
    Step(found["path"], found["line"], found["how"] == "in place of", found["text"]) for found in _STEP.finditer(PAGE)
]
LISTED = {found["path"]: found["how"] for found in _ROW.finditer(PAGE)}


def apply(step: Step, tree: Path) -> None:
    path = tree / step.path
    if step.line is None:
        assert not path.exists(), f"{step.path} is no new file"
        path.write_text(step.text, "utf-8")
        return
    lines = path.read_text("utf-8").splitlines(keepends=True)
    at = lines.index(step.line + "\n")
    path.write_text("".join([*lines[:at], step.text, *lines[at + step.replaces :]]), "utf-8")


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-B", *arguments)
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree as it is."""
    tree = tmp_path_factory.mktemp("scratch")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "published"))
        else:
            shutil.copy(ROOT / name, tree / name)
    shutil.copytree(ROOT / "tests/golden/published", tree / "tests/golden/published")
    return tree


USED = """
import json
from pathlib import Path
from schemas.facts import Fact, parse_fact
from schemas.registry import BY_TYPE
from services.aggregator.api.projection import _settles_on
from services.aggregator.worker.records import InputRecord
from services.kit.projection.facts import decode_fact
from services.aggregator.worker.state import PartitionState
from services.programs.projection import _Rows, _take
from services.programs.events import queries
from services.evaluations import app
from tests.oracle import ENTERS_BY
from tests.parts.facts import SECRET
from tests.parts.history import plan_version

TYPE = "id.pantau.certificate.checked.v1"
PLAN = "kota-pontianak-2019-2028"
AT = {"specversion": "1.0", "time": "2021-01-01T00:00:00Z"}
certificate = json.loads(Path(f"tests/golden/{TYPE}.json").read_text())["full"]["event"]
certificate["data"]["program"] = "P-000"
version = AT | {"id": "v", "source": f"/plans/{PLAN}/council", "type": "id.pantau.masterplan.version.published.v1", "data": plan_version(3)}
report = AT | {"id": "r", "source": f"/plans/{PLAN}/departments/dinkes", "type": "id.pantau.program.status.reported.v1"}
report["data"] = {"program": "P-000", "status": "realized", "physical": "100", "effective_on": "2020-12-01"}

state, facts, private = PartitionState(0, 1, SECRET), [], []
for offset, event in enumerate((version, report, certificate)):
    folded = state.fold(ENTERS_BY[event["type"]], [InputRecord(offset, 1_610_000_000_000 + offset, None, json.dumps(event).encode())])
    assert folded.accepted == 1, folded.refused
    facts += folded.facts
    private += folded.private
assert state.snapshot(PLAN).cells["overall"]["overall"][:4] == (3, 1, 1, 1), "it verifies the program"
again = PartitionState(0, 1, SECRET)
for message in facts:
    again.restore(decode_fact(message.key, message.value), message.value)
assert again.snapshot(PLAN) == state.snapshot(PLAN)
fact = parse_fact(facts[-1].value)
assert isinstance(fact, Fact)
assert facts[-1].key.startswith(f"{PLAN}/certificate/".encode())
assert state.plan_facts(PLAN).standing(fact).value == "current"
assert b"BAST" not in facts[-1].value and b"BAST" in private[-1].value, "its note is private"
rows = _Rows([], [], [], [], [], [])
_take(rows, fact, facts[-1].value)
assert [program for _, program, _ in rows.mentions] == ["P-000"], "the projection finds it by its program"
assert _settles_on(fact).isoformat() == "2020-12-30"
late = certificate | {"id": "c-3", "data": certificate["data"] | {"checked_on": "2999-01-01"}}
refused = state.fold("evaluations", [InputRecord(9, 1_610_000_000_000, None, json.dumps(late).encode())]).refused
assert refused[0].why.reason.value == "future_date"
"""


def test_a_kind_is_added_by_the_steps_of_the_page_and_they_change_what_it_lists(scratch: Path) -> None:
    before = contents(scratch)
    entry = [step for step in STEPS if step.path in {"schemas/certificates.py", "schemas/registry.py"}]
    for step in entry:
        apply(step, scratch)
    forgotten = run(scratch, "-c", "import services.aggregator.worker.state")
    assert forgotten.returncode, "a kind without handlers is passed over in silence"
    assert "the fold of a plan's facts: missing ['certificate'], not expected none" in forgotten.stderr
    assert "the fold of a plan's facts: missing ['certificate'], not expected none" in PAGE

    for step in STEPS:
        if step not in entry:
            apply(step, scratch)
    generated = run(scratch, "-m", "schemas.generate")
    assert not generated.returncode, generated.stderr
    for path in (scratch / "schemas/jsonschema").glob("*.json"):
        shutil.copy(path, scratch / "tests/golden/published")

    after = contents(scratch)
    assert {path for path in after if after[path] != before.get(path)} == LISTED.keys()
    assert {step.path for step in STEPS} == {path for path, how in LISTED.items() if how == "by hand"}
    used = run(scratch, "-c", USED)
    assert not used.returncode, used.stderr
    tests = (
        "tests/unit/test_schemas_golden_events.py",
        "tests/unit/test_schemas_stay_compatible.py",
        "tests/unit/test_realization_and_the_oracle.py",
    )
    held = run(
        scratch,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-k",
        "certificate or each_type or latest or every_visit_stands",
        *tests,
    )
    assert not held.returncode, held.stdout


def contents(tree: Path) -> dict[str, bytes]:
    """Every file, by its path."""
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


# --- that no table can lack a kind


class Table(NamedTuple):
    """A table of handlers: the module it stands in, and which call of `handlers` in its source it is."""

    path: Path
    number: int
    title: str
    kinds: tuple[str, ...]


def _calls(tree: ast.Module) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "handlers"
    ]


def _tables() -> Iterator[Table]:
    for folder in ("realization", "services"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for number, call in enumerate(_calls(ast.parse(path.read_text("utf-8")))):
                title, _, by_kind = call.args
                assert isinstance(title, ast.Constant)
                assert isinstance(title.value, str)
                assert isinstance(by_kind, ast.Dict)
                yield Table(path, number, title.value, tuple(ast.unparse(key) for key in by_kind.keys if key))


TABLES = list(_tables())
GAPS = [(table, kind) for table in TABLES for kind in table.kinds]


def run_module(path: Path, tree: ast.Module) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    exec(
        compile(ast.fix_missing_locations(tree), path, "exec"), {"__name__": name}
    )  # our own source, one entry shorter


@pytest.mark.parametrize(
    ("table", "kind"), GAPS, ids=[f"{table.path.stem}-{table.number}-{kind}" for table, kind in GAPS]
)
def test_a_table_without_one_of_its_kinds_fails_at_import(table: Table, kind: str) -> None:
    tree = ast.parse(table.path.read_text("utf-8"))
    by_kind = _calls(tree)[table.number].args[2]
    assert isinstance(by_kind, ast.Dict)
    at = table.kinds.index(kind)
    del by_kind.keys[at], by_kind.values[at]

    with pytest.raises(RegistryError, match=re.escape(table.title)):
        run_module(table.path, tree)


def test_the_tables_are_those_we_know() -> None:
    assert {table.title for table in TABLES} == {
        "the fold of a plan's facts",
        "the standing of a fact",
        "the worker's state beside the fold",
    }


REGISTRY = ROOT / "schemas" / "registry.py"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_without_an_entry_fails_at_import(kind: Kind) -> None:
    tree = ast.parse(REGISTRY.read_text("utf-8"))
    (entries,) = (node for node in tree.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "KINDS")
    assert isinstance(entries.value, ast.Tuple)
    del entries.value.elts[KINDS.index(kind)]

    with pytest.raises(Exception, match="`Event` and `KINDS` do not have the same kinds"):
        run_module(REGISTRY, tree)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_that_is_not_in_the_union_of_events_fails_at_import(kind: Kind) -> None:
    text = REGISTRY.read_text("utf-8")
    union = text[text.index("Event = Annotated[") : text.index('Field(discriminator="type")')]
    models = [each.model.__name__ for each in KINDS if each is not kind]
    shorter = text.replace(union, f"Event = Annotated[{' | '.join(models)}, ")

    with pytest.raises(Exception, match="`Event` and `KINDS` do not have the same kinds"):
        run_module(REGISTRY, ast.parse(shorter))


def test_a_table_with_a_kind_that_it_must_not_treat_fails() -> None:
    with pytest.raises(RegistryError, match=r"missing none, not expected \['erasure'\]"):
        handlers("a table", [REPORT], {REPORT: 1, ERASURE: 2})
