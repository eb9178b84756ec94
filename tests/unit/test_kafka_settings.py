"""How Kafka is reached: what settings become, and what refuses to boot."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.parts.secured_broker import authority

USER: dict[str, Any] = {"kafka_sasl_username": "pantau-worker", "kafka_sasl_password": "word"}


def test_an_unsecured_kafka_needs_no_setting() -> None:
    assert client_options(KafkaSettings(kafka="one:9092,two:9092"), "pantau-reader") == {
        "bootstrap_servers": ["one:9092", "two:9092"],
        "client_id": "pantau-reader",
        "security_protocol": "PLAINTEXT",
    }


def test_a_user_over_tls(tmp_path: Path) -> None:
    ca, password = authority(tmp_path, "ca"), tmp_path / "password"
    password.write_text("word\n")
    file: dict[str, Any] = {"kafka_sasl_username": "pantau-worker", "kafka_sasl_password_file": password}
    settings = KafkaSettings(kafka="far:9093", kafka_security_protocol="SASL_SSL", kafka_ssl_ca_file=ca, **file)
    options = client_options(settings, request_timeout_ms=4_000)
    context = options["ssl_context"]
    assert context.check_hostname
    assert {name: value for name, value in options.items() if name != "ssl_context"} == {
        "bootstrap_servers": ["far:9093"],
        "client_id": "pantau",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "pantau-worker",
        "sasl_plain_password": "word",
        "request_timeout_ms": 4_000,
    }
    password.write_text("new word\n")
    assert client_options(settings)["sasl_plain_password"] == "new word"
    assert client_options(settings)["ssl_context"] is context, "it is made once"
    assert "word" not in repr(KafkaSettings(kafka_security_protocol="SASL_PLAINTEXT", **USER)).replace("password_", "")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"kafka_security_protocol": "TLS"}, "kafka_security_protocol"),
        ({"kafka_sasl_mechanism": "GSSAPI"}, "kafka_sasl_mechanism"),
        (USER, "PANTAU_KAFKA_SASL_USERNAME, PANTAU_KAFKA_SASL_PASSWORD is set: choose SASL_SSL"),
        ({"kafka_ssl_ca_file": "ca.pem"}, "PANTAU_KAFKA_SSL_CA_FILE is set: choose SSL or SASL_SSL"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_cert_file": "own.pem"}, "PANTAU_KAFKA_SSL_KEY_FILE need each"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_ca_file": "absent.pem"}, "absent.pem can't be read"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_ca_file": __file__}, "no readable certificate of an authority"),
        ({"kafka_security_protocol": "SASL_SSL"}, "needs PANTAU_KAFKA_SASL_USERNAME"),
        (
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "x"},
            "needs one of PANTAU_KAFKA_SASL_PASSWORD",
        ),
        (
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_password_file": __file__} | USER,
            "needs one of PANTAU_KAFKA_SASL_PASSWORD",
        ),
        (
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "x", "kafka_sasl_password_file": "absent"},
            "PANTAU_KAFKA_SASL_PASSWORD_FILE can't be read",
        ),
        (
            {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka": "127.0.0.1:9092,far:9092"} | USER,
            "PANTAU_KAFKA_ALLOW_PASSWORD_WITHOUT_TLS=true",
        ),
    ],
)
def test_what_does_not_fit_together_refuses_to_boot(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as refused:
        KafkaSettings(**given)
    assert named in str(refused.value)


@pytest.mark.parametrize("kafka", ["127.0.0.1:9092", "localhost:9092,127.0.0.2:9093"])
def test_a_password_without_tls_is_for_this_machine(kafka: str) -> None:
    settings = KafkaSettings(kafka=kafka, kafka_security_protocol="SASL_PLAINTEXT", **USER)
    assert client_options(settings)["sasl_plain_password"] == "word"


def test_or_where_it_is_allowed() -> None:
    allowed: dict[str, Any] = {
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_allow_password_without_tls": True,
    } | USER
    assert KafkaSettings(kafka="far:9092", **allowed).kafka_sasl
