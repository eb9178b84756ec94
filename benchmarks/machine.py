"""Where and with what was measured: the hardware, and the versions of all parts."""

import os
import platform
import re
import sqlite3
import statistics
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from deploy.local import java
from deploy.local.jars import POM

PACKAGES = (
    "aiokafka", "faust-streaming", "kafka-python", "msgspec", "pydantic", "fastapi", "uvicorn", "sqlalchemy", "cramjam",
)  # fmt: skip
ROOT = Path(__file__).parents[1]
BENCH_LOCK = ROOT / "requirements" / "bench.txt"  # what only competitors need


YARDSTICKS, ADDITIONS = 9, 500_000


def hardware() -> dict[str, str | int | float]:
    """Processor, cores that may be used, memory, kernel; and how fast one core is at this moment."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert memory, "this kernel does not tell its memory"
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / 1024**2, 1),
        "kernel": platform.release(),
        "yardstick_ms": round(1000 * _yardstick(), 1),
    }


def _yardstick() -> float:
    """The processor's time for half a million additions, in seconds: the same machine may be half as fast an hour later
    where others share it. The median of a few."""

    def once() -> float:
        began, total = time.process_time(), 0
        for number in range(ADDITIONS):
            total += number
        return time.process_time() - began

    return statistics.median(once() for _ in range(YARDSTICKS))


def versions() -> dict[str, str]:
    """The versions of all parts, as far as they are here."""
    found = {"python": platform.python_version(), "kafka": _kafka(), "java": _java(), "sqlite": sqlite3.sqlite_version}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if BENCH_LOCK.exists():
        locked = re.search(r"^quixstreams==(\S+)", BENCH_LOCK.read_text(), re.MULTILINE)
        if locked:
            found["quixstreams"] = locked[1]
    return found


def _kafka() -> str:
    found = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([^<]+)", POM.read_text())
    assert found, f"{POM} names no Kafka"
    return found[1]


def _java() -> str:
    told = subprocess.run([java.require(), "-version"], capture_output=True, text=True, check=True).stderr
    found = re.search(r'version "([^"]+)"', told)
    return found[1] if found else told.splitlines()[0]
