"""Structured logs: one JSON object per line on stderr."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

NOISY = ("aiokafka", "kafka", "faust", "mode", "uvicorn.access", "sqlalchemy", "httpx", "httpcore", "asyncio")


def configure(process: str, level: str = "INFO") -> None:
    """Log as `process` from `level` up. Libraries that talk a lot are heard from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            static_fields={"process": process},
            timestamp="at",
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
