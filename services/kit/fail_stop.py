"""Fail-stop: how a process ends when going on could skip a record."""

import logging
import os
from typing import NoReturn

LEFT_ON_ERROR = 70  # exit code, EX_SOFTWARE

log = logging.getLogger(__name__)


def fail_stop(doing: str, error: BaseException | None = None) -> NoReturn:
    """Log and end the process at once, without any cleaning up that could write something."""
    log.critical("leaving: %s", doing, exc_info=error)
    logging.shutdown()
    os._exit(LEFT_ON_ERROR)
