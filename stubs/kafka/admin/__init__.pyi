from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from ssl import SSLContext
from typing import Any, Literal, Self, TypeAlias

from kafka import TopicPartition

SecurityProtocol: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism: TypeAlias = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

class ACLOperation(IntEnum):
    """Its members are taken by name."""

class ACLPermissionType(IntEnum):
    ALLOW = 3

class ACLResourcePatternType(IntEnum):
    LITERAL = 3
    PREFIXED = 4

class ResourceType(IntEnum):
    """Its members are taken by name."""

class ResourcePattern:
    def __init__(
        self, resource_type: ResourceType, resource_name: str, pattern_type: ACLResourcePatternType = ...
    ) -> None: ...

class ACL:
    def __init__(
        self,
        principal: str,
        host: str,
        operation: ACLOperation,
        permission_type: ACLPermissionType,
        resource_pattern: ResourcePattern,
    ) -> None: ...

class ScramMechanism(IntEnum):
    SCRAM_SHA_512 = 2

class UserScramCredentialUpsertion:
    def __init__(self, user: str, mechanism: ScramMechanism, password: str, iterations: int | None = None) -> None: ...

class ConfigResourceType(IntEnum):
    TOPIC = 2

class ConfigResource:
    def __init__(
        self, resource_type: ConfigResourceType, name: str, configs: Mapping[str, str] | None = None
    ) -> None: ...

class KafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: str | Sequence[str] = ...,
        client_id: str = ...,
        security_protocol: SecurityProtocol = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: SaslMechanism | None = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
        request_timeout_ms: int = ...,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None: ...
    def alter_user_scram_credentials(
        self, alterations: Sequence[UserScramCredentialUpsertion]
    ) -> dict[str, object | None]: ...
    def create_acls(self, acls: Sequence[ACL]) -> dict[str, list[Any]]: ...
    def alter_configs(self, config_resources: Iterable[ConfigResource]) -> object: ...
    def close(self) -> None: ...
    def delete_records(self, records_to_delete: Mapping[TopicPartition, int]) -> object: ...
    def describe_features(self) -> dict[str, dict[str, Any]]: ...
    def describe_topics(self, topics: Sequence[str] | None = None) -> list[dict[str, Any]]: ...
    def update_features(self, feature_updates: Mapping[str, tuple[str, int]]) -> object: ...
