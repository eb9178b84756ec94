"""Apache Kafka's jars: fetched once by Maven, in the versions of kafka/pom.xml, and kept in .cache/kafka."""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from deploy.local import children

ROOT = Path(__file__).parents[2]
POM = Path(__file__).with_name("kafka") / "pom.xml"
CACHE = ROOT / ".cache" / "kafka"
HOW_TO_MEND = "On Debian: apt-get install maven"


def folder() -> Path:
    """The folder of this pom's jars, which may not exist yet: its name is a digest of the pom."""
    return CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


@cache
def kafka_version() -> str:
    """The version of Apache Kafka that this pom names."""
    found = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)</version>", POM.read_text())
    assert found, f"{POM} names no Kafka"
    return found[1]


def fetch() -> Path:
    """The folder with the jars; fetched first when they are not there."""
    jars = folder()
    if jars.is_dir():
        return jars
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        lock = (CACHE / "lock").open("w")
    except OSError as error:
        sys.exit(f"{CACHE} can't be written ({error.strerror}), and Apache Kafka is kept in it: make it writable.")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two processes that start at once, one downloads and the other waits
        if not jars.is_dir():
            _download(jars)
    return jars


def _download(jars: Path) -> None:
    if shutil.which("mvn") is None:
        sys.exit(f"Maven (mvn) is missing, it fetches Apache Kafka once. {HOW_TO_MEND}")
    print("Fetching Apache Kafka, about 45 MB, once ...", flush=True)
    unfinished = jars.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    log_file = unfinished.with_suffix(".log")
    log_file.unlink(missing_ok=True)
    goal = ("-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={unfinished}")
    # It ends with us: else it could write into the folder of the next download. -U tries again what failed before:
    # without it Maven remembers a failed download for a day.
    maven = children.start(
        ["mvn", "--quiet", "--batch-mode", "--strict-checksums", "-U", *_repository(), *goal], log=log_file
    )
    try:
        code = maven.wait()
    finally:
        children.kill(maven)
    if code != 0:
        sys.exit(f"{log_file.read_text()}\nMaven could not fetch Apache Kafka; its output is above.")
    unfinished.rename(jars)
    log_file.unlink()


def _repository() -> Sequence[str]:
    """Where Maven keeps what it downloads: in its user's home, or in .cache when that can't be written."""
    own = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".m2" / "repository"
    there = next(folder for folder in (own, *own.parents) if folder.exists())
    return () if os.access(there, os.W_OK) else (f"-Dmaven.repo.local={CACHE / 'maven'}",)


if __name__ == "__main__":  # `make` fetches them in the foreground, so that a person sees why it takes long
    try:
        fetch()
    except KeyboardInterrupt:
        sys.exit(130)
