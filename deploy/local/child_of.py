"""Runs a command that ends with the process that started it, however that one ends.

    python -I -S deploy/local/child_of.py PARENT COMMAND [ARGUMENT...]

PARENT is the process id of the starter. The command takes this process over (exec), so the starter sees its id, its
signals and its exit code. The kernel sends SIGKILL when the *thread* that started us ends: start from a main thread.
Run as a file, not a module, so that nothing else is imported before the command.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Bind to the parent, put signals back to normal, become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        sys.exit(f"bound: prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it ended before the kernel watched it for us
        sys.exit("bound: the parent has ended")
    for each in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
    ):  # a starter may ignore or block them; a command must not
        signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"bound: {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
