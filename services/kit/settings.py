"""Groups of settings that processes share. Each setting is an environment variable that begins with PANTAU_
(docs/interfaces.md). Each process combines the groups it needs in one class of its own (`settings.py` of each service).
"""

import hashlib
import ipaddress
import ssl
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from schemas.secret import Secret
from services.kit.tls import client_context

PREFIX = "PANTAU_"

LAST_PORT = 65535
Port = Annotated[int, Field(ge=1, le=LAST_PORT)]
SecurityProtocol: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism: TypeAlias = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class Group(BaseSettings):
    """Settings from the environment. Unsafe or invalid values stop the process at its start, all named at once (see
    `read`)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    def ports(self) -> dict[str, int]:
        """The ports of this class by the variable that sets them."""
        named = (name for name in type(self).model_fields if name == "port" or name.endswith("_port"))
        return {variable(name): getattr(self, name) for name in named}

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        ports = self.ports()
        twice = [number for number, count in Counter(ports.values()).items() if count > 1]
        if twice:
            same = ", ".join(f"{name}={port}" for name, port in ports.items() if port in twice)
            raise ValueError(f"several settings name the same port: {same}")
        return self


class KafkaSettings(Group):
    """Kafka's address, security and credentials, and the topics of this installation."""

    kafka: Annotated[str, Field(pattern=r"^[^\s,:/]+:\d+(,[^\s,:/]+:\d+)*$")] = "127.0.0.1:9092"
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,60}$")] = ""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 12
    replication: Annotated[int, Field(ge=1, le=9)] = 1

    kafka_security_protocol: SecurityProtocol = "PLAINTEXT"
    kafka_ssl_ca_file: Path | None = None
    kafka_ssl_cert_file: Path | None = None
    kafka_ssl_key_file: Path | None = None
    kafka_sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    kafka_sasl_username: Annotated[str, Field(min_length=1)] | None = None
    kafka_sasl_password: Annotated[Annotated[str, Field(min_length=1)] | None, Field(repr=False)] = None
    kafka_sasl_password_file: Path | None = None
    kafka_allow_password_without_tls: bool = False

    @property
    def kafka_tls(self) -> bool:
        """Whether connections to Kafka are encrypted."""
        return self.kafka_security_protocol in {"SSL", "SASL_SSL"}

    @property
    def kafka_sasl(self) -> bool:
        """Whether connections to Kafka authenticate with user and password (SASL)."""
        return self.kafka_security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}

    def kafka_password(self) -> str:
        """The password, read from its file now where one is set. Raises ValueError when the file can't be read or is
        empty."""
        if self.kafka_sasl_password_file is None:
            return self.kafka_sasl_password or ""
        try:
            password = self.kafka_sasl_password_file.read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"PANTAU_KAFKA_SASL_PASSWORD_FILE can't be read: {error}") from None
        if not password:
            raise ValueError(f"PANTAU_KAFKA_SASL_PASSWORD_FILE: {self.kafka_sasl_password_file} is empty")
        return password

    def kafka_tls_context(self) -> ssl.SSLContext:
        """The TLS context of connections to Kafka. Raises ValueError, naming the file, when one can't be used."""
        return client_context(self.kafka_ssl_ca_file, self.kafka_ssl_cert_file, self.kafka_ssl_key_file)

    @model_validator(mode="after")
    def _security_is_whole(self) -> Self:
        protocol = f"PANTAU_KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol}"
        if not self.kafka_tls and (unused := self._given("kafka_ssl_")):
            raise ValueError(f"{protocol} does not use TLS, and {unused} is set: choose SSL or SASL_SSL")
        if not self.kafka_sasl and (unused := self._given("kafka_sasl_")):
            raise ValueError(f"{protocol} sends no user and password, and {unused} is set: choose SASL_SSL")
        if (self.kafka_ssl_cert_file is None) != (self.kafka_ssl_key_file is None):
            raise ValueError("PANTAU_KAFKA_SSL_CERT_FILE and PANTAU_KAFKA_SSL_KEY_FILE need each other")
        if self.kafka_tls:
            self.kafka_tls_context()
        if self.kafka_sasl:
            self._password_is_safe(protocol)
        return self

    def _given(self, beginning: str) -> str:
        """The variables with this beginning that are not at their default."""
        return ", ".join(
            variable(name)
            for name, field in type(self).model_fields.items()
            if name.startswith(beginning) and getattr(self, name) != field.default
        )

    def _password_is_safe(self, protocol: str) -> None:
        if self.kafka_sasl_username is None:
            raise ValueError(f"{protocol} needs PANTAU_KAFKA_SASL_USERNAME")
        if (self.kafka_sasl_password is None) == (self.kafka_sasl_password_file is None):
            raise ValueError(f"{protocol} needs one of PANTAU_KAFKA_SASL_PASSWORD and PANTAU_KAFKA_SASL_PASSWORD_FILE")
        self.kafka_password()
        if self.kafka_tls or self.kafka_allow_password_without_tls or _loopback(self.kafka):
            return
        raise ValueError(
            f"{protocol} would send the password, and everything else, unencrypted to {self.kafka}: choose SASL_SSL, "
            "or set PANTAU_KAFKA_ALLOW_PASSWORD_WITHOUT_TLS=true where the network itself is encrypted"
        )


