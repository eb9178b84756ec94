"""Plays runs: `make chaos ARGS="--runs 20 --seed 7"`.

Each run prints its seed, the faults as they strike, and the verdict. The exit code is 0 when all were good. The folder
of a run that was not (ledger, logs, databases) is kept and named.
"""

import argparse
import logging
import random
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.chaos.faults import Stage
from tests.chaos.play import Told, drawn, play
from tests.chaos.stages import STAGES


def main() -> int:
    """Play the runs that were asked for."""
    asked = _arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that brokers are away is known here
    base = Path(mkdtemp(prefix="pantau-chaos-"))
    base.chmod(0o755)  # a database's own user must be able to pass
    bad = 0
    with ExitStack() as grounds:
        standing: dict[str, Any] = {}
        for number in range(asked.runs):
            seed = asked.seed + number
            stage = STAGES[asked.stage] if asked.stage else _of(seed)
            folder = base / f"run-{seed}"
            folder.mkdir(0o755)
            print(
                f"run {number + 1} of {asked.runs}: seed {seed}, {asked.events} events, stage {stage.name}", flush=True
            )
            if stage.name not in standing:
                (base / stage.name).mkdir(0o755)
                standing[stage.name] = grounds.enter_context(stage.open(base / stage.name))
            told = play(
                drawn(seed, asked.events, stage),
                standing[stage.name],
                folder,
                lambda text: print(f"  {text}", flush=True),
            )
            bad += bool(told.differences)
            _tell(told, seed, asked.events, stage, folder)
    if not bad:
        shutil.rmtree(base)
    print(f"{asked.runs - bad} of {asked.runs} runs were good")
    return 1 if bad else 0


def _tell(told: Told, seed: int, events: int, stage: Stage[Any], folder: Path) -> None:
    if not told.differences:
        print(f"  good, after {told.seconds:.1f} s", flush=True)
        shutil.rmtree(folder)
        return
    print(f"  NOT GOOD, after {told.seconds:.1f} s:", *told.differences, sep="\n    ")
    print(
        f'  its files: {folder}\n  again: make chaos ARGS="--seed {seed} --events {events} --stage {stage.name}"',
        flush=True,
    )


def _of(seed: int) -> Stage[Any]:
    return random.Random(seed).choice(list(STAGES.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1, help="how many; each has the next seed (default: 1)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the first run (default: any)")
    parser.add_argument("--events", type=int, default=20_000, help="letters sent in a run (default: 20,000)")
    parser.add_argument("--stage", choices=sorted(STAGES), help="what the run is played on (default: the seed says)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
