"""What must not stand in any committed file: hosts of package registries, paths of one machine, and modules that are
called after nothing."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# Written in parts, because this file is committed too.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("pypi", "python", "org"), ("npmjs", "org"), ("npmjs", "com"),
        ("yarnpkg", "com"), ("repo", "maven", "apache", "org"), ("repo1", "maven", "org"), ("central", "sonatype", "com"),
        ("proxy", "golang", "org"), ("crates", "io"), ("rubygems", "org"), ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"), ("unpkg", "com"), ("jsdelivr", "net"), ("cdnjs", "cloudflare", "com"),
    )
)  # fmt: skip
OF_A_MACHINE = re.compile("/" + r"(?:work/(?:main|shared)|root/|home/[a-z][a-z0-9_-]*/|Users/[A-Za-z])|[A-Z]:\\Users")
INDEX_OPTION = re.compile(
    "-" + r"-(?:extra-)?index-url[ =]\S*://|[\"']?(?:index|registry)(?:[-_]?url)?[\"']?\s*[:=]\s*[\"']?https?://"
)
NAMELESS = {"util", "utils", "common", "commons", "helper", "helpers", "manager", "managers", "misc", "shared"}
CODE = {".py", ".js", ".mjs", ".ts", ".sh"}


@cache
def committed() -> dict[str, str]:
    """The text of every committed file, as it stands now, by its path."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = {}
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                found[name] = content.decode("utf-8")
    return found


def lines_with(pattern: re.Pattern[str], text: str) -> list[str]:
    return [line.strip()[:200] for line in text.splitlines() if pattern.search(line)]


HOSTS = re.compile("|".join(map(re.escape, REGISTRIES)))


def findings(pattern: re.Pattern[str]) -> list[str]:
    return [f"{name}: {line}" for name, text in committed().items() for line in lines_with(pattern, text)]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert findings(HOSTS) == []
    assert findings(INDEX_OPTION) == []


def test_locks_name_versions_and_hashes_and_no_address() -> None:
    locks = {name: text for name, text in committed().items() if name.startswith("requirements/")}
    assert locks
    for name, text in locks.items():
        assert "://" not in text, name
        if name.endswith(".txt"):
            pinned = re.findall(r"^[A-Za-z0-9_.-]+(?:\[[^]]*\])?==\S+", text, re.MULTILINE)
            assert pinned, name
            assert text.count("--hash=sha256:") >= len(pinned), name


def test_the_pom_names_no_repository() -> None:
    for name, text in committed().items():
        if name.endswith("pom.xml"):
            assert "<repositor" not in text, name
            assert "<pluginRepositor" not in text, name


def test_no_file_holds_a_path_of_one_machine() -> None:
    assert findings(OF_A_MACHINE) == []
    here = re.compile(re.escape(str(ROOT)) + r"\b")
    if len(ROOT.parts) > 2:
        assert findings(here) == []


def nameless(name: str) -> Iterator[str]:
    """Words in the path of a module that say nothing of what is in it."""
    path = Path(name)
    if path.suffix in CODE:
        for part in path.with_suffix("").parts:
            if set(re.split(r"[_-]", part.lower())) & NAMELESS:
                yield part


def test_no_module_is_called_after_nothing() -> None:
    assert [name for name in committed() if any(nameless(name))] == []


def test_what_is_committed_is_text_in_utf_8_without_carriage_returns() -> None:
    assert [name for name, text in committed().items() if "\r" in text] == []


# --- that the rules find what they are for


@pytest.mark.parametrize("host", REGISTRIES)
def test_a_registry_is_found(host: str) -> None:
    assert lines_with(HOSTS, f"x\nurl = https://{host}/simple\n")


@pytest.mark.parametrize(
    "line",
    [
        "-" + "-index" + "-url https://mirror.example/simple", "-" + "-extra-index" + "-url=https://mirror.example/simple",
        "index" + '-url = "https://mirror.example/simple"', "registry" + "=https://mirror.example/",
    ],
)  # fmt: skip
def test_an_address_of_an_index_is_found(line: str) -> None:
    assert lines_with(INDEX_OPTION, line)


@pytest.mark.parametrize("path", ["work" + "/main/x", "root" + "/.cache", "home" + "/budi/pantau", "Users" + "/budi"])
def test_a_path_of_one_machine_is_found(path: str) -> None:
    assert lines_with(OF_A_MACHINE, f"cd /{path}")


@pytest.mark.parametrize(
    "line", ["/usr/lib/postgresql", "the project's root/", "/plans/pontianak", "~/.cache", "GET /"]
)
def test_a_path_of_any_machine_is_let_be(line: str) -> None:
    assert not lines_with(OF_A_MACHINE, line)


@pytest.mark.parametrize(
    "name", ["services/utils.py", "services/common/keys.py", "web/lib/helpers.js", "services/kit/key_manager.py"]
)
def test_a_module_called_after_nothing_is_found(name: str) -> None:
    assert any(nameless(name))


def test_a_module_with_a_role_is_let_be() -> None:
    assert not any(nameless("services/kit/projection/follower.py"))
    assert not any(nameless("docs/common.md"))
