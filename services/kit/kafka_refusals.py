"""Finds out why a broker refuses the connection, as one line that names the setting to change.

aiokafka only reports that it could not bootstrap: a wrong password, an unknown authority and a listener with another
protocol look like a broker that is down. Here the first bootstrap server that listens is probed step by step.
"""

import asyncio
import ssl
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from aiokafka.conn import create_conn
from aiokafka.errors import AuthenticationFailedError, KafkaConnectionError, KafkaError, SaslAuthenticationFailed

from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings

STEP_SECONDS = 3.0
MECHANISM_UNKNOWN, NO_SASL_HERE = 33, 34  # error codes of Kafka
WRONG_NAME = (62, 64)  # verify codes of OpenSSL: host name, IP address
TLS_ALERT = b"\x15\x03"


class KafkaRefusedError(KafkaConnectionError):
    """A broker responds and refuses the connection, for a reason that a retry does not change."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Handshake(NamedTuple):
    """A listener's response to SaslHandshake."""

    error: int
    mechanisms: list[str]


async def refusal(settings: KafkaSettings) -> KafkaRefusedError | None:
    """Why the first bootstrap server that listens refuses the connection; None when it does not, or none listens, or
    the reason can't be found."""
    for server in settings.kafka.split(","):
        host, _, port = server.rpartition(":")
        try:
            async with _connection(host, int(port), None):
                pass
        except (OSError, TimeoutError):
            continue
        try:
            reason = await _reason(settings, host, int(port))
        except (OSError, TimeoutError, ValueError) as error:
            reason = str(error) if isinstance(error, ValueError) else None
        return KafkaRefusedError(f"Kafka at {server} {reason}") if reason else None
    return None


async def _reason(settings: KafkaSettings, host: str, port: int) -> str | None:
    context = settings.kafka_tls_context() if settings.kafka_tls else None
    try:
        handshake = await _handshake(host, port, context, settings.kafka_sasl_mechanism)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in WRONG_NAME:
            return f"shows a certificate of another name ({error.verify_message}): set PANTAU_KAFKA to the name in it"
        return (
            f"shows a certificate that is not trusted ({error.verify_message}): set PANTAU_KAFKA_SSL_CA_FILE to the "
            "certificate of the authority that signed it"
        )
    except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError) as error:
        return await _other_protocol(settings, host, port, error)
    return _mechanism(settings, handshake) or await _user(settings, host, port)


async def _other_protocol(settings: KafkaSettings, host: str, port: int, error: Exception) -> str | None:
    """Why a listener ended the TLS handshake."""
    with_sasl = "SASL_" if settings.kafka_sasl else ""
    if not settings.kafka_tls:
        if await _speaks_tls(host, port):
            return (
                f"speaks TLS, and PANTAU_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} does not: set it to "
                f"{'SASL_SSL' if with_sasl else 'SASL_SSL, or SSL where there are no users'}"
            )
        return None
    try:
        await _handshake(host, port, None, settings.kafka_sasl_mechanism)
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return f"broke the TLS handshake off ({error}): where it asks for a certificate, set PANTAU_KAFKA_SSL_CERT_FILE and PANTAU_KAFKA_SSL_KEY_FILE"
    return (
        f"speaks no TLS, and PANTAU_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} does: set PANTAU_KAFKA to its "
        f"listener with TLS, or the protocol to {with_sasl}PLAINTEXT"
    )


def _mechanism(settings: KafkaSettings, handshake: _Handshake) -> str | None:
    """What is wrong with the SASL mechanism, before a user is sent."""
    tls = "SSL" if settings.kafka_tls else "PLAINTEXT"
    if not settings.kafka_sasl:
        if handshake.error == NO_SASL_HERE:
            return None
        return (
            f"asks for a user and password: set PANTAU_KAFKA_SECURITY_PROTOCOL to SASL_{tls}, PANTAU_KAFKA_SASL_MECHANISM "
            f"(it offers {', '.join(handshake.mechanisms)}), PANTAU_KAFKA_SASL_USERNAME and PANTAU_KAFKA_SASL_PASSWORD_FILE"
        )
    if handshake.error == NO_SASL_HERE:
        return (
            f"asks for no user, and PANTAU_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} names one: set "
            f"PANTAU_KAFKA to its listener with users, or the protocol to {tls}"
        )
    if handshake.error == MECHANISM_UNKNOWN:
        return (
            f"does not offer {settings.kafka_sasl_mechanism}: set PANTAU_KAFKA_SASL_MECHANISM to one of "
            f"{', '.join(handshake.mechanisms)}"
        )
    return None


async def _user(settings: KafkaSettings, host: str, port: int) -> str | None:
    """Why user and password are refused; None where they are not."""
    if not settings.kafka_sasl:
        return None
    options = dict[str, Any](client_options(settings, request_timeout_ms=int(1000 * STEP_SECONDS)))
    del options["bootstrap_servers"]
    try:
        connection = await create_conn(host, port, **options)
    except (SaslAuthenticationFailed, AuthenticationFailedError):
        return (
            f"refuses the user {settings.kafka_sasl_username} or its password ({settings.kafka_sasl_mechanism}): set "
            "PANTAU_KAFKA_SASL_USERNAME and PANTAU_KAFKA_SASL_PASSWORD or PANTAU_KAFKA_SASL_PASSWORD_FILE"
        )
    except KafkaError:
        return None
    connection.close()
    await asyncio.sleep(0)  # closing starts in the next iteration of the event loop
    return None


async def _handshake(host: str, port: int, context: ssl.SSLContext | None, mechanism: str) -> _Handshake:
    """Send SaslHandshake (version 1), to which every listener responds, also one without SASL."""
    async with _connection(host, port, context) as (reader, writer):
        name, client = mechanism.encode(), b"pantau"
        request = struct.pack(f">hhih{len(client)}sh{len(name)}s", 17, 1, 1, len(client), client, len(name), name)
        writer.write(struct.pack(">i", len(request)) + request)
        async with asyncio.timeout(STEP_SECONDS):
            head = await reader.readexactly(4)
            if head.startswith(TLS_ALERT):
                raise ConnectionError("the answer is an alert of TLS")
            answer = await reader.readexactly(min(struct.unpack(">i", head)[0], 10_000))
    error, count = struct.unpack_from(">hi", answer, 4)
    mechanisms, at = [], 10
    for _ in range(count):
        (length,) = struct.unpack_from(">h", answer, at)
        mechanisms.append(answer[at + 2 : at + 2 + length].decode())
        at += 2 + length
    return _Handshake(error, mechanisms)


async def _speaks_tls(host: str, port: int) -> bool:
    """Whether a listener accepts a TLS handshake. No data is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with _connection(host, port, context):
            return True
    except (OSError, TimeoutError):
        return False


@asynccontextmanager
async def _connection(
    host: str, port: int, context: ssl.SSLContext | None
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(STEP_SECONDS):
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):  # of a listener that does not respond any more
            await asyncio.wait_for(writer.wait_closed(), STEP_SECONDS)
