"""The prepared broker of a run: a broker of its own that holds a workload's records, the same bytes every time.

They are loaded once and the stopped broker's folder kept below .cache/bench-grounds. Each run starts from a copy of it. The
segments of the inputs are linked, not copied: a broker only appends to a segment, and a run that appends records
asks for a copy of its own.
"""

import asyncio
import hashlib
import os
import pickle
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks import expected, loading, plans, records, workloads
from benchmarks.expected import Expected
from benchmarks.workloads import Workload
from deploy.local import jars
from deploy.local.broker import JVM, Broker
from deploy.local.process_settings import InstallationSettings
from services.kit.topics import declare_topics
from tests.parts.waiting import free_port

CACHE = jars.ROOT / ".cache" / "bench-grounds"
PREFIX = "bench-"
INPUTS = tuple(f"{PREFIX}{topic}-" for topic in ("masterplans", "program-status"))
MAKERS = (expected, loading, plans, records, workloads)


class PreparedBroker(NamedTuple):
    """A loaded workload: the folder to start a broker from, and the expected output."""

    workload: Workload
    folder: Path
    expected: Expected


def prepared(workload: Workload) -> PreparedBroker:
    """The prepared folder of a workload; loads it first unless the same version of the generating code already did."""
    folder = CACHE / f"{workload.name}-{_code_digest()}"
    if not folder.exists():
        print(f"loading {workload.reports:,} reports of {workload.plans} plans ...", flush=True)
        unfinished = folder.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        _load(workload, unfinished)
        for former in CACHE.glob(f"{workload.name}-*"):
            if former != unfinished:
                shutil.rmtree(former)
        unfinished.rename(folder)
    with (folder / "expected").open("rb") as file:
        return PreparedBroker(workload, folder, pickle.load(file))


def _code_digest() -> str:
    """A digest of the code that generates the records: it changes when they may."""
    digest = hashlib.sha256()
    for module in MAKERS:
        digest.update(Path(module.__file__ or "").read_bytes())
    return digest.hexdigest()[:12]


def _load(workload: Workload, folder: Path) -> None:
    broker = Broker(folder / "broker", free_port(), free_port())
    broker.start()
    try:
        asyncio.run(
            declare_topics(
                InstallationSettings(kafka=broker.bootstrap, topic_prefix=PREFIX, partitions=workload.partitions)
            )
        )
        found = asyncio.run(loading.load(workload, broker.bootstrap, PREFIX))
    finally:
        broker.stop(within_seconds=60)
    broker.log.unlink()
    with (folder / "expected").open("wb") as file:
        pickle.dump(found, file)


@contextmanager
def broker(ground: PreparedBroker, *, more_records: bool = False, jvm: Sequence[str] = JVM) -> Generator[Broker]:
    """A running broker that holds the workload's records, in a folder that is deleted when it stops.

    `more_records`: records will be appended to the inputs, so their segments are copied. `jvm`: the options of its Java.
    """
    with TemporaryDirectory(prefix="run-", dir=CACHE) as name:
        folder = Path(name)

        def copy(source: str, target: str) -> str:
            path = Path(source)
            if not more_records and path.suffix == ".log" and path.parent.name.startswith(INPUTS):
                os.link(source, target)
                return target
            return shutil.copy(source, target)

        shutil.copytree(ground.folder / "broker", folder / "broker", copy_function=copy)
        running = Broker(folder / "broker", free_port(), free_port(), jvm=jvm)
        running.start()
        try:
            yield running
        finally:
            running.stop(within_seconds=60)


def bytes_of(broker: Broker, topic: str) -> int:
    """Bytes of a topic on a broker's disk, without its indexes."""
    return sum(segment.stat().st_size for segment in (broker.folder / "data").glob(f"{PREFIX}{topic}-*/*.log"))
