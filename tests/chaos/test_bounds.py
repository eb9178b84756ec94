"""A short form of `make chaos ARGS=--bounds`: whatever the aggregator accepts fits the topics, and every projection takes it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from schemas.sources import council
from schemas.topics import LIMITS
from schemas.vocabulary import Reason
from services.aggregator.worker.records import InputRecord
from services.aggregator.worker.state import PartitionState
from tests.chaos import contract_bounds
from tests.parts.history import event, plan_version

SEED, EVENTS = 11, 1_200


def test_whatever_is_accepted_every_projection_takes(postgres_url: str, tmp_path: Path) -> None:
    played = contract_bounds.play(SEED, EVENTS, [f"sqlite:///{tmp_path / 'bounds.db'}", postgres_url])
    assert played.accepted.total() > EVENTS * 3 // 4
    assert played.rejected.keys() >= {"not_json", "wrong_shape", "unknown_type", "conflict"}


def test_a_plan_version_that_is_kept_in_more_bytes_than_a_record_may_have_is_rejected() -> None:
    """9E15 is as much a number as 9000000000000000, which is what a fact says."""
    data = plan_version(1)
    (program,) = data["programs"]
    budget = ",".join(f'"{year}":9E15' for year in range(2000, 2200))
    written = json.dumps(program | {"budget": "BUDGET"}).replace('"BUDGET"', f"{{{budget}}}")
    programs = ",".join(written.replace("P-000", f"P-{number}") for number in range(5_800))
    sent = event("masterplan.version.published", council("kota-1"), "v-1", datetime(2020, 1, 1, tzinfo=UTC), data)
    value = json.dumps(sent | {"data": data | {"programs": "PROGRAMS"}}).replace('"PROGRAMS"', f"[{programs}]").encode()
    assert LIMITS["masterplans"] * 0.9 < len(value) <= LIMITS["masterplans"]
    state = PartitionState(0, 1, contract_bounds.SECRET)
    folded = state.fold("masterplans", [InputRecord(0, contract_bounds.RECEIVED_MS, None, value, ())])
    assert not folded.facts
    (refused,) = folded.refused
    assert refused.why.reason is Reason.TOO_LARGE
    assert "the normalized event has" in refused.why.detail
    assert refused.why.id == "v-1", "so that its sender learns the reason"
