"""Every setting of every process, in one place: an environment variable that begins with PANTAU_ (docs/interfaces.md)."""

import hashlib
import platform
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from schemas.fields import PlanId
from schemas.secret import Secret

PREFIX = "PANTAU_"

LAST_PORT = 65535
Port = Annotated[int, Field(ge=1, le=LAST_PORT)]


class Settings(BaseSettings):
    """What a process is told. Anything unsafe or senseless refuses to boot, all of it named at once (see `read`)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    kafka: Annotated[str, Field(pattern=r"^[^\s,:/]+:\d+(,[^\s,:/]+:\d+)*$")] = "127.0.0.1:9092"
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,60}$")] = ""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 12
    replication: Annotated[int, Field(ge=1, le=9)] = 1

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 8000
    programs_port: Port = 8001
    evaluations_port: Port = 8002
    aggregator_port: Port = 8003
    worker_metrics_port: Port = 8004

    connections: Annotated[int, Field(ge=16, le=1_000_000)] = 10_000
    header_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    body_seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    streams: Annotated[int, Field(ge=4, le=1_000_000)] = 5_000

    database: Annotated[str | None, Field(repr=False)] = None  # may hold a password
    state: Path = Path(".pantau")

    admin_key_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    secret: Annotated[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None, Field(repr=False)] = None
    opening_plan: PlanId | None = None
    opening_as_of: date | None = None
    worker_instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = platform.node() or "worker"
    worker_processes: Annotated[int, Field(ge=1, le=64)] = 1
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("database")
    @classmethod
    def _one_of_two(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            dialect = make_url(url).drivername
        except ArgumentError:
            raise ValueError("is not the URL of a database") from None
        if dialect not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
            raise ValueError(f"the database is sqlite or postgresql+psycopg, not {dialect}")
        return url

    @field_validator("admin_key_sha256")
    @classmethod
    def _hash_of_something(cls, sha256: str | None) -> str | None:
        if sha256 == hashlib.sha256(b"").hexdigest():
            raise ValueError("is the hash of nothing: an empty key would be the administrator's")
        return sha256

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        ports = {
            name: getattr(self, name) for name in type(self).model_fields if name == "port" or name.endswith("_port")
        }
        for number in range(1, self.worker_processes):
            ports[f"worker_metrics_port+{number}"] = self.worker_metrics_port + number
        last = self.worker_metrics_port + self.worker_processes - 1
        if last > LAST_PORT:
            raise ValueError(f"the last of {self.worker_processes} processes of the worker would have port {last}")
        twice = [number for number, count in Counter(ports.values()).items() if count > 1]
        if twice:
            same = ", ".join(f"{PREFIX}{name.upper()}={port}" for name, port in ports.items() if port in twice)
            raise ValueError(f"one port is given twice: {same}")
        return self

    def database_url(self, service: str) -> str:
        """The SQLAlchemy URL of a service's projection: its own SQLite file unless one database is named for all."""
        return self.database or f"sqlite:///{(self.state / f'{service}.db').absolute()}"


def require_secret(settings: Settings) -> Secret:
    """What is derived from the shared secret. Without one it ends the process with one message."""
    if settings.secret is None:
        sys.exit(
            f"{PREFIX}SECRET is missing: 64 random hexadecimal digits, the same for programs and all workers, kept as long as "
            "the data (docs/operations.md)"
        )
    return Secret(settings.secret)


def read() -> Settings:
    """The settings of this process's environment; what can't be taken ends the process with one message."""
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False):
            name = f"{PREFIX}{str(problem['loc'][0]).upper()}: " if problem["loc"] else ""
            lines.append(f"  {name}{problem['msg'].removeprefix('Value error, ')}")
        sys.exit("These settings can't be taken:\n" + "\n".join(lines))
