"""Keys derived from the secret that intake and the worker share (PANTAU_SECRET).

- The key of the mark by which intake attests that the administrator sent an event. Without the mark the claim is
  ignored: an unsecured broker accepts records from any client that reaches it.
- The key of the salt of a fact's private part. The salt can be derived again after an erasure, so that a duplicate is
  still distinguished from a conflict. A reader of the public facts can't guess the private text from its digest.
"""

import hmac
from hashlib import blake2b

SHA256 = "sha256"  # by name: OpenSSL then computes it in one call
MARK = r"^[0-9a-f]{64}$"


class Secret:
    """The keys derived from one secret."""

    def __init__(self, text: str) -> None:
        secret = text.encode()
        self._marks = hmac.digest(secret, b"pantau attestation v1", SHA256)
        self._salts = blake2b(key=hmac.digest(secret, b"pantau private salt v1", SHA256), digest_size=32)
        self.check = hmac.digest(secret, b"pantau check v1", SHA256)[:8].hex()
        """Identifies the secret without revealing it; the worker writes it to its progress records."""

    def mark(self, statement: bytes) -> str:
        """The mark of an event: HMAC-SHA256 over its `schemas.facts.statement`, as hex."""
        return hmac.digest(self._marks, statement, SHA256).hex()

    def holds(self, mark: str | None, statement: bytes) -> bool:
        """Whether a mark was made with this secret for exactly this event."""
        return mark is not None and hmac.compare_digest(mark, self.mark(statement))

    def salt(self, fact_key: bytes) -> bytes:
        """The salt of the private part of the fact with this key: 32 bytes of keyed BLAKE2b, a third of the time of HMAC."""
        keyed = self._salts.copy()  # a copy, because hashing the key again takes a third longer
        keyed.update(fact_key)
        return keyed.digest()
