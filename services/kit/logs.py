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
    """Of a library's line that is said again and again, one a second; `repeated` says how often it was left out before.

    A client whose broker is gone said 25,000 lines in a minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self._at: dict[tuple[str, str], tuple[float, int]] = {}  # when it was let through, and how often not since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.split(".", 1)[0] not in NOISY:
            return True
        try:
            line, now = (record.name, record.getMessage()), time.monotonic()
        except Exception:  # of a line with the wrong arguments: the handler tells of it, and who logs goes on
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
    """Log as `process` from `level` up. Libraries that talk a lot are heard from WARNING up, and once a second."""
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
