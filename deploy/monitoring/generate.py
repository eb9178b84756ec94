"""Writes the dashboards that Grafana is provisioned with, or checks that they are what the code says.

Run: python -m deploy.monitoring.generate [--check]
"""

import argparse
import json
import sys
from pathlib import Path

from deploy.monitoring.dashboards import DASHBOARDS

FOLDER = Path(__file__).parent / "grafana" / "dashboards"


def rendered() -> dict[Path, str]:
    """The text of every dashboard file."""
    return {
        FOLDER / f"{dashboard.uid}.json": json.dumps(dashboard.json(), indent=2, ensure_ascii=False) + "\n"
        for dashboard in DASHBOARDS
    }


def stale() -> list[Path]:
    """Files that are not what the code says, are missing, or belong to no dashboard."""
    wanted = rendered()
    differ = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    return differ + sorted(set(FOLDER.glob("*.json")) - wanted.keys())


def main() -> None:
    """Write, or with --check only compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is not up to date")
    if parser.parse_args().check:
        found = stale()
        for path in found:
            print(f"not what the code says: {path.name}", file=sys.stderr)
        sys.exit(1 if found else 0)
    wanted = rendered()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in stale():
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
