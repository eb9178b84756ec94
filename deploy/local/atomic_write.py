"""Files that are there whole or not at all, whenever the process that writes them is killed or the power goes."""

import os
from pathlib import Path

FOR_OWNER, FOR_ALL = 0o600, 0o644


def write(file: Path, text: str, *, mode: int = FOR_OWNER) -> None:
    """Write a file in place of the one that may be there. By default only its owner can read it."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())  # before the rename: else a power cut could leave the name with nothing behind it
    unfinished.replace(file)
