"""Runs an app as a process."""

import gc
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import uvicorn
from fastapi import FastAPI

from services.kit.http.connections import ConnectionBounds, Http, bounded
from services.kit.logs import configure
from services.kit.settings import HttpSettings, ProcessSettings, read

Own = TypeVar("Own", bound=ProcessSettings)

SHUTDOWN_SECONDS = 1  # after which streams are ended; the local supervisor kills the process 1.6 s after its signal


NOT_STARTED = 3  # uvicorn's exit code where the app could not start
FILES = 256  # open files beside its connections
SWITCH_SECONDS = (
    0.0002  # Python's switch interval: with the default of 5 ms, threads that compute delay the event loop too long
)


def serve(
    process: str,
    kind: type[Own],
    create_app: Callable[[Own], FastAPI],
    port: Callable[[Own], int],
    http: Http = "h11",
) -> None:
    """Read settings of that kind, log as `process`, and serve the app until a signal stops it.

    `httptools` parses HTTP faster, but sends a response without a length in chunks even to HTTP/1.0 clients, which do
    not understand them: don't use it for streams.
    """
    settings = read(kind)
    configure(process, settings.log_level)
    app = create_app(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    # Objects made so far live as long as the process. Each garbage collection of them delayed all requests by 100 ms.
    gc.collect()
    gc.freeze()
    server = uvicorn.Server(config(app, settings, port(settings), http))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(NOT_STARTED)


def config(app: FastAPI, settings: HttpSettings, port: int, http: Http = "h11") -> uvicorn.Config:
    """The configuration of uvicorn for an app."""
    bounds = ConnectionBounds(
        settings.header_seconds, min(settings.connections, _files(settings.connections + FILES) - FILES)
    )
    return uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        loop="asyncio",  # never uvloop, also where it is installed: see docs/decisions/0016
        log_config=None,
        access_log=False,
        http=bounded(http, bounds),
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _files(wanted: int) -> int:
    """The process's limit of open files, after trying to raise it to `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
