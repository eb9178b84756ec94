"""The administrator's key of this machine: made at the first start, kept where only its owner reads it."""

import hashlib
import secrets
from pathlib import Path

from deploy.local import atomic_write

FILE = "administrator.key"


def key(keys: Path) -> str:
    """The key in the folder of keys; a new one when there is none yet."""
    file = keys / FILE
    if not file.exists():
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_write.write(file, f"pantau_admin_{secrets.token_urlsafe(24)}")
    return file.read_text().strip()


def digest(of_key: str) -> str:
    """The services get this instead of the key."""
    return hashlib.sha256(of_key.encode()).hexdigest()
