"""Plays runs of the system under faults, and compares what came of them with the oracle.

  make chaos ARGS="--runs 20 --seed 7"     runs of the seeds 7 to 26
  make chaos ARGS="--questions 300"        ask the apps all that their documents allow, 300 s each by each caller
  make chaos ARGS="--controls"             every negative control: each takes a protection away and must end badly
  make chaos ARGS="--bounds"               100,000 events at the bounds of the contract, without faults, on both databases

Each run prints its seed, the faults as they strike, and the verdict; it is added to tests/chaos/results.jsonl, from which
docs/reliability.md is generated. The exit code is 0 when every run ended as it must. The folder of one that did not
(ledger, logs, databases) is kept and named.
"""

import argparse
import logging
import random
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from tests.chaos import contract_bounds, fuzzing, results
from tests.chaos.controls import CONTROLS
from tests.chaos.environments import RunEnvironment
from tests.chaos.faults import Stage
from tests.chaos.run import RunPlan, drawn, play
from tests.chaos.stages import STAGES
from tests.parts import postgres

STOPPED = 130  # as a shell says it of Ctrl-C
EVENTS, EVENTS_AT_THE_BOUNDS = 20_000, 100_000
ATTEMPTS = 3  # at a control whose faults were not seen to hit
RUNS_PER_ENVIRONMENT = 20  # each run declares topics of its own, and a broker slows down with their number


class Environments:
    """The environments that are open; a reused one serves several runs."""

    def __init__(self, base: Path, stack: ExitStack) -> None:
        self._base, self._stack = base, stack
        self._open: dict[Any, tuple[ExitStack, RunEnvironment]] = {}
        self._uses = 0

    def of(self, stage: Stage[Any]) -> RunEnvironment:
        """The environment for one more run."""
        self._uses += 1
        if not stage.reused or self._uses % RUNS_PER_ENVIRONMENT == 0:
            self._close(stage)
        if stage.open not in self._open:
            folder = self._base / f"environment-{self._uses}"
            folder.mkdir(0o755)
            own = self._stack.enter_context(ExitStack())
            self._open[stage.open] = own, own.enter_context(stage.open(folder))
        return self._open[stage.open][1]

    def _close(self, stage: Stage[Any]) -> None:
        if stage.open in self._open:
            self._open.pop(stage.open)[0].close()


class RunSeries:
    """Plays runs, each in a folder of its own, and records their results."""

    def __init__(self, base: Path, environments: Environments) -> None:
        self._base, self._environments = base, environments
        self.runs = self.kept = 0

    def play(self, plan: RunPlan, control: str | None) -> results.Result:
        """Play a run, record its result and print it."""
        self.runs += 1
        folder = self._base / f"run-{self.runs}-seed-{plan.seed}"
        folder.mkdir(0o755)
        _print(f"  faults: {', '.join(fault.__name__ for fault in plan.faults)}")
        result = play(plan, self._environments.of(plan.stage), folder, lambda text: _print(f"  {text}"))
        one = results.result(plan, result, control)
        results.keep(one)
        self.kept += not one.as_it_must_be
        _print_verdict(one, result.differences, folder)
        return one


def main() -> int:
    """Play the runs that the command line asks for."""
    options = _arguments()
    if options.bounds:
        return _bounds(options.seed, options.events or EVENTS_AT_THE_BOUNDS)
    options.events = options.events or EVENTS
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers are down on purpose here
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # as on Ctrl-C, so that processes and folders are cleaned up
    base = Path(mkdtemp(prefix="pantau-chaos-"))
    base.chmod(0o755)  # a database's own user must be able to pass
    if options.questions:
        wrong = fuzzing.ask(base / "questions", options.questions, options.seed)
        shutil.rmtree(base)
        return 1 if wrong else 0
    names = list(CONTROLS) if options.controls else [options.control] if options.control else []
    with ExitStack() as stack:
        series = RunSeries(base, Environments(base, stack))
        try:
            wrong = _controls(series, names, options) if names else _runs(series, options)
            code = 1 if wrong else 0
        except KeyboardInterrupt:
            code = STOPPED
    if not series.kept:
        shutil.rmtree(base)
    _print(f"{series.runs} runs{', then stopped' if code == STOPPED else ''}; {series.kept} ended as they must not")
    return code


