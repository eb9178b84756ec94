"""A real Kafka with users: a listener over TLS with SCRAM-SHA-512 beside the plain one that is the broker's own, an
authority made for the test, and access lists.
"""

import subprocess
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kafka.admin import ACLResourcePatternType as PatternType

from deploy.local.broker import HOST, Broker
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts.broker import started
from tests.parts.waiting import free_port

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
DAYS = "2"


class Grant(NamedTuple):
    """That a user may do something to what begins with, or is, a name."""

    user: str
    operation: str  # as ACLOperation names it
    resource: str  # as ResourceType names it
    name: str
    prefixed: bool = False


class SecuredBroker:
    """`secure` is the listener for people and processes; `broker.bootstrap` is the broker's own."""

    def __init__(self, folder: Path, *, access_lists: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = authority(folder, "ca")
        self._keystore = _server_keys(folder, "ca")
        port, controller, self.secure_port = free_port(), free_port(), free_port()
        secured = {
            "listeners": f"PLAINTEXT://{HOST}:{port},SECURED://{HOST}:{self.secure_port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port},SECURED://{HOST}:{self.secure_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.name.secured.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.secured.scram-sha-512.sasl.jaas.config": SCRAM,
            "listener.name.secured.ssl.keystore.type": "PEM",
            "listener.name.secured.ssl.keystore.location": str(self._keystore),
        }
        if access_lists:
            secured |= {
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",  # any client of the broker's own listener
            }
        self.broker = Broker(folder / "broker", port, controller, also=secured)

    @property
    def secure(self) -> str:
        return f"{HOST}:{self.secure_port}"

    def settings(self, user: str, password: str, **changes: Any) -> KafkaSettings:
        """How a process reaches the listener with users."""
        return KafkaSettings(**self._as_fields(user, password) | changes)

    def environment(self, user: str, password_file: Path) -> dict[str, str]:
        """The same, as variables; the password stands in a file, as a secret that is mounted does."""
        return {
            "PANTAU_KAFKA": self.secure,
            "PANTAU_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "PANTAU_KAFKA_SSL_CA_FILE": str(self.ca),
            "PANTAU_KAFKA_SASL_USERNAME": user,
            "PANTAU_KAFKA_SASL_PASSWORD_FILE": str(password_file),
        }

    def _as_fields(self, user: str, password: str) -> dict[str, Any]:
        return {
            "kafka": self.secure,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_ssl_ca_file": self.ca,
            "kafka_sasl_username": user,
            "kafka_sasl_password": password,
        }

    def add_users(self, passwords: Mapping[str, str]) -> None:
        """Give users their passwords."""
        wanted = [
            UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password=password, iterations=4096)
            for user, password in passwords.items()
        ]
        with self._admin() as admin:
            refused = {user: why for user, why in admin.alter_user_scram_credentials(wanted).items() if why}
        assert not refused, refused

    def grant(self, grants: Iterable[Grant]) -> None:
        """Allow what is granted, and nothing else."""
        lists = [
            ACL(
                principal=f"User:{each.user}",
                host="*",
                operation=ACLOperation[each.operation],
                permission_type=ACLPermissionType.ALLOW,
                resource_pattern=ResourcePattern(
                    ResourceType[each.resource],
                    each.name,
                    PatternType.PREFIXED if each.prefixed else PatternType.LITERAL,
                ),
            )
            for each in grants
        ]
        with self._admin() as admin:
            assert not admin.create_acls(lists)["failed"]

    @contextmanager
    def _admin(self) -> Generator[Any]:
        with closing(KafkaAdminClient(**client_options(KafkaSettings(kafka=self.broker.bootstrap)))) as admin:
            yield admin


@contextmanager
def secured(folder: Path, *, access_lists: bool = True) -> Generator[SecuredBroker]:
    """A secured broker, running."""
    made = SecuredBroker(folder, access_lists=access_lists)
    with started(made.broker):
        yield made


def authority(folder: Path, name: str) -> Path:
    """A new authority; its certificate."""
    certificate = folder / f"{name}.pem"
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS, "-subj", f"/CN=Pantau test {name}",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout", folder / f"{name}.key", "-out", certificate,
    )  # fmt: skip
    return certificate


def _server_keys(folder: Path, authority_name: str) -> Path:
    """The key and certificate of a broker on this machine, as Kafka reads them from one file."""
    key, request, certificate, extensions = (folder / f"server.{ending}" for ending in ("key", "csr", "pem", "ext"))
    extensions.write_text(f"subjectAltName=IP:{HOST},DNS:localhost\nextendedKeyUsage=serverAuth\n")
    _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-keyout", key, "-out", request)
    _openssl(
        "x509", "-req", "-in", request, "-CA", folder / f"{authority_name}.pem", "-CAkey",
        folder / f"{authority_name}.key", "-CAcreateserial", "-days", DAYS, "-extfile", extensions, "-out", certificate,
    )  # fmt: skip
    both = folder / "server-keystore.pem"
    both.write_text(key.read_text() + certificate.read_text())
    return both


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
