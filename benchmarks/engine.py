"""Our own worker as a competitor, started as it is anywhere else."""

import sys

from benchmarks.peers.peer import Options, Peer

PANTAU = "pantau"


def _nothing_to_build() -> None:
    """It is here already."""


def _command(_: Options) -> list[str]:
    return [sys.executable, "-m", "services.aggregator.worker"]


ONE_PROCESS: Options = {"processes": 1}
ENGINE = Peer(PANTAU, "exactly_once", _nothing_to_build, _command, (ONE_PROCESS, {"processes": 2}))
