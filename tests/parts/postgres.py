"""A real PostgreSQL: one server for the whole run, a database of its own for each test that needs one; or a server to crash."""

import os
import pwd
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from deploy.local import children
from tests.parts import installed_programs, logs
from tests.parts.waiting import free_port, until

VERSIONS = Path("/usr/lib/postgresql")  # where Debian keeps them, off the PATH
SAFE_TO_LOSE = ("fsync=off", "full_page_writes=off")  # when the machine stops, not when the server crashes
USER = "pantau"
HOST = "127.0.0.1"

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


def _program(name: str) -> Path:
    newest = sorted(VERSIONS.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    return installed_programs.find(name, package="postgresql", among=newest)


class Server:
    """A server that can be stopped, crashed and started again on the same port and folder."""

    def __init__(self, folder: Path) -> None:
        self.port, self.log = free_port(), folder / "server.log"
        self.log.touch()
        make = [str(_program("initdb")), f"--pgdata={folder / 'data'}"]
        make += [f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(_unprivileged(make, owning=folder), capture_output=True, text=True, check=False, cwd="/")
        assert made.returncode == 0, made.stderr
        serve = [str(_program("postgres")), "-D", str(folder / "data")]
        settings = (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=")
        for setting in (*SAFE_TO_LOSE, *settings):
            serve += ["-c", setting]
        self._command = _unprivileged(serve, owning=folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of its first database, for psycopg."""
        return f"postgresql://{USER}@{HOST}:{self.port}/postgres"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def start(self) -> None:
        """Start it and return when it takes connections."""
        self._process = children.start(self._command, log=self.log, cwd=Path("/"))
        until(self._takes_connections)

    def stop(self) -> None:
        """End it in order: "fast shutdown", sessions are ended."""
        self.process.send_signal(signal.SIGINT)
        children.stop(self.process, within_seconds=10)

    def crash(self) -> None:
        """End it at once: "immediate shutdown", which leaves everything as a crash would; starting it recovers."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(10)

    def new_database(self, name: str) -> str:
        """An empty database, as the SQLAlchemy URL that PANTAU_DATABASE takes."""
        with psycopg.connect(self.url, autocommit=True) as administrator:
            administrator.execute(f"CREATE DATABASE {name}".encode())
        return self.url.replace("postgresql:", "postgresql+psycopg:").removesuffix("/postgres") + f"/{name}"

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as administrator:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _takes_connections(self) -> bool:
        assert self.process.poll() is None, logs.tail(self.log)
        psycopg.connect(self.url).close()
        return True


@contextmanager
def running(folder: Path) -> Generator[Server]:
    """A server whose data is in `folder`."""
    server = Server(folder)
    name = f"PostgreSQL (port {server.port})"  # a run may have several
    logs.watched[name] = server.log
    try:
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        del logs.watched[name]


@contextmanager
def in_folder_of_its_own() -> Generator[Server]:
    """A server in a new folder that its unprivileged user can reach.

    Not below pytest's own folder, which another run of pytest closes to other users at any moment.
    """
    with TemporaryDirectory(prefix="pantau-postgres-") as folder, running(Path(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Generator[Server]:
    """The server all tests share."""
    with in_folder_of_its_own() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Server) -> Generator[str]:
    """An empty database, as the SQLAlchemy URL that PANTAU_DATABASE takes."""
    name = f"test_{next(_numbers)}"
    yield postgres_server.new_database(name)
    postgres_server.drop_database(name)
