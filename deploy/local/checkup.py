"""What `pantau doctor` looks at in a checkout: what the local stack needs, and the stack itself while it runs."""

import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from importlib import metadata
from pathlib import Path

from deploy.commands.finding import Finding
from deploy.local import administrator, broker, jars, java, ports, secret, settings, state, status
from deploy.local.jars import ROOT
from deploy.local.run import not_ready_because
from deploy.local.settings import Port, StackSettings

ENOUGH_BYTES = 2 * 1024**3
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<marker>\s*;)?", re.MULTILINE)


def look() -> Iterable[Finding]:
    """Look at everything, causes before their effects."""
    yield _environment()
    yield _lock()
    yield _java()
    yield _kafka_jars()
    here = settings.read()
    yield _readable("disk space", lambda: _disk(here))
    yield _readable("state", lambda: _state(here))
    try:
        supervisor = state.holder(here.state)
    except (state.UnusableError, OSError) as error:
        yield Finding("running", False, str(error), "Be the user who ran `make run`.")
        return
    recorded = status.read(here.state, supervisor) if supervisor else None
    if recorded:  # the running stack uses the settings it was started with, not those of this shell
        here = settings.read({**os.environ, **recorded.settings})
    for port in here.ports:
        yield _port(here, port, supervisor)
    yield _readable("administrator's key", lambda: _key(here, supervisor))
    yield _readable("databases", lambda: _databases(here))
    if supervisor is None:
        yield Finding("running", False, f"nothing runs on {here.state}", "`make run` starts it.")
        return
    yield Finding("running", True, f"process {supervisor}, state in {here.state}")
    yield from _running(here, recorded.failures if recorded else {})


def _readable(what: str, look_at: Callable[[], Finding]) -> Finding:
    """Look at something in the state folder, which may be another user's."""
    try:
        return look_at()
    except OSError as error:
        return Finding(what, False, str(error), "Be the user who ran `make run`.")


def _state(here: StackSettings) -> Finding:
    """Whether the next start would take the state folder as it is."""
    try:
        state.refuse_unwritable(here.state)
        state.refuse_misfit(here.state, here.partitions)
        if state.read(here.state):
            secret.read(here.state)
    except (state.UnusableError, SystemExit) as error:
        return Finding("state", False, str(error))
    made = "made by this version" if state.read(here.state) else "nothing there yet, the first start makes it"
    return Finding("state", True, f"{here.state}: {made}")


def _environment() -> Finding:
    expected = ROOT / ".venv"
    ours = Path(sys.prefix).resolve() == expected.resolve()
    return Finding("virtual environment", ours, sys.prefix, f"Use {expected}/bin/pantau; `make doctor` does.")


def _lock() -> Finding:
    """Whether what is installed is what the lock pins. A pin with a marker may be for another system."""
    for_tests = shutil.which("pytest", path=str(ROOT / ".venv" / "bin"))
    lock = ROOT / "requirements" / ("test.txt" if for_tests else "run.txt")
    installed = {_normal(each.name): each.version for each in metadata.distributions()}
    different = []
    for pin in PINNED.finditer(lock.read_text()):
        there = installed.get(_normal(pin["name"]))
        if there != pin["version"] and not (there is None and pin["marker"]):
            different.append(f"{pin['name']} {there or 'missing'}, expected {pin['version']}")
    found = "; ".join(different) if different else f"in step with requirements/{lock.name}"
    return Finding("Python packages", not different, found, f"rm {ROOT}/.venv/in-step, then `make doctor` again.")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _java() -> Finding:
    program = java.find()
    if program is None:
        return Finding("Java", False, "missing", java.HOW_TO_MEND)
    major = java.major(program)
    mend = f"The broker needs {java.OLDEST} or newer (JAVA_HOME chooses). {java.HOW_TO_MEND}"
    return Finding("Java", major >= java.OLDEST, f"{major} ({program})", mend)


def _kafka_jars() -> Finding:
    """Maven is needed once, until Kafka's jars are there."""
    if jars.folder().is_dir():
        return Finding("Apache Kafka's jars", True, str(jars.folder()))
    maven = shutil.which("mvn")
    found = "not fetched yet, `make run` does it" if maven else "not fetched yet, and Maven is missing"
    return Finding("Apache Kafka's jars", maven is not None, found, jars.HOW_TO_MEND)


