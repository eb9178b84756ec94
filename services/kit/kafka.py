"""The options of every Kafka client: brokers, security and credentials.

    AIOKafkaConsumer(**client_options(settings, "pantau-reader"), auto_offset_reset="earliest")

kafka-python and aiokafka use the same names. No client is constructed without this function: a rule test checks it.
"""

import ssl
from typing import NotRequired, TypedDict

from services.kit.settings import KafkaSettings, SaslMechanism, SecurityProtocol


class ClientOptions(TypedDict):
    """Keyword arguments of a client of kafka-python or aiokafka."""

    bootstrap_servers: list[str]
    client_id: str
    security_protocol: SecurityProtocol
    ssl_context: NotRequired[ssl.SSLContext]
    sasl_mechanism: NotRequired[SaslMechanism]
    sasl_plain_username: NotRequired[str]
    sasl_plain_password: NotRequired[str]
    request_timeout_ms: NotRequired[int]


def client_options(
    settings: KafkaSettings, client_id: str = "pantau", *, request_timeout_ms: int | None = None
) -> ClientOptions:
    """The options of one client. `client_id` names it in the brokers' logs, metrics and quotas.

    Password and certificates are read from their files at each call, so that the next client uses replaced files.
    Raises ValueError when one of these files can't be used any more.
    """
    options = ClientOptions(
        bootstrap_servers=settings.kafka.split(","),
        client_id=client_id,
        security_protocol=settings.kafka_security_protocol,
    )
    if settings.kafka_tls:
        options["ssl_context"] = settings.kafka_tls_context()
    if settings.kafka_sasl:
        assert settings.kafka_sasl_username is not None, "settings without a user refuse to boot"
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_password()
    if request_timeout_ms is not None:
        options["request_timeout_ms"] = request_timeout_ms
    return options
