"""The clients of docs/departments.md that need Node (with npm) or Go. Not collected by `make test`:

.venv/bin/python -m pytest tests/clients/node_and_go.py
"""

from pathlib import Path

import pytest

from tests import clients
from tests.integration.intake_site import IntakeSite, intake

__all__ = ["intake"]


@pytest.mark.parametrize("client", clients.BY_HAND)
def test_an_event_is_accepted(client: str, intake: IntakeSite, tmp_path: Path) -> None:
    found = clients.send(client, clients.documented()[client], f"by-{client}", intake, tmp_path)
    assert found["outcome"] == "accepted", found


@pytest.mark.parametrize(
    ("client", "setting"),
    [
        ("kafka-go", "Balancer: kafka.Murmur2Balancer{},"),
        ("Sarama", "settings.Producer.Partitioner = sarama.NewMurmur2Partitioner"),
    ],
)
def test_the_setting_is_needed(client: str, setting: str, intake: IntakeSite, tmp_path: Path) -> None:
    program = clients.documented()[client]
    assert setting in program
    outcomes = set()
    for number in range(3):  # kafka-go goes from partition to partition
        folder = tmp_path / str(number)
        folder.mkdir()
        found = clients.send(client, program.replace(setting, ""), f"by-{client}-{number}", intake, folder)
        outcomes |= {reason["code"] for reason in found.get("reasons", [])}
    assert outcomes == {"wrong_partition"}
