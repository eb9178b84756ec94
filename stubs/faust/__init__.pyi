from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from faust.auth import Credentials
from faust.transport.drivers.aiokafka import Transport
from faust.types import ConsumerMessage
from mode import Service, Signal
from mode import Worker as ServiceWorker
from yarl import URL

class Settings:
    id: str
    broker_consumer: list[URL]
    broker_heartbeat_interval: float
    broker_max_poll_interval: float
    broker_rebalance_timeout: float
    broker_request_timeout: float
    broker_session_timeout: float
    consumer_group_instance_id: str | None

class Event:
    message: ConsumerMessage

class Stream(AsyncIterator[Any]):
    def events(self) -> AsyncIterator[Event]: ...

class Topic:
    async def send(
        self,
        *,
        key: bytes | None = None,
        value: bytes | None = None,
        partition: int | None = None,
        headers: Mapping[str, bytes | None] | None = None,
    ) -> object: ...

class Table(dict[bytes, bytes]):
    def on_recover(self, fun: Callable[..., Awaitable[None]]) -> object: ...

class App(Service):
    conf: Settings
    transport: Transport
    consumer_generation_id: int
    on_partitions_assigned: Signal
    on_partitions_revoked: Signal
    producer: Any
    tables: Any

    def __init__(
        self,
        id: str,
        *,
        broker: Sequence[URL] | URL = ...,
        broker_credentials: Credentials | None = ...,
        broker_commit_interval: float = ...,
        broker_heartbeat_interval: float = ...,
        broker_max_poll_interval: float = ...,
        broker_rebalance_timeout: float = ...,
        broker_request_timeout: float = ...,
        broker_session_timeout: float = ...,
        consumer_auto_offset_reset: str = ...,
        consumer_group_instance_id: str | None = ...,
        datadir: Path = ...,
        logging_config: None = ...,
        producer_compression_type: str | None = ...,
        producer_linger: float = ...,
        producer_max_batch_size: int = ...,
        producer_max_request_size: int = ...,
        store: URL = ...,
        stream_buffer_maxsize: int = ...,
        stream_recovery_delay: float = ...,
        stream_wait_empty: bool = ...,
        topic_allow_declare: bool = ...,
        topic_disable_leader: bool = ...,
        topic_partitions: int = ...,
        topic_replication_factor: int = ...,
        web_enabled: bool = ...,
        web_in_thread: bool = ...,
        worker_redirect_stdouts: bool = ...,
    ) -> None: ...
    def _new_transport(self) -> Transport: ...
    def _create_directories(self) -> None: ...
    def topic(
        self,
        *topics: str,
        key_type: type | None = None,
        value_type: type | None = None,
        key_serializer: str | None = None,
        value_serializer: str | None = None,
        acks: bool = True,
    ) -> Topic: ...
    def agent(
        self, channel: Topic | None = None, *, isolated_partitions: bool = False
    ) -> Callable[[Callable[[Stream], Awaitable[None]]], object]: ...
    def task(self, fun: Callable[[], Awaitable[None]] | None = None) -> object: ...
    def timer(self, interval: float) -> Callable[[Callable[[], Awaitable[None]]], object]: ...
    def Table(self, name: str, *, partitions: int | None = None, **kwargs: Any) -> Table: ...

class Worker(ServiceWorker):
    spinner: object | None

    def __init__(
        self,
        app: App,
        *,
        quiet: bool = False,
        loglevel: str | int | None = None,
        redirect_stdouts: bool | None = None,
        override_logging: bool = ...,
    ) -> None: ...
    def execute_from_commandline(self) -> NoReturn: ...
