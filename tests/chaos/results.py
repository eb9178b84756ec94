"""results.jsonl: a line for each run that was played to its end, accumulated over all invocations."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos.run import RunPlan, RunResult

FILE = Path(__file__).with_name("results.jsonl")
DIFFERENCE_CHARACTERS = 300
ROOT = Path(__file__).parents[2]
PLAYED = ("services", "realization", "schemas", "deploy/local")  # what a run tests


class Result(NamedTuple):
    """One run. `faults`: how often each was seen to hit; `control`: the protection that was missing, if one was."""

    seed: int
    events: int
    stage: str
    control: str | None
    faults: Mapping[str, int]
    missed: int
    seconds: float
    good: bool
    differences: list[str]
    engine: str

    @property
    def as_it_must_be(self) -> bool:
        """Good; with a protection missing, bad, or inconclusive because its faults did not hit."""
        return self.good == (self.control is None) or (self.control is not None and self.missed > 0)


def result(plan: RunPlan, result: RunResult, control: str | None) -> Result:
    """What is kept of a run."""
    return Result(
        plan.seed,
        plan.events,
        plan.stage.name,
        control,
        dict(sorted(result.hits.items())),
        len(result.missed),
        round(result.seconds, 1),
        not result.differences,
        [text[:DIFFERENCE_CHARACTERS] for text in result.differences[:3]],
        engine(),
    )


def keep(one: Result) -> None:
    """Add a run to the file."""
    with FILE.open("a", encoding="utf-8") as file:
        file.write(json.dumps(one._asdict()) + "\n")


def read() -> list[Result]:
    """All runs, in the order in which they ended."""
    if not FILE.exists():
        return []
    lines: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
    return [Result(**line) for line in lines]


def engine() -> str:
    """The last commit of what was tested, marked where files of it differ."""
    asked = ["git", "log", "-1", "--format=%h", "--", *PLAYED]
    completed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", *PLAYED], cwd=ROOT, check=False).returncode
    return completed.stdout.strip() + ("+" if changed else "")
