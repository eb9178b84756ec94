"""The short form of `make bench`: every benchmark of the engine still measures, on a broker of its own, and writes down what it finds."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.competitors import PANTAU
from tests.parts.processes import ROOT

FIGURE = {
    "replay": "events_per_second",
    "delay": "p99_ms",
    "restore": "facts_per_second",
    "growth": "events_per_second",
}
SHORT = {
    "replay": ["--workload", "nation-disorder", "--competitor", PANTAU],
    "delay": ["--workload", "nation", "--partitions", "4", "--rate", "200", "--competitor", PANTAU],
    "restore": ["--competitor", PANTAU],
    "growth": [],
}


@pytest.mark.parametrize("benchmark", SHORT)
def test_a_benchmark_measures_our_engine(benchmark: str, tmp_path: Path) -> None:
    kept = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", benchmark, *SHORT[benchmark], "--quick", "--results", str(kept)]
    completed = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )

    assert completed.returncode == 0, completed.stdout
    (found,) = results.read(kept)
    assert found.measurement.name == benchmark
    assert found.measurement.parameters["competitor"] == PANTAU
    assert all(value > 0 for value in found.measurement.figures[FIGURE[benchmark]].values), completed.stdout
