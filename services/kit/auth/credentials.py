"""Keys: random texts of which only hashes are stored, and how a request presents one."""

import hashlib
import secrets

from services.kit.http.problems import UnauthorizedProblem

KEY_PREFIX = "pantau_"
KEY_BYTES = 24  # 192 bits: 32 characters
KEY_ID_CHARACTERS = 12
HOW = "Authorization: Bearer pantau_..."


def new_key() -> tuple[str, str, str]:
    """A new key: its text, shown once, its id, and its hash (hex)."""
    text = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    sha256 = hash_of(text)
    return text, sha256[:KEY_ID_CHARACTERS], sha256


def hash_of(text: str) -> str:
    """The SHA-256 of a key's text, as hex. Keys are random, hence a fast hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()


def bearer_of(authorization: str) -> str:
    """The key in an `Authorization` header. Raises UnauthorizedProblem for another form."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise UnauthorizedProblem(f"The key must be sent as {HOW}")
    return text.strip()
