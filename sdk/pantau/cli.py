"""The command `pantau`. Its commands are entry points of the group `pantau.commands`, whichever distribution brings them.

An entry point is a function that takes what `ArgumentParser.add_subparsers` returns and adds one parser of its own name,
with the default `run`: a function of the parsed options that returns the exit code.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata

GROUP = "pantau.commands"
OF_THE_SERVER = ("doctor", "rebuild")  # named here, so that who lacks the server learns what brings them


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 2 when the command is missing or not available here."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    added = {point.name: point for point in metadata.entry_points(group=GROUP)}
    missing = [name for name in OF_THE_SERVER if name not in added]
    if given and given[0] in missing:
        print(
            f"pantau {given[0]} is a command of the server, for the machine that runs Pantau: install pantau-server.",
            file=sys.stderr,
        )
        return 2
    parser = _parser(missing)
    commands = parser.add_subparsers(metavar="COMMAND")
    for _, point in sorted(added.items()):
        point.load()(commands)
    options = parser.parse_args(given)
    if "run" not in options:
        parser.print_help(sys.stderr)
        return 2
    code: int = options.run(options)
    return code


def _parser(missing: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pantau", description="Pantau, from the command line.")
    if missing:
        parser.epilog = f"Not installed here: {', '.join(missing)}; the distribution pantau-server brings them."
    parser.add_argument("--version", action="version", version=f"pantau {metadata.version('pantau')}")
    return parser
