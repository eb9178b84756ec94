"""`pantau doctor`: checks what is missing or wrong, and says how to fix it.

In a checkout it checks everything that `make run` needs, and what is running (deploy/local/checkup.py); elsewhere this
installation of the package. Where PANTAU_KAFKA is set, it also connects to that Kafka with the processes' settings.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable
from importlib import import_module, util

from deploy.commands.finding import Finding

OLDEST_PYTHON = (3, 11)


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor` to the command line."""
    parser = commands.add_parser("doctor", help="say what is missing or wrong here, and how to mend it")
    parser.add_argument("--json", action="store_true", help="as JSON, for machines")
    parser.set_defaults(run=lambda options: report(look(), as_json=options.json))


def look() -> Iterable[Finding]:
    """Look at everything there is to look at here, causes before their effects."""
    version = platform.python_version()
    wanted = ".".join(map(str, OLDEST_PYTHON))
    yield Finding("Python", sys.version_info >= OLDEST_PYTHON, version, f"Pantau needs Python {wanted} or newer.")
    if util.find_spec("deploy.local"):  # in a checkout; the distribution does not carry it
        yield from import_module("deploy.local.checkup").look()
    if os.environ.get("PANTAU_KAFKA"):
        ok, found = import_module("services.kit.kafka_checkup").look()
        yield Finding("Kafka", ok, found, 'docs/operations.md, "A secured Kafka", has the settings.')


def report(findings: Iterable[Finding], *, as_json: bool) -> int:
    """Print the findings. Returns the exit code: 1 when something is wrong."""
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            print(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.what:<22} {finding.found}", flush=True)
            if not finding.ok and finding.mend:
                print(f"       {'':<22} -> {finding.mend}", flush=True)
    all_well = all(finding.ok for finding in found)
    if as_json:
        listed = [finding._asdict() | {"mend": "" if finding.ok else finding.mend} for finding in found]
        print(json.dumps({"ok": all_well, "findings": listed}, indent=2))
    else:
        wrong = sum(not finding.ok for finding in found)
        print("All is well." if all_well else f"{wrong} of {len(found)} need attention.")
    return 0 if all_well else 1
