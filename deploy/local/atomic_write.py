"""Writes files completely or not at all, even if the process is killed or the power fails meanwhile."""

import os
from pathlib import Path

FOR_OWNER, FOR_ALL = 0o600, 0o644


def write(file: Path, text: str, *, mode: int = FOR_OWNER) -> None:
    """Write a file, in place of an existing one. By default only its owner can read it."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())  # before the rename: else a power cut could leave an empty file under the name
    unfinished.replace(file)
