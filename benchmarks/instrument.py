"""What every instrument is: a name, a sentence, arguments of its own, and something that measures."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from typing import NamedTuple

from benchmarks.results import Measurement


class Instrument(NamedTuple):
    """One thing that can be measured: `python -m benchmarks NAME`.

    `arguments` adds what can be chosen to the parser; each has a default, the one that is published. `run` measures
    and gives each measurement as soon as it is there; the command line writes it down. Every instrument is also told
    `runs` (how often to measure the same, 3 by default) and `quick` (the smallest form that still does everything, in
    seconds: it finds out whether the instrument works, and its figures mean nothing).
    """

    name: str
    summary: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Iterable[Measurement]]
