"""Clients of Kafka and of HTTP, as docs/departments.md shows them: what is written there is run, and its event is accepted."""

import json
from pathlib import Path

import pytest

from samples.plan import PLAN
from schemas.topics import partition_of
from tests import clients
from tests.integration.intake_site import ADMINISTRATOR, PARTITIONS, IntakeSite, workbook


def test_every_program_in_the_docs_is_run() -> None:
    assert clients.documented().keys() == (clients.IN_MAKE_TEST | clients.BY_HAND).keys()


@pytest.mark.parametrize("client", clients.IN_MAKE_TEST)
def test_an_event_sent_as_the_docs_say_is_accepted(client: str, intake: IntakeSite, tmp_path: Path) -> None:
    found = clients.send(client, clients.documented()[client], f"by-{client}", intake, tmp_path)
    assert found["outcome"] == "accepted", found


def test_librdkafkas_default_partitioner_is_rejected_and_the_reason_names_the_setting(
    intake: IntakeSite, tmp_path: Path
) -> None:
    program = clients.documented()["confluent-kafka"]
    setting = '    "partitioner": "murmur2_random",\n'
    assert setting in program
    found = clients.send(
        "confluent-kafka", program.replace(setting, ""), "by-default", intake, tmp_path, key=ADMINISTRATOR
    )
    assert found.get("outcome") == "rejected", found
    (reason,) = found["reasons"]
    assert reason["code"] == "wrong_partition"
    assert reason["detail"] == (
        f"plan {PLAN} has partition {partition_of(PLAN, PARTITIONS)} of {PARTITIONS}, this is partition 2: the record's key "
        "must be the plan, and the partitioner Java's (murmur2); for librdkafka set partitioner=murmur2_random"
    )


def test_the_commands_in_the_docs_send_a_report_and_say_what_became_of_it(intake: IntakeSite, tmp_path: Path) -> None:
    response = intake.import_plan(workbook(PLAN))
    assert response.status_code == 202, response.text
    intake.outcome(response.json()["source"], response.json()["id"])
    event = clients.example()
    (tmp_path / "report.json").write_text(json.dumps(event))
    post, get = clients.commands()
    key = intake.key(PLAN, "diskominfo")
    sent = clients.curl(post, intake.programs, tmp_path, KEY=key)
    assert sent.status_code == 202, sent.text
    intake.outcome(event["source"], event["id"])  # waits; the command in the docs does not
    found = clients.curl(get, intake.programs, tmp_path, KEY=key)
    assert found.json()["outcome"] == "accepted", found.text
