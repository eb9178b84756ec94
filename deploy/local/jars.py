"""Apache Kafka's jars: fetched once by Maven, in the versions of kafka/pom.xml, and kept in .cache/kafka."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
POM = Path(__file__).with_name("kafka") / "pom.xml"
CACHE = ROOT / ".cache" / "kafka"


def fetch() -> Path:
    """The folder with the jars. What is there is used; the folder's name says which pom it came from."""
    folder = CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that start at once: one downloads, the other waits
        if not folder.is_dir():
            _download(folder)
    return folder


def _download(folder: Path) -> None:
    if shutil.which("mvn") is None:
        sys.exit("Maven (mvn) is missing, it fetches Apache Kafka once. On Debian: apt-get install maven")
    print("Fetching Apache Kafka, about 45 MB, once ...", flush=True)
    unfinished = folder.with_suffix(".part")
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
    unfinished.rename(folder)
