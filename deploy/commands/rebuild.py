"""`pantau rebuild`: rebuild the tables of services from the log.

For operators: it needs the settings of the processes whose tables it rebuilds. In a checkout these are those of
`make run`.
"""

import argparse
import os
import sys
from importlib import import_module, util


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `rebuild` to the command line."""
    what = "rebuild the tables of services from the log, also while they run"
    parser = commands.add_parser("rebuild", help=what, description=what)
    parser.add_argument(
        "services", nargs="*", metavar="SERVICE", help="programs, evaluations, realization; all if none"
    )
    parser.set_defaults(run=lambda options: run(options.services))


def run(services: list[str]) -> int:
    """Mark the tables to be rebuilt. Returns the exit code: 1 when tables could not be reached, 2 for an unknown service."""
    server = import_module("services.kit.projection.rebuild")  # only now: `pantau --help` needs no database
    unknown = sorted(set(services) - set(server.SERVICES))
    if unknown:
        print(f"No service {', '.join(unknown)}; there are {', '.join(server.SERVICES)}.", file=sys.stderr)
        return 2
    if util.find_spec("deploy.local"):  # a relative state folder is that of `make run`
        os.environ["PANTAU_STATE"] = str(import_module("deploy.local.settings").read().state)
    settings_of = import_module("services.kit.settings")
    settings = settings_of.read(settings_of.ProjectionSettings)
    done = server.rebuild(settings, services or server.SERVICES)
    for service, well, what in done:
        print(f"{service:<12} {what}", file=sys.stdout if well else sys.stderr)
    return 0 if all(well for _, well, _ in done) else 1
