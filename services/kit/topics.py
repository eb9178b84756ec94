"""Creates missing topics and checks existing ones. Every process does so before it uses any."""

import asyncio
import logging
import time
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from schemas.topics import TOPICS, Topic
from services.kit.kafka import client_options
from services.kit.kafka_refusals import refusal
from services.kit.settings import KafkaSettings

log = logging.getLogger(__name__)

CHECKED = ("message.timestamp.type", "cleanup.policy", "max.message.bytes")
TIMESTAMPS_BY_DEFAULT = "CreateTime"
WAIT_SECONDS = 60.0


class TopicsDifferError(Exception):
    """Topics differ from this installation's settings: going on would give wrong figures."""


async def declare_topics(settings: KafkaSettings, *, wait_seconds: float = WAIT_SECONDS) -> str:
    """Create the topics that are missing and check all. Returns the cluster's id.

    Waits up to `wait_seconds` for a broker, then raises KafkaConnectionError. Raises KafkaRefusedError, which says what to
    set, when a broker refuses the connection, and TopicsDifferError, which lists for every topic what was found and
    what was expected.
    """
    admin = await _connect(settings, wait_seconds)
    try:
        declared = {settings.topic_prefix + topic.name: topic for topic in TOPICS}
        await _create(admin, settings, declared)
        differences = await _partitions(admin, settings.partitions, list(declared))
        differences += await _settings(admin, declared)
        if differences:
            raise TopicsDifferError("Topics differ from what is declared:\n  " + "\n  ".join(differences))
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


async def _connect(settings: KafkaSettings, wait_seconds: float) -> AIOKafkaAdminClient:
    deadline = time.monotonic() + wait_seconds
    while True:
        admin = AIOKafkaAdminClient(**client_options(settings, "pantau-topics"))
        try:
            await admin.start()
        except KafkaConnectionError:
            await admin.close()
            if refused := await refusal(settings):
                raise refused from None
            if time.monotonic() > deadline:
                raise
            log.warning("no broker responds yet; retrying", extra={"bootstrap": settings.kafka})
            await asyncio.sleep(0.5)
        else:
            return admin


async def _create(admin: AIOKafkaAdminClient, settings: KafkaSettings, declared: dict[str, Topic]) -> None:
    there = set(await admin.list_topics())
    missing = [
        NewTopic(name, settings.partitions, settings.replication, topic_configs=topic.config)
        for name, topic in declared.items()
        if name not in there
    ]
    if not missing:
        return
    answer = await admin.create_topics(missing, timeout_ms=30_000)
    for name, code, *text in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:  # another process created it at the same time
            raise error(f"{name}: {' '.join(str(part) for part in text)}")


async def _partitions(admin: AIOKafkaAdminClient, expected: int, names: list[str]) -> list[str]:
    """Differences in the number of partitions. Waits until the cluster knows topics that were just created."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        topics = await admin.describe_topics(names)
        codes = {topic["topic"]: topic["error_code"] for topic in topics}
        if not any(codes.values()) and all(
            not partition["error_code"] for topic in topics for partition in topic["partitions"]
        ):
            break
        if time.monotonic() > deadline:
            raise KafkaConnectionError(f"topics have no leaders: {codes}")
        await asyncio.sleep(0.05)
    return [
        f"{topic['topic']}: {len(topic['partitions'])} partitions found, {expected} expected (PANTAU_PARTITIONS); "
        "the number is fixed at installation"
        for topic in topics
        if len(topic["partitions"]) != expected
    ]


async def _settings(admin: AIOKafkaAdminClient, declared: dict[str, Topic]) -> list[str]:
    """Differences in the settings that figures depend on."""
    differences = []
    for code, text, _, name, entries in await _described(admin, list(declared)):
        if code:
            raise for_code(code)(f"{name}: {text}")
        expected = {"message.timestamp.type": TIMESTAMPS_BY_DEFAULT} | declared[name].config
        differences += [
            f"{name}: {entry[0]} is {entry[1]}, expected {expected[entry[0]]}"
            for entry in entries
            if entry[0] in CHECKED and entry[1] != expected[entry[0]]
        ]
    return differences


async def _described(admin: AIOKafkaAdminClient, names: list[str]) -> list[Any]:
    """The settings of topics. Waits until the broker that is asked knows topics that were just created."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, configs=dict.fromkeys(CHECKED)) for name in names]
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        resources = [resource for answer in await admin.describe_configs(asked) for resource in answer.resources]
        unknown = any(code == UnknownTopicOrPartitionError.errno for code, *_ in resources)
        if not unknown or time.monotonic() > deadline:
            return resources
        await asyncio.sleep(0.05)
