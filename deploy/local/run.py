"""Everything on this machine: broker, engine, site, and the sample. `make run` runs this.

python -m deploy.local.run
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from deploy.local import administrator, broker, make_process, ports, secret, settings, state, status
from deploy.local.jars import ROOT
from deploy.local.process_settings import InstallationSettings
from deploy.local.settings import StackSettings
from deploy.local.status import StackStatus
from deploy.local.supervisor import BACKOFF, Backoff, Service, Supervisor, Task
from services.kit import settings as services_settings

OPENING = {"PANTAU_OPENING_PLAN": "kota-pontianak-2019-2028", "PANTAU_OPENING_AS_OF": "2021-12-31"}  # of the sample
PORT_PATIENCE_SECONDS = 2.0  # children of a supervisor that was just killed are about to end


def stages(here: StackSettings) -> tuple[tuple[Service, ...], ...]:
    """What runs, in the order it starts; it stops in reverse. The times to stop, with the sample's, add up to 5.4 s of the 7 allowed."""
    return (
        (Service("broker", _module("deploy.local.broker"), lambda: _broker_ready(here), 1.5),),
        (
            Service("site", _module("deploy.local.site"), lambda: not_ready_because(here.site_url), 1.6),
            Service("worker", _module("services.aggregator.worker"), lambda: not_ready_because(here.worker_url), 2.0),
        ),
    )


SAMPLE = Task("sample", (sys.executable, "-m", "samples.load"), 0.3)


def environment(here: StackSettings) -> dict[str, str]:
    """The environment of the processes: the caller's, but for the settings on which they must agree."""
    agreed = {
        "PANTAU_KAFKA": here.bootstrap,
        "PANTAU_STATE": str(here.state),
        "PANTAU_ADMIN_KEY_SHA256": administrator.digest(administrator.key(here.keys)),
        "PANTAU_SECRET": secret.read(here.state),
        "PYTHONUNBUFFERED": "1",
    }
    return {**OPENING, **os.environ, **agreed}


def busy_ports(here: StackSettings) -> list[str]:
    """A line for each port in use: its number, the process that holds it, and how to choose another."""
    lines = []
    for variable, number in here.ports:
        if ports.busy(here.host, number):
            held_by = ports.holder(number)
            who = f" by process {held_by.pid} ({held_by.command[:100]})" if held_by else ""
            lines.append(f"Port {number} is in use{who}. Stop that, or set {variable} to a free port.")
    return lines


def where_to_look(here: StackSettings, missing: Sequence[str] = ()) -> str:
    """Where to look once it runs; `missing`: the services it runs without."""
    without = f"Pantau runs without: {', '.join(missing)}. The reasons are above, and in `make doctor`."
    return f"""
{without if missing else "Pantau is ready."}
  dashboard  {here.site_url}/
  API        {here.site_url}/docs
  metrics    {here.site_url}/metrics and {here.worker_url}/metrics
  keys       {here.keys}
  logs       {here.logs}
Ctrl-C stops it, or `make stop` from elsewhere; `make doctor` shows whether all is well.
"""


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


def _broker_ready(here: StackSettings) -> str | None:
    return None if broker.answers(here.kafka.number, timeout_seconds=0.5) else f"no broker answers at {here.bootstrap}"


def not_ready_because(process_url: str) -> str | None:
    """None when a process is ready; else its answer, or why there is none."""
    url = f"{process_url}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=0.5):  # noqa: S310 - an address of ours
            return None
    except urllib.error.HTTPError as refused:
        return f"{url} answers {refused.code}: {_reason(refused)}"
    except OSError as error:
        return f"{url}: {error}"


def _reason(refused: urllib.error.HTTPError) -> str:
    body = refused.read(2_000).decode(errors="replace")
    try:
        return json.dumps(json.loads(body).get("checks", body))
    except (ValueError, AttributeError):
        return body


def supervise(
    here: StackSettings,
    services: Sequence[Sequence[Service]],
    then: Task | None,
    backoff: Backoff = BACKOFF,
) -> int:
    """Hold the state folder, see that state and ports fit, and run until asked to stop. Returns the exit code."""
    was_make_stopped = make_process.watch()
    try:
        with state.held(here.state):
            state.prepare(here.state, here.partitions)
            patience = time.monotonic() + PORT_PATIENCE_SECONDS
            while (busy := busy_ports(here)) and time.monotonic() < patience:
                time.sleep(0.1)
            if busy:
                print("\n".join(busy), file=sys.stderr)
                return 1
            try:
                Supervisor(
                    services,
                    logs=here.logs,
                    env=environment(here),
                    cwd=ROOT,
                    when_ready=lambda missing: print(where_to_look(here, missing), flush=True),
                    when_changed=lambda processes: status.write(
                        here.state, StackStatus(os.getpid(), here.recorded, processes)
                    ),
                    then=then,
                    asked_to_stop=was_make_stopped,
                    backoff=backoff,
                ).run()
            finally:
                status.forget(here.state)
    except state.UnusableError as unusable:
        print(unusable, file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Run Pantau as `make run` does."""
    here = settings.read()
    services_settings.read(InstallationSettings)  # settings that a service would refuse at each start end us here
    return supervise(here, stages(here), SAMPLE)


if __name__ == "__main__":
    sys.exit(main())
