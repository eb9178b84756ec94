"""Every client of Kafka is built from the one function of options (services/kit/kafka.py), so that a setting of TLS or of
a user holds for all of them.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.rules.checkout import ROOT, files

CLIENT = re.compile(r"(AIO)?Kafka(Consumer|Producer|AdminClient|Client|Connection)|create_conn")
SAID_BY_OPTIONS = frozenset({"bootstrap_servers", "security_protocol", "ssl_context", "client_id"})


def built_otherwise(source: str) -> Iterator[int]:
    """The lines of Python that make a client of Kafka from other options."""
    tree = ast.parse(source)
    from_function = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(_is_options(part) for part in ast.walk(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not CLIENT.fullmatch(_name(node.func)):
            continue
        spread = [keyword.value for keyword in node.keywords if keyword.arg is None]
        ours = any(
            _is_options(value) or (isinstance(value, ast.Name) and value.id in from_function) for value in spread
        )
        more = {keyword.arg or "" for keyword in node.keywords}
        if not ours or more & SAID_BY_OPTIONS or any(name.startswith("sasl_") for name in more):
            yield node.lineno


def _is_options(value: ast.AST) -> bool:
    return isinstance(value, ast.Call) and _name(value.func) == "client_options"


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def test_every_client_is_built_from_the_options() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files("*.py")
        for line in built_otherwise(path.read_text("utf-8"))
    ]
    assert not found, "pass **client_options(settings, ...) of services/kit/kafka.py:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "ours"),
    [
        ("KafkaProducer(**client_options(settings), linger_ms=5)", True),
        ("aiokafka.AIOKafkaConsumer('facts', **kafka.client_options(settings, 'reader'))", True),
        ("options = client_options(settings)\nKafkaAdminClient(**options)", True),
        ("KafkaProducer(bootstrap_servers='127.0.0.1:9092')", False),
        ("KafkaProducer(**client_options(settings), security_protocol='PLAINTEXT')", False),
        ("KafkaProducer(**client_options(settings), sasl_plain_password='x')", False),
        ("options = {}\nAIOKafkaClient(**options)", False),
        ("aiokafka.conn.create_conn('127.0.0.1', 9092)", False),
        ("KafkaConsumer()", False),
    ],
)
def test_the_rule_knows_our_options(source: str, ours: bool) -> None:
    assert bool(list(built_otherwise(source))) is not ours
