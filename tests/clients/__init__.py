"""The programs of docs/departments.md that send an event to Kafka, run as they stand there.

Those in BY_HAND need Node or Go, which `make test` does not ask of a machine; they are run by

    .venv/bin/python -m pytest tests/clients/node_and_go.py
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any, Final

from httpx import Client, Response

from deploy.local import jars, java
from samples.plan import PLAN
from tests.integration.intake_site import IntakeSite

Json = dict[str, Any]

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "departments.md"
SITE = "http://127.0.0.1:8000"
TIMEOUT_SECONDS = 120


def _run_java(program: Path) -> list[str]:
    return [java.require(), "-cp", f"{jars.fetch()}/*", program.name]


def _run_python(program: Path) -> list[str]:
    return [sys.executable, program.name]


def _run_node(program: Path) -> list[str]:
    folder = program.parent
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "kafkajs" / name, folder)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return ["node", program.name]


def _run_go(program: Path) -> list[str]:
    for name in ("go.mod", "go.sum"):
        shutil.copy(HERE / "go" / name, program.parent)
    return ["go", "run", program.name]


# By the heading in the docs: the file's name, and what makes it ready and gives the command that runs it.
Runner = tuple[str, Callable[[Path], list[str]]]
IN_MAKE_TEST: Final[dict[str, Runner]] = {
    "Java": ("Send.java", _run_java),
    "confluent-kafka": ("send.py", _run_python),
    "kafka-python": ("send.py", _run_python),
    "aiokafka": ("send.py", _run_python),
}
BY_HAND: Final[dict[str, Runner]] = {
    "KafkaJS": ("send.js", _run_node),
    "franz-go": ("send.go", _run_go),
    "kafka-go": ("send.go", _run_go),
    "Sarama": ("send.go", _run_go),
}


def documented() -> dict[str, str]:
    """The programs in the docs, by client."""
    return dict(re.findall(r"^#### ([^\n]+)\n\n```\w+\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL))


def example() -> Json:
    """The report in the docs."""
    found = re.search(r"^```json\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    report: Json = json.loads(found[1])
    return report


def send(client: str, program: str, event_id: str, intake: IntakeSite, folder: Path, key: str | None = None) -> Json:
    """Run a program in a folder of its own, on the intake's broker and topics. Returns what became of its event, as
    shown to the holder of a key."""
    event, kafka_topics = example() | {"id": event_id}, intake.kafka_topics
    for stated, ours in (
        ('"127.0.0.1:9092"', f'"{kafka_topics.bootstrap}"'),
        ('"program-status"', f'"{kafka_topics.prefix}program-status"'),
    ):
        assert stated in program
        program = program.replace(stated, ours)
    assert f'"{PLAN}"' in program
    name, prepare = (IN_MAKE_TEST | BY_HAND)[client]
    (folder / name).write_text(program)
    (folder / "report.json").write_text(json.dumps(event))
    completed = subprocess.run(
        prepare(folder / name), cwd=folder, check=False, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
    assert completed.returncode == 0, f"{client} failed:\n{completed.stdout}{completed.stderr}"
    return intake.outcome(event["source"], event["id"], key=key)


def commands() -> list[str]:
    """The curl commands in the docs, in their order."""
    found = re.findall(r"^    (curl (?:\\\n|.)*)$", DOCS.read_text(), re.MULTILINE)
    return [command.replace("\\\n", "") for command in found]


def curl(command: str, client: Client, folder: Path, **variables: str) -> Response:
    """Make the request of a curl command, with a client of the site instead of curl."""
    options = argparse.ArgumentParser()
    options.add_argument("program", choices=["curl"])
    options.add_argument("url")
    options.add_argument("-X", dest="method", default="GET")
    options.add_argument("-H", dest="headers", action="append", default=[])
    options.add_argument("--data")
    asked = options.parse_args(shlex.split(Template(command).substitute(variables)))
    assert asked.url.startswith(SITE)
    return client.request(
        asked.method,
        asked.url.removeprefix(SITE),
        headers=dict(header.split(": ", 1) for header in asked.headers),
        content=(folder / asked.data.removeprefix("@")).read_bytes() if asked.data else None,
    )
