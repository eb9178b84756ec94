"""Whatever bytes a sender sends, the reason of the rejection is shown, and no projection fails."""

from kafka import KafkaProducer
from sqlalchemy import select

from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from services.kit.kafka import client_options
from services.kit.projection.databases import open_engine, reading
from services.kit.settings import KafkaSettings
from services.programs.app import create_app
from services.programs.projection import REJECTED
from tests.integration.facts_and_api import WrittenFacts
from tests.integration.intake_site import served

NASTY = {
    "zero": b"a\0b",
    "lone surrogate": b"a\xed\xa0\x80b",
    "no UTF-8": b"a\xff\xfeb",
    "cut off": b"a\xf0\x9f",
    "not normalized": "e\u0301".encode(),
    "nothing": b"",
}
AS_TEXT = {
    "zero": "a\ufffdb",
    "lone surrogate": "a\ufffd\ufffd\ufffdb",
    "no UTF-8": "a\ufffd\ufffdb",
    "cut off": "a\ufffd",
    "not normalized": "e\u0301",
    "nothing": "",
}


def test_headers_and_values_of_any_bytes_are_taken(broker: Broker, database: str) -> None:
    city = WrittenFacts(broker.bootstrap, database)
    city.close()
    with KafkaProducer(**client_options(KafkaSettings(kafka=broker.bootstrap))) as producer:
        for number, value in enumerate(NASTY.values()):
            rejects = {
                "reason": b"not_json",
                "detail": value,
                "topic": b"program-status",
                "partition": b"0",
                "offset": b"%d" % number,
                "received_ms": b"1",
                "source": value,
                "id": value,
                "plan": value,
                "whatever else": value,
            }
            producer.send(
                f"{city.settings.topic_prefix}rejected", value, value, headers=[*rejects.items()], partition=0
            )
    with served(create_app(city.settings)) as client:
        assert client.get("/readyz").json()["ready"]
        assert rows(city.settings) == [(text, text, text, text) for text in AS_TEXT.values()]


def rows(settings: InstallationSettings) -> list[tuple[str, ...]]:
    engine = open_engine(settings.database_url("programs"))
    try:
        with reading(engine) as connection:
            asked = select(REJECTED.c.plan, REJECTED.c.source, REJECTED.c.id, REJECTED.c.detail)
            return [tuple(row) for row in connection.execute(asked.order_by(REJECTED.c.offset))]
    finally:
        engine.dispose()
