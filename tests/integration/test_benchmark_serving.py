"""The benchmarks of intake, of streams and of callers without a key, in short: all they send arrives, and they measure when."""

from pathlib import Path

from benchmarks import intake, streams, under_anonymous_load
from benchmarks.intake import Loading
from benchmarks.streams import Step
from benchmarks.under_anonymous_load import Scene
from deploy.local.broker import Broker


def test_intake_takes_all_that_is_sent(broker: Broker, tmp_path: Path) -> None:
    loads = [Loading(100, 1, 100, 8), Loading(100, 1, None, 8), Loading(10, 50, None, 2)]
    found = list(intake.measured(broker, tmp_path, loads, 1))
    assert [each.parameters["events_per_request"] for each in found] == [1, 1, 50]
    for each in found:
        p50, p99, longest, rate = (
            each.figures[name].median for name in ("p50_ms", "p99_ms", "longest_ms", "events_per_second")
        )
        assert 0 < p50 <= p99 <= longest
        assert rate > 0


def test_every_client_of_a_stream_gets_every_report(broker: Broker, tmp_path: Path) -> None:
    found = list(streams.measured(broker.bootstrap, tmp_path, [Step(20, 3, 20, 20.0)], 1))
    (figures,) = (each.figures for each in found)
    assert 0 < figures["p50_ms"].median <= figures["p99_ms"].median <= figures["longest_ms"].median
    assert figures["kib_per_client"].median > 0


def test_many_callers_without_a_key_do_their_worst_while_reports_are_taken(broker: Broker, tmp_path: Path) -> None:
    (found,) = under_anonymous_load.measured(broker.bootstrap, tmp_path, [Scene(16, 2, 10, 5.0)], 1)
    figures = {name: figure.median for name, figure in found.figures.items()}
    assert 0 < figures["acknowledged_p50_ms"] <= figures["acknowledged_p99_ms"] <= figures["acknowledged_longest_ms"]
    assert 0 < figures["change_p50_ms"] <= figures["change_longest_ms"]
    assert figures["crowd_answered"] > 0
