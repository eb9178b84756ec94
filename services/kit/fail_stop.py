"""Fail stop: end the process when going on could lose or double a record."""

import logging
import os
from typing import NoReturn

LEFT_ON_ERROR = 70  # exit code, EX_SOFTWARE

log = logging.getLogger(__name__)


def fail_stop(doing: str, error: BaseException | None = None) -> NoReturn:
    """Log and end the process at once, without any cleanup that could still write."""
    log.critical("fail stop: %s", doing, exc_info=error)
    logging.shutdown()
    os._exit(LEFT_ON_ERROR)
