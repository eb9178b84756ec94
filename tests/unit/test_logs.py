"""Log lines that a library repeats while its broker is away."""

import logging

import pytest

from services.kit import logs
from services.kit.logs import Repeats


def emitted(filtered: Repeats, name: str, *arguments: object) -> logging.LogRecord | None:
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, "no way to node %s", arguments, None)
    return record if filtered.filter(record) else None


def test_a_line_is_let_through_once_a_second_with_the_number_of_those_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    now, filtered = 100.0, Repeats()
    monkeypatch.setattr("services.kit.logs.time.monotonic", lambda: now)

    assert emitted(filtered, "aiokafka.conn", 1) is not None
    assert emitted(filtered, "aiokafka.conn", 2) is not None  # another node
    for _ in range(3):
        assert emitted(filtered, "aiokafka.conn", 1) is None
    now += logs.REPEATED_AFTER_SECONDS
    again = emitted(filtered, "aiokafka.conn", 1)
    assert again is not None
    assert vars(again)["repeated"] == 3


def test_what_we_log_ourselves_is_always_let_through() -> None:
    filtered = Repeats()

    assert all(emitted(filtered, "services.aggregator.worker.engine", 1) for _ in range(3))


def test_a_line_that_cannot_be_written_does_not_end_who_logs_it() -> None:
    assert emitted(Repeats(), "aiokafka.conn", 1, "one too many") is not None
