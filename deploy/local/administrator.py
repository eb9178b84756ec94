"""The administrator's key of this machine: made at the first start, kept where only its owner reads it."""

import hashlib
import os
import secrets
from pathlib import Path

FILE = "administrator.key"


def key(keys: Path) -> str:
    """The key in the folder of keys; a new one when there is none yet."""
    file = keys / FILE
    if not file.exists():
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(f"pantau_admin_{secrets.token_urlsafe(24)}")
        unfinished.rename(file)
    return file.read_text().strip()


def digest(of_key: str) -> str:
    """What the services are told instead of the key."""
    return hashlib.sha256(of_key.encode()).hexdigest()
