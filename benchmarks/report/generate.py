"""Writes the pages generated from results.json, or checks that they are up to date.

Run: python -m benchmarks.report.generate [--check]
"""

import argparse
import sys
from pathlib import Path

from benchmarks import results
from benchmarks.report import page, scaling

DOCS = Path(__file__).parents[2] / "docs"


def rendered() -> dict[Path, str]:
    """The text of every file."""
    kept = results.read()
    return {
        DOCS / "benchmarks.md": page.text(kept),
        DOCS / "scaling.md": scaling.text(kept),
    }


def main() -> None:
    """Write, or with --check only compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is not up to date")
    check = parser.parse_args().check
    stale = [path for path, text in rendered().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"not what results.json says: {path.name}", file=sys.stderr)
        else:
            path.write_text(rendered()[path])
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
