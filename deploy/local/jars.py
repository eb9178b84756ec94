"""Apache Kafka's jars: fetched once by Maven, in the versions of kafka/pom.xml, and kept in .cache/kafka."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
POM = Path(__file__).with_name("kafka") / "pom.xml"
CACHE = ROOT / ".cache" / "kafka"
HOW_TO_MEND = "On Debian: apt-get install maven"


def folder() -> Path:
    """Where the jars of this pom are, once they are: its name says which pom they came from."""
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
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that start at once: one downloads, the other waits
        if not jars.is_dir():
            _download(jars)
    return jars


def _download(jars: Path) -> None:
    if shutil.which("mvn") is None:
        sys.exit(f"Maven (mvn) is missing, it fetches Apache Kafka once. {HOW_TO_MEND}")
    print("Fetching Apache Kafka, about 45 MB, once ...", flush=True)
    unfinished = jars.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    maven = subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "--strict-checksums", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={unfinished}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )  # fmt: skip
    if maven.returncode != 0:
        sys.exit(f"{maven.stdout}\nMaven could not fetch Apache Kafka; what it said stands above.")
    unfinished.rename(jars)


if __name__ == "__main__":  # `make` fetches them in the foreground, where a person sees what takes long
    fetch()
