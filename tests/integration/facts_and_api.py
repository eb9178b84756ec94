"""A facts log written by the test, in place of the aggregator, and the api of live state that follows it."""

import asyncio
import hashlib
import itertools
import json
import os
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import uvicorn
from httpx import Client, Response
from kafka import KafkaProducer

from deploy.local.process_settings import InstallationSettings
from realization.plan_facts import PlanFacts
from realization.snapshot import LiveCounts
from schemas.access import Key, OfficeAccess
from schemas.facts import Fact, parse_fact
from schemas.registry import EVENT, Event, kind_of
from schemas.topics import partition_of
from services.aggregator.api.app import create_app
from services.kit.auth.credentials import new_key
from services.kit.http.server import config
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from services.kit.topics import declare_topics
from tests import oracle
from tests.parts.facts import FactsLog
from tests.parts.history import Json
from tests.parts.waiting import free_port, until

PARTITIONS = 3
ADMINISTRATOR = "pantau_administrator_of_the_tests"
RECEIVED = datetime(2022, 1, 20, 3, 0, tzinfo=UTC)
_numbers = itertools.count(1)


class WrittenFacts:
    """Topics with a prefix of their own. What is written stands in the facts log as if the aggregator had written it."""

    def __init__(self, bootstrap: str, database: str) -> None:
        self.settings = InstallationSettings(
            kafka=bootstrap,
            topic_prefix=f"city-{os.getpid()}-{next(_numbers)}-",
            partitions=PARTITIONS,
            database=database,
            admin_key_sha256=hashlib.sha256(ADMINISTRATOR.encode()).hexdigest(),
        )
        asyncio.run(declare_topics(self.settings))
        self.facts: list[oracle.OracleFact] = []
        self._plan_facts: dict[str, PlanFacts] = {}
        self._log = FactsLog()
        self._producer = KafkaProducer(
            **client_options(KafkaSettings(kafka=bootstrap)),
            transactional_id=f"{self.settings.topic_prefix}book",
            max_request_size=18 * 1024 * 1024,
        )
        self._producer.init_transactions()

    def close(self) -> None:
        self._producer.close()

    @property
    def environment(self) -> dict[str, str]:
        """The settings as a process's environment variables."""
        answer = self.settings.model_dump(include={"kafka", "topic_prefix", "partitions", "database"})
        return {f"PANTAU_{name.upper()}": str(value) for name, value in answer.items()}

    def write(self, *events: Json, received: datetime = RECEIVED) -> int:
        """Put events into the facts log, in one transaction. Returns the `seq` of the last."""
        received_ms = int(received.timestamp() * 1000)
        with self._transaction():
            for event in events:
                self._fact(EVENT.validate_json(json.dumps(event)), received_ms)
        return self._plan_facts[oracle.plan_of(events[-1]["source"])].seq

    def _fact(self, event: Event, received_ms: int) -> None:
        plan_facts = self._plan_facts.setdefault(event.plan, PlanFacts(event.plan))
        topic = kind_of(event).topic
        fact = self._log.add(event, received_ms, self._partition(event.plan), len(self.facts))
        self._send("facts", event.plan, fact.key, fact.value)
        if fact.private:
            self._send("facts-private", event.plan, fact.key, fact.private)
        parsed = parse_fact(fact.value)
        assert isinstance(parsed, Fact)
        plan_facts.add(parsed)
        self.facts.append(oracle.OracleFact(topic, 0, len(self.facts), received_ms, event.model_dump(mode="json")))

    def write_unknown(self, plan: str, *, fold: bool) -> None:
        """Put a fact of a kind that this version does not know into the facts log."""
        with self._transaction():
            fact = self._log.add_unknown(plan, fold=fold)
            self._send("facts", plan, fact.key, fact.value)
        self._plan_facts[plan].skip(self._log.seq(plan), 1)

    def write_snapshots(self) -> None:
        """The live snapshot of every plan, as the aggregator keeps it."""
        with self._transaction():
            for plan, plan_facts in self._plan_facts.items():
                self._send(
                    "realization", plan, plan.encode(), LiveCounts(plan_facts).snapshot().model_dump_json().encode()
                )

    def key(self, plan: str, organization: str, role: Any = "department") -> str:
        """A new key of an organization."""
        text, key_id, sha256 = new_key()
        key = Key(key_id=key_id, role=role, sha256=sha256, made_at=RECEIVED)
        access = OfficeAccess(plan=plan, office=organization, keys=(key,))
        with self._transaction():
            self._send("access", plan, f"{plan}/{organization}".encode(), access.model_dump_json().encode())
        return text

    def known(self, plan: str, seq: int) -> list[oracle.OracleFact]:
        """A plan's facts up to a `seq`."""
        return [fact for fact in self.facts if oracle.plan_of(fact.event["source"]) == plan][:seq]

    def _partition(self, plan: str) -> int:
        return partition_of(plan, PARTITIONS)

    def _send(self, topic: str, plan: str, key: bytes, value: bytes) -> None:
        self._producer.send(self.settings.topic_prefix + topic, value, key, partition=self._partition(plan))

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._producer.begin_transaction()
        yield
        self._producer.commit_transaction()


class ApiClient:
    """A client of a running api."""

    def __init__(self, client: Client, city: WrittenFacts) -> None:
        self.client, self.city = client, city

    def get(self, path: str, *, expect: int = 200, headers: dict[str, str] | None = None, **query: Any) -> Any:
        """The JSON at a path below `/v1/plans`; parameters that are None are left out."""
        return self.response(path, expect=expect, headers=headers, **query).json()

    def response(
        self, path: str, *, expect: int = 200, headers: dict[str, str] | None = None, **query: Any
    ) -> Response:
        given = {name.rstrip("_"): str(value) for name, value in query.items() if value is not None}
        response = self.client.get(f"/v1/plans{path}", params=given, headers=headers)
        assert response.status_code == expect, response.text
        return response


@contextmanager
def served(city: WrittenFacts, **options: Any) -> Generator[ApiClient]:
    """The api on a port of this machine, ready, and a client of it."""
    port = free_port()
    app = create_app(city.settings, **options)
    server = uvicorn.Server(config(app, city.settings, port))
    thread = threading.Thread(target=server.run, name="realization")
    thread.start()
    try:
        with Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until(lambda: client.get("/readyz").status_code == 200, what="the api is ready")
            yield ApiClient(client, city)
    finally:
        server.should_exit = True
        thread.join(20)


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def as_the_oracle_says(answer: Json) -> Json:
    """`overall` and `groups` of an answer in the oracle's words; groups without programs are left out."""
    groups = {group["key"]: _cell(group) for group in answer["groups"] if group["programs"]}
    return {"overall": _cell(answer["overall"]), "groups": groups}


def _cell(cell: Json) -> Json:
    return {name: _answer(value) for name, value in cell.items() if name not in {"key", "label"}}


def _answer(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "formula" in value:
        exact = {name: Fraction(value[name]) for name in ("numerator", "denominator")}
        return value | exact | {"reason": value["reason"] and value["reason"]["code"]}
    return {name: event for name, event in value.items() if name != "band_label"}


def codes(items: Iterable[Json]) -> list[str]:
    """The programs of a list, in its order."""
    return [item["program"] for item in items]
