"""Replay: events per second from a full log, of each competitor."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import get_args

from benchmarks import floor, ground, playing, points, results
from benchmarks.competitors import COMPETITORS
from benchmarks.ground import Ground
from benchmarks.instrument import Instrument
from benchmarks.peers.peer import Options, Peer
from benchmarks.playing import Run
from benchmarks.results import Figure, Measurement, Unit
from benchmarks.running import WrongError
from benchmarks.workloads import Name, quick, workload

UNITS: dict[str, Unit] = {
    "events_per_second": "events/s", "cpu_us_per_event": "us", "peak_mib": "MiB", "broker_peak_mib": "MiB",
    "book_bytes_per_fact": "bytes",
}  # fmt: skip


def measure(on: Ground, peer: Peer, options: Options, runs: int, name: Name) -> Measurement:
    """Several runs of a competitor at one point of its grid. Raises WrongError."""
    print(f"replay of {name}, {on.expected.records:,} events: {peer.name} {dict(options) or ''}", flush=True)
    played = []
    for number in range(1, runs + 1):
        play = floor.play if peer.guarantee == "none" else playing.play
        played.append(play(on, peer, options))
        print(f"  run {number}: {_told(played[-1])}", flush=True)
    figures = {
        field: Figure(UNITS.get(field, "s"), tuple(round(getattr(run, field), 3) for run in played))
        for field in Run._fields
    }
    parameters = {
        "workload": name,
        "plans": on.workload.plans,
        "events": on.expected.records,
        "competitor": peer.name,
        "guarantee": peer.guarantee,
        "options": points.text(options),
    }
    return Measurement("replay", parameters, figures)


def _told(run: Run) -> str:
    return (
        f"{run.events_per_second:,.0f} events/s; wall {run.seconds:.1f} s, of processor: competitor {run.cpu_seconds:.1f} s, "
        f"broker {run.broker_cpu_seconds:.1f} s, harness {run.harness_cpu_seconds:.1f} s, "
        f"everything else {run.other_cpu_seconds:.1f} s; "
        f"first fact after {run.first_fact_seconds:.1f} s, peak {run.peak_mib:,.0f} MiB"
    )


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--workload",
        action="append",
        choices=get_args(Name),
        help="what is replayed; may be given again (default: nation)",
    )
    parser.add_argument("--events", type=int, help="so many reports instead of the workload's own number")
    parser.add_argument(
        "--competitor", action="append", choices=list(COMPETITORS), help="may be given again (default: all)"
    )
    parser.add_argument(
        "--grid", action="store_true", help="try each point of the competitors' grids once; the best is then measured"
    )


def _run(arguments: Namespace) -> Iterator[Measurement]:
    wrong_ones = []
    for name in arguments.workload or ["nation"]:
        on = ground.prepared(quick(name) if arguments.quick else workload(name, arguments.events))
        for competitor in arguments.competitor or COMPETITORS:
            peer = COMPETITORS[competitor]
            peer.build()
            try:
                options = points.best_known(peer, results.read(arguments.results))
                if arguments.grid:
                    tried = {}
                    for point in peer.grid:
                        tried[points.text(point)] = point, (once := measure(on, peer, point, 1, name))
                        yield once
                    options, _ = max(tried.values(), key=lambda each: points.speed(each[1]))
                yield measure(on, peer, options, 1 if arguments.quick else arguments.runs, name)
            except WrongError as wrong:
                print(f"  does not count: {wrong}", flush=True)
                wrong_ones.append(competitor)
    if wrong_ones:
        sys.exit(f"did not do the job: {', '.join(wrong_ones)}")


REPLAY = Instrument("replay", "events per second from a full log, beside others that do the same job", _arguments, _run)
