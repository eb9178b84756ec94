"""Runs an app as a process."""

import gc
from collections.abc import Callable
from typing import Literal

import uvicorn
from fastapi import FastAPI

from services.kit import settings as settings_module
from services.kit.logs import configure
from services.kit.settings import Settings

SHUTDOWN_SECONDS = 1  # then streams are ended; the local supervisor kills the site 1.6 s after its signal


def serve(
    process: str,
    create_app: Callable[[Settings], FastAPI],
    port: Callable[[Settings], int],
    http: Literal["h11", "httptools"] = "h11",
) -> None:
    """Read the settings, log as `process`, and serve the app until told to stop.

    `httptools` reads HTTP faster, but answers clients of HTTP/1.0 in chunks, which they do not know, where an answer
    does not say its length: not for streams.
    """
    settings = settings_module.read()
    configure(process, settings.log_level)
    app = create_app(settings)
    # What stands now stays. Each time the collector looked through it, all requests waited for 100 ms.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        host=settings.host,
        port=port(settings),
        loop="asyncio",  # never uvloop, also where it is installed: see docs/decisions/0016
        log_config=None,
        access_log=False,
        http=http,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
