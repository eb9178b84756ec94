"""The secret that the services of this machine share: intake signs with it, the worker salts digests with it.

Made at the first start and never again: facts hold what was computed with it, so it belongs to the state as the log does.
"""

import secrets
import sys
from pathlib import Path

from deploy.local import atomic_write

FILE = "secret"
BYTES = 32


def make(state: Path) -> None:
    """A new secret in the state folder, where there is none yet."""
    if not (state / FILE).exists():
        atomic_write.write(state / FILE, secrets.token_hex(BYTES))


def read(state: Path) -> str:
    """The secret, in hex. If it is missing or damaged, ends this process with one line."""
    file = state / FILE
    try:
        text = file.read_text().strip()
        if len(bytes.fromhex(text)) == BYTES:
            return text
    except (OSError, ValueError):  # not there, not readable, or no hex
        pass
    sys.exit(
        f"{file} does not hold the {2 * BYTES} hex digits that the facts in {state} were made with: "
        "put it back from your backup, or `make reset` and begin anew."
    )
