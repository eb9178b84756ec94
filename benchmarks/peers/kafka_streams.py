"""How the competitor in streams/ is built, by Maven into .cache/streams, and started."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local import java

SOURCES = Path(__file__).with_name("streams")
CACHE = Path(__file__).parents[2] / ".cache" / "streams"
COLLECTORS = {"parallel": "-XX:+UseParallelGC", "g1": "-XX:+UseG1GC"}

# The fastest point of a grid over threads, store, cache, commit interval, batches, compression and collector, whose
# measurements are in results.json.
OPTIONS: dict[str, str | int] = {
    "threads": 2, "store": "memory", "cache_mb": 64, "commit_ms": 1000, "realization_ms": 1000, "linger_ms": 100,
    "batch_kb": 512, "compression": "lz4", "gc": "parallel", "heap_gb": 3,
}  # fmt: skip
PROMPT = {"commit_ms": 10, "linger_ms": 0}  # of a delay like ours


def folder() -> Path:
    """Where the classes and jars of these sources are, once built: its name is a digest of the sources."""
    digest = hashlib.sha256()
    for source in sorted(path for path in SOURCES.rglob("*") if path.suffix in {".xml", ".java"}):
        digest.update(source.read_bytes())
    return CACHE / digest.hexdigest()[:12]


def build() -> None:
    """Build it, unless the same sources are built already."""
    built = folder()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that start at once: one builds, the other waits
        if not built.is_dir():
            _maven(built)


def _maven(built: Path) -> None:
    if shutil.which("mvn") is None:
        sys.exit(
            "Maven (mvn) is missing, it builds the competitor written with Kafka Streams. On Debian: apt-get install maven"
        )
    print("Building the competitor written with Kafka Streams ...", flush=True)
    unfinished = built.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    goals = (
        "compile",
        "dependency:copy-dependencies",
        f"-Dbuild.folder={unfinished}",
        f"-DoutputDirectory={unfinished}/jars",
    )
    maven = subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "--strict-checksums", "-f", SOURCES / "pom.xml", *goals],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if maven.returncode != 0:
        sys.exit(f"{maven.stdout}\nMaven could not build {SOURCES}; its output stands above.")
    unfinished.rename(built)


def command(options: Mapping[str, str | int]) -> list[str]:
    """The command that starts it at some options."""
    heap, built = options["heap_gb"], folder()
    flags = [f"-Xms{heap}g", f"-Xmx{heap}g", COLLECTORS[str(options["gc"])]]
    log = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
    return [java.require(), *flags, *log, "-cp", f"{built / 'classes'}:{built / 'jars'}/*", "id.pantau.bench.Main"]
