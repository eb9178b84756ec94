"""Throws away all local state: the broker's data, projections, keys and logs. Refuses while Pantau runs.

python -m deploy.local.reset
"""

import shutil
import sys

from deploy.local import settings, state


def main() -> int:
    """Wipe the state folder, if it is one."""
    here = settings.read()
    if not (here.state / state.LOCK).exists():  # never wipe a folder that no supervisor of ours has used
        print(f"Nothing to reset: {here.state} holds no state of Pantau.")
        return 0
    try:
        with state.held(here.state):
            shutil.rmtree(here.state)
    except state.TakenError as taken:
        print(f"{taken} Nothing was reset.", file=sys.stderr)
        return 1
    print(f"Wiped {here.state}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
