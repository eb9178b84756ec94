"""Plays a competitor that keeps nothing: it says itself how long it took, and what it made of the mail is compared."""

import json
import time
from typing import Any

from benchmarks import comparison, ground, process_tree
from benchmarks.comparison import Realization
from benchmarks.expected import ACCEPTED, DUPLICATE
from benchmarks.ground import Ground
from benchmarks.peers.peer import Options, Peer
from benchmarks.playing import BEGINS, STALLED_SECONDS, Run
from benchmarks.running import Competitor, WrongError, competitor
from schemas.vocabulary import Reason

Json = dict[str, Any]

LOOK_SECONDS = 0.1
SAYS = '{"records"'  # how its one line begins (benchmarks/peers/floor.py)


def play(on: Ground, peer: Peer, options: Options) -> Run:
    """One run. Raises WrongError when what it says is not what is expected."""
    with ground.broker(on) as broker:
        began = time.monotonic()
        with competitor(on, broker, peer, options) as running:
            said = _listen(running, on)
            whole = time.monotonic() - began
            peaks = process_tree.peak_mib(running.pid), process_tree.peak_mib(broker.process.pid)
    if found := differences(said, on):
        raise WrongError("\n".join(["what it says is not what is expected:", *found]))
    events = said["records"] * (1 - BEGINS)
    return Run(
        events_per_second=events / said["seconds"],
        cpu_us_per_event=said["processor_seconds"] / events * 1e6,
        seconds=said["seconds"],
        cpu_seconds=said["processor_seconds"],
        broker_cpu_seconds=0.0,
        harness_cpu_seconds=0.0,
        other_cpu_seconds=0.0,
        first_fact_seconds=said["first_seconds"],
        whole_seconds=whole,
        peak_mib=peaks[0],
        broker_peak_mib=peaks[1],
        book_bytes_per_fact=0.0,
    )


def _listen(running: Competitor, on: Ground) -> Json:
    """What it says when it has done everything. It says nothing before, so it has as long as a slow one would need."""
    deadline = time.monotonic() + STALLED_SECONDS + on.expected.records / 2_000
    while time.monotonic() < deadline:
        running.check()
        for line in running.said.splitlines():
            if line.startswith(SAYS) and line.endswith("}"):
                said: Json = json.loads(line)
                return said
        time.sleep(LOOK_SECONDS)
    raise WrongError("it says nothing")


def differences(said: Json, on: Ground) -> list[str]:
    """How what it says differs from what is expected. Empty: not at all."""
    counts = on.expected.counts
    outcomes = {
        "accepted": on.expected.accepted,
        "duplicate": counts[DUPLICATE],
        "conflict": counts[Reason.CONFLICT.value],
        "rejected": sum(counts.values()) - counts[ACCEPTED] - counts[DUPLICATE] - counts[Reason.CONFLICT.value],
    }
    found = []
    if said["outcomes"] != outcomes:
        found.append(f"outcomes {said['outcomes']}, expected {outcomes}")
    told = {plan: Realization(plan, one["seq"], one["cells"]) for plan, one in said["realization"].items()}
    if not comparison.covers(told, on.expected):
        found.append("it counted other facts")
    return found + comparison.of_realizations(told, on.expected)
