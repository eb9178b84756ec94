"""One process of the aggregator: input records in, facts out."""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.aggregator.worker.app import create_app
from services.aggregator.worker.engine import Engine
from services.aggregator.worker.library_internals import HookedWorker, compress_fast
from services.aggregator.worker.settings import WorkerSettings
from services.kit.fail_stop import fail_stop
from services.kit.http.health import add_health, trust_of
from services.kit.http.metrics import add_metrics
from services.kit.http.server import config
from services.kit.kafka_refusals import KafkaRefusedError
from services.kit.logs import configure
from services.kit.topics import declare_topics

log = logging.getLogger(__name__)

STOP_SECONDS = 1.5
# The state is millions of long-lived objects without cycles. With the default thresholds, garbage collection took a
# fifth of all time.
GARBAGE_THRESHOLDS = (50_000, 20, 500)


def _serve_metrics(settings: WorkerSettings, registry: CollectorRegistry, engine: Engine) -> None:
    """Serve /metrics, /healthz and /readyz from a separate thread, so that they respond while the event loop is busy.

    A port in use is a fail stop: the process could not be monitored.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.worker_metrics_port), family=family)
    except OSError as error:
        fail_stop(f"port {settings.worker_metrics_port}, for /metrics, /healthz and /readyz, can't be used", error)
    site = FastAPI(title="Pantau worker", openapi_url=None)
    add_metrics(site, registry)
    add_health(site, engine.ready, trust_of(settings))
    server = uvicorn.Server(config(site, settings, settings.worker_metrics_port))
    threading.Thread(target=server.run, args=([listening],), name="metrics", daemon=True).start()


class _Worker(HookedWorker):
    """Faust's worker, which stops at once: there is nothing to flush, because only transactions write."""

    engine: Engine

    async def stop_on(self, signal: signal.Signals) -> None:
        log.info("stopping on %s", signal.name)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.engine.close(), STOP_SECONDS)
        logging.shutdown()
        os._exit(0)


def work(settings: WorkerSettings) -> None:
    """Declare the topics, then run the worker until a signal stops it."""
    configure("worker", settings.log_level)
    try:
        asyncio.run(declare_topics(settings))
    except KafkaRefusedError as refused:
        fail_stop(str(refused))
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    compress_fast()
    registry = CollectorRegistry()
    app, engine = create_app(settings, registry)
    _serve_metrics(settings, registry, engine)
    worker = _Worker(app, loglevel=settings.log_level, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.engine = engine
    worker.spinner = None  # it would write control characters into the log
    worker.execute_from_commandline()