def _bounds(seed: int, events: int) -> int:
    """Play events at the bounds of the contract on both databases. 1 when something that was accepted is not taken."""
    with postgres.in_folder_of_its_own() as server, TemporaryDirectory(prefix="pantau-bounds-") as folder:
        _print(f"bounds: seed {seed}, {events} events, on SQLite and PostgreSQL")
        began, databases = time.monotonic(), [f"sqlite:///{folder}/bounds.db", server.new_database("bounds")]
        try:
            played = contract_bounds.play(seed, events, databases)
        except Exception as error:
            logging.exception("bounds, seed %d", seed)
            _print(f"  BAD, WHICH IT MUST NOT BE: {type(error).__name__}: {str(error)[:1000]}")
            return 1
        accepted, rejected = played.accepted.total(), played.rejected.total()
        _print(f"  good after {time.monotonic() - began:.0f} s: {accepted} accepted and taken, {rejected} rejected")
    return 0


def _controls(series: RunSeries, names: list[str], options: argparse.Namespace) -> int:
    """Play controls. How many ended well."""
    return sum(not _control(series, name, options.seed, options.events) for name in names)


def _runs(series: RunSeries, options: argparse.Namespace) -> int:
    """Play the runs that there is time for. How many were not good."""
    began, wrong = time.monotonic(), 0
    for number in range(options.runs):
        if options.minutes and time.monotonic() - began > options.minutes * 60:
            _print(f"no time for more: {number} of {options.runs} runs")
            break
        wrong += not _run(series, options.seed + number, options, f"{number + 1} of {options.runs}")
    return wrong


def _run(series: RunSeries, seed: int, options: argparse.Namespace, which: str) -> bool:
    """Play the run of a seed. Whether it was good."""
    stage = STAGES[options.stage or random.Random(seed).choice(sorted(STAGES))]
    _print(f"run {which}: seed {seed}, {options.events} events, stage {stage.name}")
    return series.play(drawn(seed, options.events, stage), None).good


def _control(series: RunSeries, name: str, seed: int, events: int) -> bool:
    """Play a control; again with the next seed where its faults did not hit and it ended well. Whether it ended badly."""
    for attempt in range(ATTEMPTS):
        _print(f"control {name}: seed {seed + attempt}, {events} events, without: {CONTROLS[name].protection}")
        one = series.play(CONTROLS[name].plan(name, seed + attempt, events), name)
        if not one.good or not one.missed:
            return not one.good
    return False


def _print_verdict(one: results.Result, differences: list[str], folder: Path) -> None:
    verdict = "good" if one.good else "bad"
    if one.as_it_must_be:
        _print(f"  {verdict}, as it must be, after {one.seconds} s")
        for difference in differences[:2]:
            _print(f"    {difference[:1000]}")
        shutil.rmtree(folder)
        return
    _print(f"  {verdict.upper()}, WHICH IT MUST NOT BE, after {one.seconds} s")
    for difference in differences:
        _print(f"    {difference[:1000]}")
    again = f"--seed {one.seed} --events {one.events} " + (
        f"--control {one.control}" if one.control else f"--stage {one.stage}"
    )
    _print(f'  its files: {folder}\n  again: make chaos ARGS="{again}"')


def _print(text: str) -> None:
    print(text, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1, help="how many; each has the next seed (default: 1)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the first run (default: any)")
    parser.add_argument("--minutes", type=float, help="begin no further run after so long (default: no limit)")
    parser.add_argument("--events", type=int, help="events sent in a run (default: 20,000; with --bounds 100,000)")
    parser.add_argument("--stage", choices=sorted(STAGES), help="what the runs are played on (default: each seed says)")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--control", choices=sorted(CONTROLS), help="play this negative control instead")
    either.add_argument("--questions", type=int, metavar="SECONDS", help="ask the apps instead, so long each")
    either.add_argument("--controls", action="store_true", help="play every negative control instead")
    either.add_argument(
        "--bounds", action="store_true", help="decide and apply events at the bounds of the contract instead"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
