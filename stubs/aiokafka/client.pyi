from asyncio import Future
from collections.abc import Iterable
from enum import IntEnum
from ssl import SSLContext
from typing import Any, Literal, TypeAlias

from aiokafka.cluster import ClusterMetadata
from aiokafka.protocol.api import Request

SecurityProtocol: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism: TypeAlias = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

class ConnectionGroup(IntEnum):
    DEFAULT = 0
    COORDINATION = 1

class CoordinationType(IntEnum):
    GROUP = 0
    TRANSACTION = 1

class AIOKafkaClient:
    cluster: ClusterMetadata

    def __init__(
        self,
        *,
        bootstrap_servers: str | list[str] = ...,
        client_id: str = ...,
        security_protocol: SecurityProtocol = "PLAINTEXT",
        ssl_context: SSLContext | None = None,
        sasl_mechanism: SaslMechanism = "PLAIN",
        sasl_plain_username: str | None = None,
        sasl_plain_password: str | None = None,
        request_timeout_ms: int = 40000,
        retry_backoff_ms: int = 100,
    ) -> None: ...
    async def bootstrap(self) -> None: ...
    async def close(self) -> None: ...
    def set_topics(self, topics: Iterable[str]) -> Future[bool]: ...
    def force_metadata_update(self) -> Future[bool]: ...
    async def coordinator_lookup(self, coordinator_type: CoordinationType, coordinator_key: str) -> int: ...
    async def send(self, node_id: int, request: Request[Any], *, group: ConnectionGroup = ...) -> Any: ...
