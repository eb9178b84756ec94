"""Structured logs: one JSON object per line on stderr."""

import logging
import math
import sys
import time

from pythonjsonlogger.json import JsonFormatter

NOISY = ("aiokafka", "kafka", "faust", "mode", "uvicorn.access", "sqlalchemy", "httpx", "httpcore", "asyncio")

REPEATED_AFTER_SECONDS = 1.0
REMEMBERED = 1_000  # lines


class Repeats(logging.Filter):
    """Lets a repeated log line of a library through once a second; `repeated` counts the lines dropped before it.

    Without it, a client that lost its broker logged 25,000 lines in a minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self._at: dict[
            tuple[str, str], tuple[float, int]
        ] = {}  # when the line was last logged, and how often it was dropped since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.split(".", 1)[0] not in NOISY:
            return True
        try:
            line, now = (record.name, record.getMessage()), time.monotonic()
        except Exception:  # a line with wrong arguments: the handler reports it, and the caller goes on
            return True
        at, left_out = self._at.get(line, (-math.inf, 0))
        if now - at < REPEATED_AFTER_SECONDS:
            self._at[line] = at, left_out + 1
            return False
        if len(self._at) >= REMEMBERED:
            self._at.clear()
        self._at[line] = now, 0
        if left_out:
            record.repeated = left_out
        return True


def configure(process: str, level: str = "INFO") -> None:
    """Log as `process` from `level` up. Verbose libraries log from WARNING up, each line at most once a second."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repeats())
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
