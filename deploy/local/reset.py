"""Deletes all local state: the broker's data, projections, keys and logs. Refuses while Pantau runs.

python -m deploy.local.reset
"""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

from deploy.local import settings, state


def main() -> int:
    """Wipe the state folder, if it is one."""
    here = settings.read()
    if not (here.state / state.LOCK).exists():  # never wipe a folder that no supervisor of ours has used
        print(f"Nothing to reset: {here.state} holds no state of Pantau.")
        return 0
    try:
        with state.held(here.state):
            _empty(here.state)
            (here.state / state.LOCK).unlink()
        with suppress(OSError):  # a mount point, or a link to a folder elsewhere: stays, empty
            here.state.rmdir()
    except state.UnusableError as unusable:
        print(f"{unusable} Nothing was reset.", file=sys.stderr)
        return 1
    print(f"Wiped {here.state}.")
    return 0


def _empty(folder: Path) -> None:
    """Delete everything but the lock, the record first: after an interruption only a reset fits the folder."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name != state.RECORD):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != state.LOCK:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
