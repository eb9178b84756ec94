"""What an installation runs on: a broker, a database, and the environment variables of each process."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import MappingProxyType

from deploy.local.broker import Broker
from tests.parts import broker, postgres

NOTHING: Mapping[str, str] = MappingProxyType({})

_databases = count(1)


class RunEnvironment:
    """One broker, and SQLite. Subclasses add parts, or give a process other variables."""

    replication = 1  # how many copies of each partition there are

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    @property
    def kafka(self) -> str:
        """The bootstrap servers, as senders and the verdict reach them, without the proxies that processes may go through."""
        return self.broker.bootstrap

    def database(self) -> str | None:
        """The SQLAlchemy URL of a new empty database for all services; None: a file for each in the run's folder."""
        return None

    def process_variables(self, process: str) -> Mapping[str, str]:
        """Additional variables of a process (`worker-1`, `site-2`), such as another address of the broker."""
        return NOTHING


class PostgresEnvironment(RunEnvironment):
    """One broker, and PostgreSQL."""

    def __init__(self, broker: Broker, server: postgres.Server) -> None:
        super().__init__(broker)
        self.server = server

    def database(self) -> str:
        return self.server.new_database(f"chaos_{next(_databases)}")


@contextmanager
def one_broker(folder: Path) -> Generator[RunEnvironment]:
    """A broker and SQLite."""
    with broker.running(folder / "broker") as started:
        yield RunEnvironment(started)


@contextmanager
def broker_and_postgres(folder: Path) -> Generator[PostgresEnvironment]:
    """A broker and PostgreSQL."""
    with postgres.in_folder_of_its_own() as server, broker.running(folder / "broker") as started:
        yield PostgresEnvironment(started, server)
