"""The files of this checkout, for tests of rules that hold everywhere in it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*patterns: str) -> list[Path]:
    """The files that git tracks, or would add, and that are there; only those that match a pattern of git's, if given."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found = [ROOT / name for name in filter(None, listed.split("\0")) if (ROOT / name).is_file()]
    assert found
    return found
