"""Replay: events per second from a full log, of each competitor."""

import sys
from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple, get_args

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


class _Entry(NamedTuple):
    """A competitor at one point of its grid."""

    peer: Peer
    options: Options


def measure(on: Ground, entries: Sequence[_Entry], runs: int, name: Name, wrong: set[str]) -> Iterator[Measurement]:
    """Several runs of each entry, by turns: what the machine's neighbours do, and how warm its memory is, changes within
    minutes, and meets all of them; and each time another one begins, so that none always comes after the same. An entry
    that does not do the job is not measured; it is added to `wrong`."""
    played: dict[str, list[Run]] = {}
    order = deque(entries)
    for number in range(1, runs + 1):
        for entry in order:
            key, play = _key(entry), floor.play if entry.peer.guarantee == "none" else playing.play
            if key in wrong:
                continue
            print(f"replay of {name}, {on.expected.records:,} events, run {number}: {key}", flush=True)
            try:
                played.setdefault(key, []).append(play(on, entry.peer, entry.options))
            except WrongError as error:
                wrong.add(key)
                print(f"  does not count: {error}", flush=True)
            else:
                print(f"  {_told(played[key][-1])}", flush=True)
        order.rotate(-1)
    for entry in entries:
        if _key(entry) not in wrong:
            yield _measurement(on, entry, played[_key(entry)], name)


def _key(entry: _Entry) -> str:
    return f"{entry.peer.name} {points.text(entry.options)}"


def _measurement(on: Ground, entry: _Entry, played: Sequence[Run], name: Name) -> Measurement:
    figures = {
        field: Figure(UNITS.get(field, "s"), tuple(round(getattr(run, field), 3) for run in played))
        for field in Run._fields
    }
    parameters = {
        "workload": name,
        "plans": on.workload.plans,
        "events": on.expected.records,
        "competitor": entry.peer.name,
        "guarantee": entry.peer.guarantee,
        "options": points.text(entry.options),
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
    points.arguments(parser)


def _run(arguments: Namespace) -> Iterator[Measurement]:
    wrong = set[str]()
    for name in arguments.workload or ["nation"]:
        on = ground.prepared(quick(name) if arguments.quick else workload(name, arguments.events))
        peers = [COMPETITORS[competitor] for competitor in arguments.competitor or COMPETITORS]
        for peer in peers:
            peer.build()
        best = {peer.name: points.fitting(peer, results.read(arguments.results), arguments.point) for peer in peers}
        if arguments.grid:
            tried = [_Entry(peer, point) for peer in peers for point in peer.grid]
            found = []
            for once in measure(on, tried, 1, name, wrong):
                found.append(once)
                yield once
            best |= _fastest(tried, found)
        entries = [_Entry(peer, best[peer.name]) for peer in peers]
        yield from measure(on, entries, 1 if arguments.quick else arguments.runs, name, wrong)
    if wrong:
        sys.exit(f"did not do the job: {', '.join(sorted(wrong))}")


def _fastest(tried: Sequence[_Entry], found: Sequence[Measurement]) -> dict[str, Options]:
    """The options at which each competitor was fastest."""
    options = {(entry.peer.name, points.text(entry.options)): entry.options for entry in tried}
    slow_to_fast = sorted(found, key=points.speed)
    return {
        str(one.parameters["competitor"]): options[str(one.parameters["competitor"]), str(one.parameters["options"])]
        for one in slow_to_fast
    }


REPLAY = Instrument("replay", "events per second from a full log, beside others that do the same job", _arguments, _run)
