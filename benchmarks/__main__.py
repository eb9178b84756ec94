"""Run benchmarks, print their measurements, and keep them in benchmarks/results.json.

Without a benchmark's name, arguments are for `replay`; without any argument everything that is published is measured.
"""

import argparse
import logging
import signal
import sys
from pathlib import Path

from benchmarks import results
from benchmarks.asof import ASOF
from benchmarks.benchmark import Benchmark
from benchmarks.delay import DELAY
from benchmarks.intake import INTAKE
from benchmarks.replay import GROWTH, REPLAY
from benchmarks.restore import RESTORE
from benchmarks.streams import STREAMS
from benchmarks.under_anonymous_load import STRANGERS

BENCHMARKS: tuple[Benchmark, ...] = (REPLAY, DELAY, RESTORE, GROWTH, ASOF, INTAKE, STREAMS, STRANGERS)


def main() -> None:
    """Choose benchmarks, and keep each measurement as soon as it is complete."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns of conditions from which it recovers
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("stopped")
    )  # so that started processes and folders are cleaned up
    given = sys.argv[1:]
    if given and given[0].startswith("-") and given[0] not in {"-h", "--help"}:
        given = [REPLAY.name, *given]
    parser = _parser()
    for each in [given] if given else [[one.name] for one in BENCHMARKS]:
        arguments = parser.parse_args(each)
        arguments.runs = 1 if arguments.quick else arguments.runs
        for measurement in arguments.benchmark.run(arguments):
            results.keep(measurement, arguments.results)
            print("\n".join(_lines(measurement)), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    chosen = parser.add_subparsers(required=True, metavar="benchmark")
    for benchmark in BENCHMARKS:
        one = chosen.add_parser(benchmark.name, help=benchmark.promise, description=benchmark.promise)
        one.set_defaults(benchmark=benchmark)
        one.add_argument("--runs", type=int, default=3, help="how often each case is measured (default: %(default)s)")
        one.add_argument(
            "--quick", action="store_true", help="the smallest form, to see that it works; its figures mean nothing"
        )
        one.add_argument("--results", type=Path, default=results.RESULTS, help="the file that keeps the measurements")
        benchmark.arguments(one)
    return parser


def _lines(measurement: results.Measurement) -> list[str]:
    name, parameters, figures = measurement
    return [f"{name}: " + " ".join(f"{key}={value}" for key, value in parameters.items())] + [
        f"  {metric:<32} {figure.median:>14,.2f} {figure.unit:<9} ± {figure.spread:.0%} of {len(figure.values)}"
        for metric, figure in figures.items()
    ]


if __name__ == "__main__":
    main()
