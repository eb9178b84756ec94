"""Writes docs/licences.md, or checks that it is what the locks and known.toml say.

Run: python -m deploy.licences.generate [--check]
"""

import argparse
import sys
from collections.abc import Iterator

from deploy.licences import known
from deploy.licences.expressions import ALLOWED
from deploy.licences.locked import ROOT, Use

PAGE = ROOT / "docs" / "licences.md"

BEGINNING = """\
# Licences

Pantau is under the [Apache License 2.0](../LICENSE). This page lists what it locks: name, version, licence as an
[SPDX](https://spdx.org/licenses/) expression. It is written by `python -m deploy.licences.generate` from the locks, the installed packages
and `deploy/licences/known.toml`. `make check` fails when something is locked whose licence is unknown or not one of these:
"""

USES: dict[Use, str] = {
    "run": "What runs",
    "test": "What only tests, checks and examples need",
    "bench": "What only benchmarks need",
    "build": "What installs and builds",
}


def text() -> str:
    """The whole page."""
    return "\n".join([BEGINNING, ", ".join(f"`{one}`" for one in sorted(ALLOWED)) + ".", *_sections()])


def _sections() -> Iterator[str]:
    everything = sorted(known.everything(), key=lambda one: (one.name.lower(), one.version))
    for use, title in USES.items():
        yield f"\n## {title}\n\n| name | version | licence | of |\n|---|---|---|---|"
        for one in everything:
            if one.use == use:
                yield f"| {one.name} | {one.version} | {known.licence_of(one) or '**unknown**'} | {one.kind} |"
    yield ""


def main() -> None:
    """Write, or with --check only compare. Says what is wrong with what is locked; exits 1 then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the page is not up to date")
    check = parser.parse_args().check
    problems = list(known.problems())
    for problem in problems:
        print(problem, file=sys.stderr)
    written = text()
    stale = not PAGE.exists() or PAGE.read_text() != written
    if check and stale:
        print(f"not what the locks say: {PAGE.name}", file=sys.stderr)
    elif stale:
        PAGE.write_text(written)
    sys.exit(1 if problems or (check and stale) else 0)


if __name__ == "__main__":
    main()
