"""Everything that this checkout locks: Python packages, jars and Maven's plugins, modules of Go, packages of npm."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
Kind = Literal["Python", "Java", "Go", "npm"]
Use = Literal["run", "test", "bench", "build"]

# The first lock that names a version says what it is used for.
PYTHON: dict[str, Use] = {"run": "run", "test": "test", "build": "build"}
POMS: dict[str, Use] = {"deploy/local/kafka/pom.xml": "run", "benchmarks/peers/streams/pom.xml": "bench"}
GO, NPM = "tests/clients/go/go.mod", "tests/clients/kafkajs/package-lock.json"

PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
GO_REQUIRES = re.compile(r"^\t(\S+) (v\S+)", re.MULTILINE)
MAVEN = "{http://maven.apache.org/POM/4.0.0}"


class Locked(NamedTuple):
    """One thing at one version, and the first use there is of it."""

    kind: Kind
    name: str
    version: str
    use: Use

    @property
    def key(self) -> str:
        """How known.toml names it."""
        return f"{self.name} {self.version}"


def everything() -> list[Locked]:
    """All that is locked, each version once. A pom names only what it asks for itself; known.toml has what that brings."""
    found: dict[tuple[Kind, str, str], Locked] = {}
    for one in (*_python(), *_java(), *_go(), *_npm()):
        found.setdefault((one.kind, one.name, one.version), one)
    return list(found.values())


def pom_digest(pom: str) -> str:
    """The name of a version of a pom: the first digits of its SHA-256."""
    return hashlib.sha256((ROOT / pom).read_bytes()).hexdigest()[:12]


def _python() -> Iterator[Locked]:
    for lock, use in PYTHON.items():
        for name, version in PIN.findall((ROOT / "requirements" / f"{lock}.txt").read_text()):
            yield Locked("Python", name, version, use)


def _java() -> Iterator[Locked]:
    for pom, use in POMS.items():
        tree = ElementTree.parse(ROOT / pom)  # noqa: S314 - a committed file
        for element in ("dependency", "plugin"):
            for one in tree.iter(MAVEN + element):
                name, version = one.findtext(f"{MAVEN}artifactId"), one.findtext(f"{MAVEN}version")
                assert name and version, f"{pom}: a {element} without name or version"
                yield Locked("Java", name, version, use if element == "dependency" else "build")


def _go() -> Iterator[Locked]:
    for name, version in GO_REQUIRES.findall((ROOT / GO).read_text()):
        yield Locked("Go", name, version, "test")


def _npm() -> Iterator[Locked]:
    for path, one in json.loads((ROOT / NPM).read_text())["packages"].items():
        if path:
            yield Locked("npm", path.rpartition("node_modules/")[2], one["version"], "test")
