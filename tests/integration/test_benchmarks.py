"""The short form of `make bench`: every instrument still measures, on a broker of its own, and writes down what it finds."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import results
from tests.parts.processes import ROOT


@pytest.mark.parametrize(
    "arguments",
    [["replay", "--workload", "nation-disorder", "--competitor", "pantau"]],
    ids=lambda told: told[0],
)
def test_an_instrument_measures(arguments: list[str], tmp_path: Path) -> None:
    kept = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", *arguments, "--quick", "--results", str(kept)]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    assert told.returncode == 0, told.stdout
    found = results.read(kept)
    assert found, told.stdout
    for one in found:
        assert all(value > 0 for value in one.measurement.figures["events_per_second"].values), told.stdout
