"""The Faust app: its consumer, assignment, agent and worker are Faust's; the unit of work is a chunk (transport.py)."""

from collections.abc import Iterable
from typing import Any

from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.types import TP
from prometheus_client import CollectorRegistry
from yarl import URL

from schemas.topics import INPUTS
from services.aggregator.worker.engine import TAKEOVER_SECONDS, Engine
from services.aggregator.worker.metrics import WorkerMetrics
from services.aggregator.worker.settings import WorkerSettings
from services.aggregator.worker.transport import REBALANCE_SECONDS, Chunk, ChunkTransport, TakeoverApp
from services.aggregator.worker.writer import group_id
from services.kit.kafka import ClientOptions, client_options

SESSION_SECONDS = 10.0


class _AsItIs:
    """A Faust "model" that returns the value unchanged: `decide` decodes chunks, not Faust."""

    @staticmethod
    def from_data(value: Any, preferred_type: Any = None) -> Any:
        return value


class AggregatorApp(TakeoverApp):
    """A Faust app over the chunk transport."""

    def __init__(self, settings: WorkerSettings, engine: Engine) -> None:
        self.takeover = engine
        self.kafka_settings = settings
        options = client_options(settings)
        super().__init__(
            group_id(settings),
            broker=[URL(f"kafka://{address}") for address in options["bootstrap_servers"]],
            broker_credentials=_credentials(options),
            consumer_group_instance_id=settings.worker_instance,
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=SESSION_SECONDS / 4,
            # After this time Faust abandons a takeover and never begins another: the engine fail-stops earlier.
            broker_request_timeout=TAKEOVER_SECONDS + 10.0,
            broker_rebalance_timeout=REBALANCE_SECONDS,
            broker_max_poll_interval=300.0,
            stream_wait_empty=False,
            stream_buffer_maxsize=4,
            stream_recovery_delay=0.0,
            topic_disable_leader=True,
            topic_allow_declare=False,
            web_enabled=False,
            web_in_thread=False,
            worker_redirect_stdouts=False,
            logging_config=None,
        )

    def new_transport(self, brokers: list[URL]) -> ChunkTransport:
        return ChunkTransport(brokers, self)


def _credentials(options: ClientOptions) -> Credentials | None:
    """The client options as Faust's credentials, for the connections that Faust opens. None for an unsecured Kafka."""
    context = options.get("ssl_context")
    if "sasl_plain_username" in options:
        return SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return SSLCredentials(context) if context is not None else None


def create_app(settings: WorkerSettings, registry: CollectorRegistry) -> tuple[AggregatorApp, Engine]:
    """The composition root of the worker."""
    engine = Engine(settings, WorkerMetrics(registry))
    app = AggregatorApp(settings, engine)
    inputs = app.topic(
        *(settings.topic_prefix + topic for topic in INPUTS),
        key_type=_AsItIs,
        value_type=_AsItIs,
        key_serializer="raw",
        value_serializer="raw",
        acks=False,
    )

    async def process(stream: Any) -> None:
        async for chunk in stream:
            assert isinstance(chunk, Chunk)
            await engine.process(chunk)

    async def revoked(_: Any, partitions: Iterable[TP], **__: Any) -> None:
        await engine.give_up({tp.partition for tp in partitions})

    app.agent(inputs, isolated_partitions=True)(process)
    app.task(engine.keep_snapshots)
    app.task(engine.watch)
    app.on_partitions_revoked.connect(revoked, weak=False)
    return app, engine
