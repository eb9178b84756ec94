"""Stops what `make run` started on this state folder, from elsewhere.

python -m deploy.local.stop
"""

import os
import signal
import sys
import time
from contextlib import suppress

from deploy.local import settings, state

PATIENCE_SECONDS = 10.0


def main() -> int:
    """Ask the supervisor to stop and wait for it."""
    here = settings.read()
    try:
        pid = state.holder(here.state)
        if pid is None:
            print(f"Nothing runs on {here.state}.")
            return 0
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    except PermissionError as error:
        print(f"{here.state} is used by another user's process ({error}): only that user can stop it.", file=sys.stderr)
        return 1
    except state.UnusableError as unusable:
        print(unusable, file=sys.stderr)
        return 1
    ends = time.monotonic() + PATIENCE_SECONDS
    while state.holder(here.state) == pid:
        if time.monotonic() > ends:
            print(f"Process {pid} still runs after {PATIENCE_SECONDS:g} s.", file=sys.stderr)
            return 1
        time.sleep(0.05)
    print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
