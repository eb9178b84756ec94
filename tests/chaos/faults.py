"""What a fault is.

A fault is a function: it strikes an installation while records are being processed, undoes what would end by itself (a
paused process is resumed, a broker is started again), and returns what shows that it hit. A fault of which nothing shows
that it hit returns None and is not counted. It waits by `installation.wait`, which keeps the other processes running.

To add one: write the function, name it in a stage (stages.py). What it needs to stand on (three brokers, a proxy) is a
environment of its own (environments.py); the type of the environment says which faults fit.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import ChaosInstallation

G = TypeVar("G", bound=RunEnvironment)

Fault: TypeAlias = Callable[[ChaosInstallation[G]], str | None]


@dataclass(frozen=True)
class Stage(Generic[G]):
    """A environment and the faults that may strike an installation on it.

    `open` makes the environment in an empty folder. One that is `reused` serves several runs, each with topics and a
    database of its own; else each run has a new one. `sites`: how many processes serve the three apis, all on one
    database.
    """

    name: str
    open: Callable[[Path], AbstractContextManager[G]]
    faults: tuple[Fault[G], ...]
    reused: bool = False
    sites: int = 1