def _disk(here: StackSettings) -> Finding:
    there = next(folder for folder in (here.state, *here.state.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    mend = f"Less than {ENOUGH_BYTES / 1024**3:.0f} GiB: make room, or set PANTAU_STATE to a folder elsewhere."
    return Finding("disk space", free >= ENOUGH_BYTES, f"{free / 1024**3:.1f} GiB free for {here.state}", mend)


def _port(here: StackSettings, port: Port, supervisor: int | None) -> Finding:
    """A port is fine when it is free, or held by a process of our supervisor."""
    what = f"port {port.number}"
    if not ports.busy(here.host, port.number):
        return Finding(what, True, "free")
    held_by = ports.holder(port.number)
    if held_by and supervisor and supervisor in _ancestors(held_by.pid):
        return Finding(what, True, f"ours (process {held_by.pid})")
    who = f"held by process {held_by.pid} ({held_by.command[:80]})" if held_by else "held by an unknown process"
    return Finding(what, False, who, f"Stop that, or set {port.variable} to a free port.")


def _ancestors(pid: int) -> list[int]:
    above = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        above.append(pid)
    return above


def _key(here: StackSettings, supervisor: int | None) -> Finding:
    what, file = "administrator's key", here.keys / administrator.FILE
    if not file.exists():
        missing = supervisor is not None  # the first start makes it
        return Finding(
            what, not missing, "not there yet, the first start makes it", "Restart: `make stop`, then `make run`."
        )
    if not os.access(file, os.R_OK):
        return Finding(what, False, f"{file} can't be read", "Be the user who ran `make run`.")
    mode = file.stat().st_mode & 0o777
    return Finding(what, mode & 0o077 == 0, f"{file}, mode {mode:o}", f"Others may read it: chmod 600 {file}")


def _databases(here: StackSettings) -> Finding:
    """Whether the SQLite files of the projections are whole."""
    files = sorted(here.state.glob("*.db"))
    damaged = [f"{file.name}: {damage}" for file in files if (damage := _damage(file))]
    aside = sorted(file.name for file in here.state.glob("*.db.damaged-*") if not file.name.endswith(("-wal", "-shm")))
    found = "; ".join(damaged) or f"{len(files)} whole" + (f"; damaged, put aside: {', '.join(aside)}" if aside else "")
    mend = "Its service puts it aside and builds its tables anew from the log; `pantau rebuild` does it by hand."
    return Finding("databases", not damaged, found, mend)


def _damage(file: Path) -> str | None:
    """SQLite's description of the damage; None when the file is whole, or can't be opened."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # locked, just deleted, or of another user
        return None
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else " ".join(str(found).split())


def _running(here: StackSettings, failures: Mapping[str, str]) -> Iterable[Finding]:
    answers = broker.answers(here.kafka.number)
    unready = None if answers else f"{here.bootstrap} does not answer"
    yield _process(here, "broker", f"{here.bootstrap} answers", unready, failures.get("broker"))
    if answers:
        yield _topics(here)
    for name, url in (("site", here.site_url), ("worker", here.worker_url)):
        yield _process(here, name, f"{url} is ready", not_ready_because(url), failures.get(name))


def _process(here: StackSettings, name: str, ready: str, unready: str | None, failure: str | None) -> Finding:
    """A process is healthy when it is ready and has not failed recently."""
    found = "; ".join(filter(None, (unready or ready, failure)))
    mend = f"It is started again by itself, at least once a minute; {here.logs}/{name}.log says why."
    return Finding(name, unready is None and failure is None, found, mend)


def _topics(here: StackSettings) -> Finding:
    """Whether every declared topic is there with the number of partitions that was fixed at installation."""
    from kafka import KafkaAdminClient  # noqa: PLC0415 - only when there is a broker to ask
    from kafka.errors import KafkaError  # noqa: PLC0415 - as above

    from schemas.topics import TOPICS  # noqa: PLC0415 - as above
    from services.kit.kafka import client_options  # noqa: PLC0415 - as above
    from services.kit.settings import KafkaSettings  # noqa: PLC0415 - as above

    expected = here.partitions_per_topic
    names = [here.topic_prefix + topic.name for topic in TOPICS]
    try:
        options = client_options(KafkaSettings(kafka=here.bootstrap), "pantau-doctor", request_timeout_ms=10_000)
        with closing(KafkaAdminClient(**options)) as admin:
            found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(names)}
    except KafkaError as error:  # it failed since it answered
        return Finding("topics", False, f"{here.bootstrap} can't be asked: {error}", "See the line about the broker.")
    wrong = [f"{name} has {found.get(name, 0)}" for name in names if found.get(name, 0) != expected]
    mend = "The number is fixed at installation: set PANTAU_PARTITIONS to it. A topic with 0 is missing: restart."
    right = f"{len(names)} with {expected} partitions each"
    return Finding("topics", not wrong, f"{', '.join(wrong)}; expected {expected}" if wrong else right, mend)
