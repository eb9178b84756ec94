"""Everything that is locked is under a licence that is known and allowed; docs/licences.md lists it."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from deploy.licences import known, locked
from deploy.licences.expressions import is_allowed
from deploy.licences.locked import Locked

ROOT = Path(__file__).parents[2]
APACHE_2_0 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"  # of its text at apache.org


def test_everything_locked_has_a_known_and_allowed_licence() -> None:
    assert list(known.problems()) == []


def test_every_lock_is_read() -> None:
    found = {(one.kind, one.use) for one in known.everything()}

    assert {("Python", use) for use in ("run", "test", "build")} <= found
    assert {("Java", "run"), ("Java", "bench"), ("Java", "build"), ("Go", "test"), ("npm", "test")} <= found
    pinned = {path.stem for path in (ROOT / "requirements").glob("*.txt")}
    assert pinned == locked.PYTHON.keys()
    ignored = {".venv", ".cache", "node_modules"}
    poms = {
        str(path.relative_to(ROOT)) for path in ROOT.rglob("pom.xml") if not ignored & set(path.relative_to(ROOT).parts)
    }
    assert poms == locked.POMS.keys()


def test_pantau_is_under_the_apache_licence() -> None:
    for distribution in (ROOT, ROOT / "sdk"):
        project = tomllib.loads((distribution / "pyproject.toml").read_text())["project"]
        assert project["license"] == "Apache-2.0"
        assert project["license-files"] == ["LICENSE"]
        assert hashlib.sha256((distribution / "LICENSE").read_bytes()).hexdigest() == APACHE_2_0


# --- that the rule finds what it is for


@pytest.mark.parametrize(
    "expression",
    [
        "MIT",
        "MIT OR AGPL-3.0-only",
        "Apache-2.0 AND MIT",
        "MPL-2.0 AND (Apache-2.0 OR GPL-2.0-only)",
        "LicenseRef-Repoze",
    ],
)
def test_a_licence_is_allowed(expression: str) -> None:
    assert is_allowed(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "AGPL-3.0-only",
        "MIT AND AGPL-3.0-or-later",
        "(MIT OR Apache-2.0) AND SSPL-1.0",
        "LicenseRef-Proprietary",
        "BUSL-1.1",
    ],
)
def test_a_licence_is_refused(expression: str) -> None:
    assert not is_allowed(expression)


@pytest.mark.parametrize("expression", ["", "MIT License", "MIT OR", "(MIT", "MIT, Apache-2.0"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"expression|parenthesis|missing"):
        is_allowed(expression)


def problems_with(monkeypatch: pytest.MonkeyPatch, *more: Locked, without: str = "") -> list[str]:
    there = [one for one in known.everything() if one.name != without]
    monkeypatch.setattr(known, "everything", lambda: [*there, *more])
    return list(known.problems())


def test_a_new_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = problems_with(monkeypatch, Locked("Python", "new-package", "1.0", "run"))
    assert 'add "new-package 1.0" with its SPDX expression to deploy/licences/known.toml' in problem


def test_a_known_package_at_another_version_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = problems_with(monkeypatch, Locked("Go", "github.com/IBM/sarama", "v2.0.0", "test"))
    assert "its licence is not known" in problem


def test_a_package_under_a_refused_licence_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "licence_of", lambda one: "AGPL-3.0-only" if one.name == "uv" else "MIT")
    (problem,) = known.problems()
    assert re.match(r"Python uv \S+ is under AGPL-3.0-only, which is not allowed", problem)


def test_a_pom_that_changed_asks_for_its_jars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked, "pom_digest", lambda pom: "0" * 12)
    assert all("has changed: fetch its jars" in problem for problem in known.problems())
    assert len(list(known.problems())) == len(locked.POMS)


def test_a_licence_of_what_is_gone_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = problems_with(monkeypatch, without="kafkajs")
    assert problem == "npm kafkajs 2.2.4 is in known.toml and no longer locked: delete it there"
