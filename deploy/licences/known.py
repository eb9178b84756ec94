"""The licence of what is locked: that of known.toml, else that of the installed Python package.

known.toml lists what is not installed here (jars, Go, npm) and what does not name its licence clearly. It names versions,
because a project may change its licence with any of them.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from deploy.licences import locked
from deploy.licences.expressions import is_allowed
from deploy.licences.locked import Kind, Locked

TABLE = Path(__file__).with_name("known.toml")

# How packages name their licences in `License`, where they do not write SPDX, and in their classifiers.
NAMES = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


@cache
def table() -> Mapping[str, Any]:
    """known.toml."""
    return tomllib.loads(TABLE.read_text())


def listed(kind: Kind) -> Mapping[str, str]:
    """The licences that known.toml has of a kind, by name and version."""
    if kind == "Java":
        return {key: licence for pom in (*table()["Java"].values(), table()["Maven"]) for key, licence in _jars(pom)}
    licences: Mapping[str, str] = table()[kind]
    return licences


def everything() -> list[Locked]:
    """All that is locked, and the jars that come with it."""
    there = locked.everything()
    names = {(one.kind, one.key) for one in there}
    for pom, use in locked.POMS.items():
        for key, _ in _jars(table()["Java"].get(pom, {})):
            if ("Java", key) not in names:
                names.add(("Java", key))
                name, version = key.split(" ")
                there.append(Locked("Java", name, version, use))
    return there


def licence_of(one: Locked) -> str | None:
    """An SPDX expression; None where it is not known."""
    return listed(one.kind).get(one.key) or (_installed(one) if one.kind == "Python" else None)


def problems() -> Iterator[str]:
    """The problems with what is locked, each with what to do."""
    for one in everything():
        licence = licence_of(one)
        if licence is None:
            yield (
                f"{one.kind} {one.key} is locked and its licence is not known: read it in the package or its repository, "
                f'and add "{one.key}" with its SPDX expression to {TABLE.relative_to(locked.ROOT)}'
            )
        elif not is_allowed(licence):
            yield (
                f"{one.kind} {one.key} is under {licence}, which is not allowed: use something else, or argue for it in "
                "deploy/licences/expressions.py"
            )
    for pom in locked.POMS:
        if table()["Java"].get(pom, {}).get("pom") != locked.pom_digest(pom):
            yield (
                f"{pom} has changed: fetch its jars (mvn -f {pom} dependency:copy-dependencies), list them with the licences "
                f'of their poms under [Java."{pom}"] in known.toml, and set `pom` to "{locked.pom_digest(pom)}"'
            )
    keys = {(one.kind, one.key) for one in everything()}
    for kind in ("Python", "Java", "Go", "npm"):
        for key in listed(kind):
            if (kind, key) not in keys:
                yield f"{kind} {key} is in known.toml and no longer locked: delete it there"


def _jars(pom: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from ((key, licence) for key, licence in pom.items() if key != "pom")


def _installed(one: Locked) -> str | None:
    """The licence that the package says it has, if this very version is installed."""
    try:
        package = metadata(one.name).json
    except PackageNotFoundError:
        return None
    if package["version"] != one.version:
        return None
    if expression := package.get("license_expression"):
        return str(expression)
    text = str(package.get("license", "")).strip()
    if _is_spdx(text):
        return text
    return next((NAMES[name] for name in (text, *package.get("classifier", ())) if name in NAMES), None)


def _is_spdx(text: str) -> bool:
    try:
        return is_allowed(text)
    except ValueError:
        return False
