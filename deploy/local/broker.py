"""A real Apache Kafka on one machine: one node that is broker and controller, without ZooKeeper or Docker.

    python -m deploy.local.broker

`make run` starts it this way, and the tests by the class `Broker`, also as a node among others. It has no users and no
encryption, so it always listens on 127.0.0.1 and ignores PANTAU_HOST.
"""

import base64
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from deploy.local import children, jars, java, settings

HOST = "127.0.0.1"
MIB = 1024 * 1024
FOREVER = 2**31 - 1  # the largest these settings can be: 25 days in ms, 4,000 years in minutes
NOTHING: Mapping[str, str] = MappingProxyType({})

# The serial collector and the first compiler only: ready in 1.7 s instead of 2.3, and a third less of the two cores
# in use for the same records (312,000 in transactions: 1.1 s of processor against 1.6; the rate is the client's).
HEAP = "-Xmx768m"
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
LOGGING = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
)


def properties(data: Path, port: int, controller_port: int, also: Mapping[str, str] = NOTHING) -> str:
    """Kafka's server.properties for a single node. `also` overrides them, for example for a node of a cluster."""
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "log.dirs": data,
        # One node: one copy of everything, and no waiting for others.
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # After a SIGKILL the node can register again when its former session has ended: 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # The retry interval of a transaction that waits in the broker until the markers of the one before are written.
        "add.partitions.to.txn.retry.backoff.ms": 2,
        # Topics are declared, never created by a typing error; a transactional id never expires.
        "auto.create.topics.enable": "false",
        "transactional.id.expiration.ms": FOREVER,
        # An open transaction hides the records after it, so the broker ends it after a minute, not 15.
        "transaction.max.timeout.ms": 60_000,
        # A plan version may have 16 MiB; each topic states its own limit below this one.
        "message.max.bytes": 18 * MIB,
        "log.cleaner.dedupe.buffer.size": 16 * MIB,
    }
    return "".join(f"{name}={value}\n" for name, value in (values | dict(also)).items())


def new_cluster() -> str:
    """An id for a new cluster: the nodes of one share it."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def prepare(
    folder: Path,
    port: int,
    controller_port: int,
    *,
    also: Mapping[str, str] = NOTHING,
    cluster: str | None = None,
    heap: str = HEAP,
    jvm: Sequence[str] = JVM,
) -> list[str]:
    """Make `folder` ready for a broker (jars, settings, format on first use). Returns the command that starts it."""
    program = [java.require(), heap, *jvm, *LOGGING, "-cp", f"{jars.fetch()}/*"]
    data, configuration = folder / "data", folder / "server.properties"
    folder.mkdir(parents=True, exist_ok=True)
    configuration.write_text(properties(data, port, controller_port, also))
    if not (data / "meta.properties").exists():  # formatting writes this last: when it was killed, it is done again
        if any(path.is_dir() for path in data.glob("*")):
            sys.exit(
                f"{data} has topics but no meta.properties: the broker's folder is damaged. "
                "Put it back from your backup, or `make reset` and begin anew."
            )
        _format(program, configuration, cluster or new_cluster())
    return [*program, "kafka.Kafka", str(configuration)]


def _format(program: list[str], configuration: Path, cluster: str) -> None:
    format_storage = ["kafka.tools.StorageTool", "format", "--config", str(configuration), f"--cluster-id={cluster}"]
    completed = subprocess.run([*program, *format_storage], capture_output=True, text=True, check=False)
    if completed.returncode != 0:
        sys.exit(
            f"{completed.stdout}{completed.stderr}\nKafka could not format {configuration.parent}; its output is above."
        )


def answers(port: int, *, host: str = HOST, timeout_seconds: float = 1.0) -> bool:
    """Whether a broker there takes work: it answers a metadata request, and lists itself as a live broker."""
    metadata_of_no_topic = struct.pack(">hhi6si", 3, 1, 1, struct.pack(">h4s", 4, b"look"), 0)
    try:
        with socket.create_connection((host, port), timeout_seconds) as connection:
            connection.settimeout(timeout_seconds)
            connection.sendall(struct.pack(">i", len(metadata_of_no_topic)) + metadata_of_no_topic)
            answer = connection.makefile("rb").read(12)  # length, correlation id, number of brokers
    except OSError:
        return False
    return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0


class Broker:
    """A broker that can be stopped, killed, paused and started again on the same ports and folder.

    `also`, `cluster` and `heap` make it a node among others (see `properties` and `prepare`). `jvm`: options
    of its Java. `env` is added to the environment of the process at each start.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        controller_port: int,
        *,
        also: Mapping[str, str] = NOTHING,
        cluster: str | None = None,
        heap: str = HEAP,
        jvm: Sequence[str] = JVM,
    ) -> None:
        self.folder = folder
        self.port = port
        self.controller_port = controller_port
        self.log = folder / "broker.log"
        self.env: Mapping[str, str] = NOTHING
        self._also, self._cluster, self._heap, self._jvm = also, cluster, heap, jvm
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the broker was not started"
        return self._process

    def start(self, *, within_seconds: float = 180) -> None:
        """Start it and return when it takes work."""
        self.launch()
        self.until_it_answers(within_seconds)

    def launch(self) -> None:
        """Start it and don't wait: a node among others takes work only when enough of them are there."""
        command = prepare(
            self.folder,
            self.port,
            self.controller_port,
            also=self._also,
            cluster=self._cluster,
            heap=self._heap,
            jvm=self._jvm,
        )
        self._process = children.start(command, log=self.log, env={**os.environ, **self.env})

    def until_it_answers(self, within_seconds: float = 180) -> None:
        """Return when it takes work. Otherwise ends it and raises RuntimeError with the end of its log."""
        deadline = time.monotonic() + within_seconds
        while not answers(self.port):
            exited = self.process.poll()
            if exited is not None or time.monotonic() > deadline:
                children.kill(self.process)
                why = f"exited with code {exited}" if exited is not None else f"was not ready within {within_seconds} s"
                raise RuntimeError(f"the broker {why}; the end of {self.log}:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def stop(self, *, within_seconds: float = 10) -> None:
        """End it in order."""
        children.stop(self.process, within_seconds=within_seconds)

    def kill(self) -> None:
        """SIGKILL, as if the power had failed."""
        children.kill(self.process)

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)


def main() -> None:
    """Become the broker of this machine's settings."""
    here = settings.read()
    command = prepare(here.state / "kafka", here.kafka.number, here.kafka_controller.number)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
