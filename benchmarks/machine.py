"""The circumstances of a measurement: the hardware, and the versions of all parts."""

import os
import platform
import re
import sqlite3
import statistics
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from deploy.local import jars, java

PACKAGES = (
    "aiokafka", "faust-streaming", "kafka-python", "msgspec", "pydantic", "fastapi", "uvicorn", "sqlalchemy", "cramjam",
)  # fmt: skip
YARDSTICKS, ADDITIONS = 9, 500_000


def hardware() -> dict[str, str | int | float]:
    """Processor, cores that may be used, memory, kernel; and how fast one core is at this moment."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3, 1),
        "kernel": platform.release(),
        "yardstick_ms": round(1000 * _yardstick(), 1),
    }


def _yardstick() -> float:
    """CPU seconds for half a million additions, the median of a few runs: a shared machine may be half as fast an hour
    later."""

    def once() -> float:
        began, total = time.process_time(), 0
        for number in range(ADDITIONS):
            total += number
        return time.process_time() - began

    return statistics.median(once() for _ in range(YARDSTICKS))


def versions() -> dict[str, str]:
    """The versions of all parts."""
    output = subprocess.run([java.require(), "-version"], capture_output=True, text=True, check=True).stderr
    found = re.search(r'version "([^"]+)"', output)
    return {
        "python": platform.python_version(),
        "kafka": jars.kafka_version(),
        "java": found[1] if found else output.splitlines()[0],
        "sqlite": sqlite3.sqlite_version,
    } | {package: version(package) for package in PACKAGES}
