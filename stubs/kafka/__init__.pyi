from collections.abc import Iterable, Mapping, Sequence
from ssl import SSLContext
from typing import Literal, NamedTuple, Self

from kafka.admin import KafkaAdminClient as KafkaAdminClient
from kafka.admin import SaslMechanism, SecurityProtocol
from kafka.consumer.fetcher import ConsumerRecord
from kafka.producer.future import FutureRecordMetadata

class TopicPartition(NamedTuple):
    topic: str
    partition: int

class KafkaProducer:
    def __init__(
        self,
        *,
        bootstrap_servers: str | Sequence[str] = ...,
        acks: Literal[0, 1, "all"] = ...,
        allow_auto_create_topics: bool = ...,
        batch_size: int = ...,
        client_id: str = ...,
        security_protocol: SecurityProtocol = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: SaslMechanism | None = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
        delivery_timeout_ms: int = ...,
        enable_idempotence: bool = ...,
        linger_ms: int = ...,
        max_request_size: int = ...,
        metrics_enabled: bool = ...,
        request_timeout_ms: int = ...,
        transaction_timeout_ms: int = ...,
        transactional_id: str | None = ...,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None: ...
    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes | None]] | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> FutureRecordMetadata: ...
    def flush(self, timeout: float | None = None) -> None: ...
    def close(self, timeout: float | None = None) -> None: ...
    def init_transactions(self) -> None: ...
    def begin_transaction(self) -> None: ...
    def commit_transaction(self) -> None: ...
    def abort_transaction(self) -> None: ...

class KafkaConsumer:
    def __init__(
        self,
        *topics: str,
        bootstrap_servers: str | Sequence[str] = ...,
        client_id: str = ...,
        security_protocol: SecurityProtocol = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: SaslMechanism | None = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
        request_timeout_ms: int = ...,
        enable_auto_commit: bool = ...,
        isolation_level: Literal["read_committed", "read_uncommitted"] = ...,
        metrics_enabled: bool = ...,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None: ...
    def assign(self, partitions: Iterable[TopicPartition]) -> None: ...
    def assignment(self) -> set[TopicPartition]: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def poll(
        self, timeout_ms: int = 0, max_records: int | None = None
    ) -> Mapping[TopicPartition, list[ConsumerRecord]]: ...
    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]: ...
    def close(self) -> None: ...
