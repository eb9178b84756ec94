"""benchmarks/results.json keeps the latest measurement of each row, of competitors that there are, as it is written."""

from collections import Counter
from pathlib import Path

from benchmarks import results
from benchmarks.benchmark import unit_of
from benchmarks.competitors import COMPETITORS


def test_a_row_is_kept_once() -> None:
    rows = Counter(one.measurement.row for one in results.read())
    assert [row for row, count in rows.items() if count > 1] == [], "keep the latest: results.write does"


def test_the_file_is_as_it_is_written(tmp_path: Path) -> None:
    results.write(results.read(), tmp_path / "results.json")
    assert (tmp_path / "results.json").read_text() == results.RESULTS.read_text()


def test_no_row_is_of_a_competitor_that_is_gone() -> None:
    found = {
        one.measurement.parameters["competitor"] for one in results.read() if "competitor" in one.measurement.parameters
    }
    assert found <= COMPETITORS.keys()


def test_a_metric_has_one_unit() -> None:
    for one in results.read():
        for metric, figure in one.measurement.figures.items():
            assert figure.unit == unit_of(metric), (one.measurement.name, metric)
