"""Checks the connection to Kafka with the settings of this environment, for `pantau doctor`."""

import asyncio
import logging

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.kit.kafka import client_options
from services.kit.kafka_refusals import refusal
from services.kit.settings import KafkaSettings, read

TIMEOUT_MS = 5_000


def look() -> tuple[bool, str]:
    """Connect as the processes do. Returns whether it worked, and one line that says how, or why not."""
    try:
        settings = read(KafkaSettings)
    except SystemExit as refused:
        return False, " ".join(str(refused.code).split())
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the result already says it
    return asyncio.run(_look(settings))


async def _look(settings: KafkaSettings) -> tuple[bool, str]:
    admin = AIOKafkaAdminClient(**client_options(settings, "pantau-doctor", request_timeout_ms=TIMEOUT_MS))
    try:
        await admin.start()
        brokers = len((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError, TimeoutError):
        refused = await refusal(settings)
        return False, str(refused) if refused else f"no broker answers at {settings.kafka}"
    finally:
        await admin.close()
    known = f" as {settings.kafka_sasl_username}" if settings.kafka_sasl else ""
    return True, f"{settings.kafka} answers by {settings.kafka_security_protocol}{known}; brokers: {brokers}"