def _loopback(bootstrap: str) -> bool:
    """Whether all bootstrap servers are on this machine."""

    def local(host: str) -> bool:
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    return all(local(server.rpartition(":")[0]) for server in bootstrap.split(","))


class HttpSettings(Group):
    """How a process listens, and how many connections it accepts at once."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    connections: Annotated[int, Field(ge=16, le=1_000_000)] = 10_000
    header_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    body_seconds: Annotated[float, Field(gt=0, le=300)] = 20.0


class ProjectionSettings(Group):
    """The database of a projection."""

    database: Annotated[str | None, Field(repr=False)] = None  # may hold a password
    state: Path = Path(".pantau")

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

    def database_url(self, service: str) -> str:
        """The SQLAlchemy URL of a service's projection: its own SQLite file, unless PANTAU_DATABASE names one database
        for all."""
        return self.database or f"sqlite:///{(self.state / f'{service}.db').absolute()}"


class KeySettings(Group):
    """The administrator's key."""

    admin_key_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    @field_validator("admin_key_sha256")
    @classmethod
    def _hash_of_something(cls, sha256: str | None) -> str | None:
        if sha256 == hashlib.sha256(b"").hexdigest():
            raise ValueError("is the hash of an empty text: an empty key would be the administrator's")
        return sha256


class SecretSettings(Group):
    """The shared secret."""

    secret: Annotated[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None, Field(repr=False)] = None


class LogSettings(Group):
    """How much is logged."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class FollowerSettings(KafkaSettings, ProjectionSettings):
    """The settings of a projection: Kafka, and the database."""


class ProcessSettings(HttpSettings, LogSettings):
    """The settings that every process needs: it listens and logs."""


class ServiceSettings(FollowerSettings, ProcessSettings, KeySettings):
    """The settings that every HTTP service needs."""


def require_secret(settings: SecretSettings) -> Secret:
    """The keys derived from the shared secret. Where it is missing, exits with a message."""
    if settings.secret is None:
        sys.exit(
            f"{PREFIX}SECRET is missing: 64 random hexadecimal digits, the same for programs and all workers, kept as long as "
            "the data (docs/operations.md)"
        )
    return Secret(settings.secret)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


Read = TypeVar("Read", bound=Group)


def read(kind: type[Read]) -> Read:
    """The settings from the environment. Where some are invalid, exits with one message that lists all of them."""
    try:
        return kind()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False):
            name = f"{variable(str(problem['loc'][0]))}: " if problem["loc"] else ""
            lines.append(f"  {name}{problem['msg'].removeprefix('Value error, ')}")
        sys.exit("These settings are invalid:\n" + "\n".join(lines))
