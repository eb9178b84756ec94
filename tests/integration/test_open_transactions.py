"""An open transaction of another client hides all records after it on a topic; that is reported, and never taken for absence."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.broker import Broker
from schemas.sources import department
from schemas.topics import partition_of
from services.kit.http.health import TRUST
from services.kit.kafka import client_options
from services.kit.open_transactions import NORMAL_SECONDS
from services.kit.settings import KafkaSettings
from tests.integration.intake_site import ADMINISTRATOR, PARTITIONS, IntakeSite, bearer, report, running
from tests.parts.history import RecordToSend
from tests.parts.processes import Processes
from tests.parts.waiting import until

Json = dict[str, Any]


@contextmanager
def open_transaction(intake: IntakeSite, topic: str, plan: str, value: bytes) -> Generator[tuple[KafkaProducer, int]]:
    """A record in another client's transaction that is open while the block runs. Gives its producer and the record's offset."""
    producer = KafkaProducer(
        **client_options(KafkaSettings(kafka=intake.kafka_topics.bootstrap)),
        transactional_id=f"{intake.kafka_topics.prefix}stranger",
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        name = intake.kafka_topics.prefix + topic
        sent = producer.send(name, key=plan.encode(), value=value, partition=partition_of(plan, PARTITIONS))
        yield producer, sent.get(30).offset
    finally:
        producer.close()  # ends it too, when the test did not


def checks(url: str) -> tuple[int, Json]:
    answer = httpx.get(f"{url}/readyz")
    return answer.status_code, answer.json()["checks"]


def metric(url: str, name: str, topic: str, partition: int | None = None) -> float:
    """A metric of a topic, or of one partition of it."""
    labels = {"topic": topic} | ({} if partition is None else {"partition": str(partition)})
    (value,) = [
        sample.value
        for family in text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return value


def test_what_comes_after_an_open_transaction_is_pending_and_the_transaction_is_named(intake: IntakeSite) -> None:
    plan = intake.plan()
    partition, worker, programs = partition_of(plan, PARTITIONS), intake.worker_url, str(intake.programs.base_url)
    key = intake.key(plan, "dinkes")
    hidden, sent = report(plan, "of-a-stranger"), report(plan, "acknowledged")

    with open_transaction(intake, "program-status", plan, json.dumps(hidden).encode()) as (stranger, offset):
        assert intake.send(sent, key).status_code == 202
        assert intake.outcome(sent["source"], sent["id"], wait=1)["outcome"] == "pending"
        assert intake.outcome(department(plan, "dinkes"), "never-sent", wait=0)["outcome"] == "pending", (
            "it may be there"
        )

        def open_there(found: list[Json]) -> bool:
            return [(one["topic"], one["partition"], one["offset"]) for one in found] == [
                ("program-status", partition, offset)
            ]

        until(lambda: open_there(checks(worker)[1]["open_transactions"]))
        until(lambda: open_there(checks(programs)[1]["inputs"]["open_transactions"]))
        assert checks(worker)[0] == 200, "a minute is given to whoever left it open"
        assert checks(programs)[0] == 200, "reports are taken meanwhile"
        assert checks(worker)[1]["open_transactions"][0]["age_seconds"] >= NORMAL_SECONDS
        age = "pantau_input_open_transaction_age_seconds"
        assert metric(worker, age, "program-status", partition) > NORMAL_SECONDS
        assert metric(worker, "pantau_input_last_stable_offset", "program-status", partition) == offset
        assert metric(worker, age, "evaluations", partition) == 0
        stranger.abort_transaction()

    assert intake.outcome(sent["source"], sent["id"])["outcome"] == "accepted"
    until(lambda: metric(worker, age, "program-status", partition) == 0)
    until(lambda: checks(worker)[1]["open_transactions"] == [])
    until(lambda: checks(programs)[1]["inputs"]["open_transactions"] == [])
    assert intake.outcome(hidden["source"], hidden["id"], wait=5)["status"] == 404, "it was aborted"


@pytest.mark.parametrize("commit", [True, False])
def test_after_a_transaction_what_was_never_sent_is_not_found(intake: IntakeSite, commit: bool) -> None:
    """Its marker, and what was aborted, have offsets that no record is decided at."""
    plan = intake.plan()
    sent, never = report(plan, "of-a-sender"), (department(plan, "dinkes"), "never-sent")
    with open_transaction(intake, "program-status", plan, json.dumps(sent).encode()) as (sender, _):
        (sender.commit_transaction if commit else sender.abort_transaction)()
    if commit:
        assert intake.outcome(sent["source"], sent["id"])["outcome"] == "accepted"
    assert intake.outcome(*never, wait=10)["status"] == 404


def test_an_open_transaction_on_what_a_service_follows_is_reported(intake: IntakeSite) -> None:
    plan = intake.plan()
    programs, age = str(intake.programs.base_url), "pantau_projection_open_transaction_age_seconds"
    assert metric(programs, age, "access") == 0
    with open_transaction(intake, "access", plan, b"{}") as (stranger, offset):
        found = until(lambda: checks(programs)[1]["open_transactions"])
        assert [(one["topic"], one["offset"]) for one in found] == [("access", offset)]
        assert metric(programs, age, "access") > NORMAL_SECONDS
        keys = f"/v1/departments/{plan}/dinkes/keys"
        response = intake.programs.post(keys, headers=bearer(ADMINISTRATOR))
        assert response.status_code == 503
        stranger.abort_transaction()
    until(lambda: checks(programs)[1]["open_transactions"] == [])
    listed = intake.programs.get(keys, headers=bearer(ADMINISTRATOR)).json()["items"]
    assert listed == [], "nothing was written: a key that was withdrawn behind the transaction would have come back"
    assert intake.key(plan, "dinkes")


def test_readiness_says_that_kafka_is_unsecured(intake: IntakeSite) -> None:
    for url in (intake.worker_url, str(intake.programs.base_url)):
        assert httpx.get(f"{url}/readyz").json()["trust"] == TRUST


def test_what_a_client_wrote_to_another_partition_is_pending_and_then_rejected(
    broker: Broker, processes: Processes, tmp_path: Path
) -> None:
    """Its partition is not the plan's, so asking of the plan's alone would find nothing."""
    with running(broker.bootstrap, f"sqlite:///{tmp_path / 'intake.db'}", processes) as intake:
        sent = report("kota-x", "misplaced")
        elsewhere = (partition_of("kota-x", PARTITIONS) + 1) % PARTITIONS
        intake.kafka_topics.send([RecordToSend("program-status", elsewhere, b"kota-x", json.dumps(sent).encode())])
        assert intake.outcome(sent["source"], sent["id"], wait=0)["outcome"] == "pending"
        intake.start_worker()
        found = intake.outcome(sent["source"], sent["id"], key=ADMINISTRATOR)
        assert [reason["code"] for reason in found["reasons"]] == ["wrong_partition"]
        assert intake.outcome(sent["source"], "never-sent", wait=10)["status"] == 404
