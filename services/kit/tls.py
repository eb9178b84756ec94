"""The TLS context of a client: the authorities it trusts, and its own certificate."""

import os
import ssl
from functools import lru_cache
from pathlib import Path


def client_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """A context that verifies the server's certificate and name. `ca`: the trusted authorities (PEM); None: the system's.
    `certificate` and `key` (PEM): the client's own.

    The context is cached until one of the files changes. Raises ValueError, with a sentence that names the file, when
    one can't be used.
    """
    given = [path for path in (ca, certificate, key) if path is not None]
    return _context(ca, certificate, key, tuple(_changed_ns(path) for path in given))


@lru_cache(maxsize=16)
def _context(ca: Path | None, certificate: Path | None, key: Path | None, _: tuple[int, ...]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(f"{ca} has no readable certificate of an authority in PEM: {error}") from None
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key)
        except (ssl.SSLError, OSError) as error:
            raise ValueError(f"{certificate} and {key} are not a certificate and its key in PEM: {error}") from None
    return context


def _changed_ns(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
