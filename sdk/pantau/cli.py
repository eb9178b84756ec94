"""The command `pantau`."""

import argparse
from collections.abc import Sequence

from pantau import doctor, rebuild


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="pantau", description="Pantau, from the command line.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    doctor.add_command(commands)
    rebuild.add_command(commands)
    options = parser.parse_args(arguments)
    code: int = options.run(options)
    return code
