"""Measures, prints what it finds, and keeps it in benchmarks/results.json.

Without an instrument, arguments are for `replay`; without any argument every instrument measures what is published.
"""

import argparse
import logging
import signal
import sys
from pathlib import Path

from benchmarks import results
from benchmarks.instrument import Instrument
from benchmarks.instruments import INSTRUMENTS

BY_DEFAULT = "replay"


def main() -> None:
    """Choose instruments, and keep each measurement as soon as it is there."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns of what it then mends by itself
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was begun is put away
    told = sys.argv[1:]
    if told and told[0].startswith("-") and told[0] not in {"-h", "--help"}:
        told = [BY_DEFAULT, *told]
    chosen = [told] if told else [[one.name] for one in INSTRUMENTS]
    parser = _parser()
    for each in chosen:
        arguments = parser.parse_args(each)
        instrument: Instrument = arguments.instrument
        for measurement in instrument.run(arguments):
            kept = results.append(measurement, arguments.results)
            print(_told(kept), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    chosen = parser.add_subparsers(required=True, metavar="instrument")
    for instrument in INSTRUMENTS:
        one = chosen.add_parser(instrument.name, help=instrument.summary, description=instrument.summary)
        one.set_defaults(instrument=instrument)
        one.add_argument("--runs", type=int, default=3, help="how often the same is measured (default: %(default)s)")
        one.add_argument(
            "--quick", action="store_true", help="the smallest form, to see that it works; its figures mean nothing"
        )
        one.add_argument(
            "--results", type=Path, default=results.RESULTS, help="the file that the measurements are added to"
        )
        instrument.arguments(one)
    return parser


def _told(kept: results.Kept) -> str:
    name, parameters, figures = kept.measurement
    lines = [f"{name}: " + " ".join(f"{key}={value}" for key, value in parameters.items())]
    lines += [
        f"  {metric:<32} {figure.median:>14,.2f} {figure.unit:<9} ± {figure.spread:.0%} of {len(figure.values)}"
        for metric, figure in figures.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
