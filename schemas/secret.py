"""What is derived from the secret that intake and the worker share (PANTAU_SECRET).

- The mark by which intake attests that the administrator sent an event. Without it the claim is worth nothing: an
  unsecured broker takes records from whoever reaches it.
- The salt of a fact's private part. It can be derived again after an erasure, so a resend is still told from a
  conflict; whoever reads only the public facts can't guess the text from its digest.
"""

import hmac
from hashlib import blake2b

SHA256 = "sha256"  # by its name, which OpenSSL computes in one call
MARK = r"^[0-9a-f]{64}$"


class Secret:
    """The keys derived from one secret."""

    def __init__(self, text: str) -> None:
        secret = text.encode()
        self._marks = hmac.digest(secret, b"pantau attestation v1", SHA256)
        self._salts = blake2b(key=hmac.digest(secret, b"pantau private salt v1", SHA256), digest_size=32)
        self.check = hmac.digest(secret, b"pantau check v1", SHA256)[:8].hex()
        """Tells two secrets apart without giving either away: the worker keeps it in its progress."""

    def mark(self, statement: bytes) -> str:
        """The mark over an event, as hex: HMAC-SHA256. `statement`: what `schemas.facts.statement` says of the event."""
        return hmac.digest(self._marks, statement, SHA256).hex()

    def holds(self, mark: str | None, statement: bytes) -> bool:
        """Whether a mark was made with this secret over this very event."""
        return mark is not None and hmac.compare_digest(mark, self.mark(statement))

    def salt(self, fact_key: bytes) -> bytes:
        """The salt of the private part of the fact with this key: 32 bytes of keyed BLAKE2b, a third of the time of HMAC."""
        keyed = self._salts.copy()  # the key is hashed already: three quarters of the time
        keyed.update(fact_key)
        return keyed.digest()
