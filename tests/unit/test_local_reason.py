"""Why a process ended is found in its log, whatever wrote it."""

from pathlib import Path

import pytest

from deploy.local.exit_reason import LONGEST, last_reason
from deploy.local.supervisor import Backoff

TRACEBACK = """Traceback (most recent call last):
  File "x.py", line 1, in <module>
    broken()
    ~~~~~~^^
ValueError: the size must be positive
"""
JAVA = """2026-11-27T10:00:00.000+07:00 INFO kafka.server.KafkaRaftServer - starting
2026-11-27T10:00:01.000+07:00 ERROR kafka.Kafka$ - Exiting Kafka due to fatal exception
java.lang.RuntimeException: No readable meta.properties files found.
\tat org.apache.kafka.metadata.properties.MetaPropertiesEnsemble.verify(MetaPropertiesEnsemble.java:493)
\t... 3 more
2026-11-27T10:00:01.100+07:00 INFO kafka.server - App info unregistered
"""


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", "it wrote nothing"),
        ("starting\n\nlistening\n", "listening"),
        (TRACEBACK, "ValueError: the size must be positive"),
        (JAVA, "java.lang.RuntimeException: No readable meta.properties files found."),
        ("Terminating due to java.lang.OutOfMemoryError: Java heap space\n", "Terminating due to java.lang.OutOfMemoryError: Java heap space"),
        (
            '{"level": "CRITICAL", "message": "fail stop: a commit", "exc_info": "Traceback:\\n  x\\nKafkaError: fenced"}\n'
            '{"level": "INFO", "message": "closed"}\n',
            "fail stop: a commit: KafkaError: fenced",
        ),
        ("These settings are invalid:\n  PANTAU_PORT: not a port\n", "PANTAU_PORT: not a port"),
        ('{"level": "INFO"}\n', '{"level": "INFO"}'),
    ],
)  # fmt: skip
def test_the_last_error_is_the_reason_else_the_last_line(tmp_path: Path, log: str, reason: str) -> None:
    file = tmp_path / "log"
    file.write_text("ERROR of a former life\n" + log)
    assert last_reason(file, since=len("ERROR of a former life\n")) == reason


def test_it_is_one_line_of_bounded_length(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * 10_000)
    assert last_reason(tmp_path / "log") == "x" * LONGEST + " ..."
    assert "can't be read" in last_reason(tmp_path / "none")


def test_pauses_double_up_to_a_minute() -> None:
    assert [Backoff().pause(failures) for failures in (1, 2, 3, 6, 7, 8, 10_000)] == [1, 2, 4, 32, 60, 60, 60]
