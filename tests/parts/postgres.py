"""A real PostgreSQL: one server for the whole run, a database of its own for each test that asks."""

import os
import pwd
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from deploy.local import children
from tests.parts import logs, programs
from tests.parts.waiting import free_port, until

VERSIONS = Path("/usr/lib/postgresql")  # where Debian keeps them, off the PATH
SAFE_TO_LOSE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
USER = "pantau"

_numbers = count(1)


def _unprivileged(command: list[str], *, owning: Path) -> list[str]:
    """PostgreSQL refuses to run as root: hand its folder to a user with fewer rights, and be that user.

    A change of user loosens the bond to the starter (see `bound`), hence it is tied again."""
    if os.geteuid() != 0:
        return command
    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(owning, user.pw_uid, user.pw_gid)
    return [
        "setpriv",
        "--pdeathsig=QUIT",
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        *command,
    ]


def _newest() -> list[Path]:
    return sorted(VERSIONS.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)


@contextmanager
def running(folder: Path) -> Generator[str]:
    """A server whose data is in `folder`; yields the URL of its first database, for psycopg."""
    port, log = free_port(), folder / "server.log"
    log.touch()
    make = [str(programs.find("initdb", package="postgresql", among=_newest())), f"--pgdata={folder / 'data'}"]
    make += [f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(_unprivileged(make, owning=folder), capture_output=True, text=True, check=False, cwd="/")
    assert made.returncode == 0, made.stderr
    serve = [str(programs.find("postgres", package="postgresql", among=_newest())), "-D", str(folder / "data")]
    for setting in (*SAFE_TO_LOSE, f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories="):
        serve += ["-c", setting]
    server = children.start(_unprivileged(serve, owning=folder), log=log, cwd=Path("/"))
    logs.watched["PostgreSQL"] = log
    url = f"postgresql://{USER}@127.0.0.1:{port}/postgres"

    def takes_connections() -> bool:
        assert server.poll() is None, logs.tail(log)
        psycopg.connect(url).close()
        return True

    try:
        until(takes_connections, 30)
        yield url
    finally:
        server.send_signal(2)  # SIGINT: "fast shutdown", sessions are ended
        children.stop(server, within_seconds=10)
        del logs.watched["PostgreSQL"]


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    """The server all tests share: the URL of its `postgres` database.

    Not below pytest's own folder, which another run of pytest closes to other users at any moment.
    """
    with TemporaryDirectory(prefix="pantau-postgres-") as folder, running(Path(folder)) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Generator[str]:
    """An empty database, as the SQLAlchemy URL that PANTAU_DATABASE takes."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}")
        yield postgres_server.replace("postgresql:", "postgresql+psycopg:").removesuffix("/postgres") + f"/{name}"
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
