"""The topics, where a plan lies on them, and the names by which sources are known."""

import json
import re
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import generate, sources
from schemas.registry import KINDS
from schemas.sources import Source, parse_source
from schemas.topics import EVENT_LIMIT, INPUTS, LIMITS, PLAN_VERSION_LIMIT, ROOM, TOPICS, murmur2, partition_of
from schemas.vocabulary import SUB_DIMENSIONS, Dimension
from tests import oracle

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the client's own use of importlib.resources
    from kafka.partitioner.default import murmur2 as kafkas_murmur2

CONFIG = {topic.name: topic.config for topic in TOPICS}
FOREVER = "-1"
DAY_MS = 86_400_000


def test_there_is_each_topic_of_the_design_once() -> None:
    assert [topic.name for topic in TOPICS] == [
        "masterplans", "program-status", "evaluations", "facts", "facts-private", "rejected", "realization",
        "aggregator-progress", "access", "audit",
    ]  # fmt: skip
    assert INPUTS == ("masterplans", "program-status", "evaluations")


def test_the_facts_log_and_plan_versions_are_kept_for_ever_and_never_compacted() -> None:
    for name in ("masterplans", "facts"):
        assert CONFIG[name]["cleanup.policy"] == "delete"
        assert CONFIG[name]["retention.ms"] == CONFIG[name]["retention.bytes"] == FOREVER


def test_the_time_of_receipt_is_the_brokers_on_the_inputs_and_only_there() -> None:
    by_broker = [topic.name for topic in TOPICS if topic.config.get("message.timestamp.type") == "LogAppendTime"]

    assert by_broker == list(INPUTS)


def test_what_was_sent_and_what_was_rejected_are_kept_400_days_and_what_people_did_five_years() -> None:
    for name in ("program-status", "evaluations", "rejected"):
        assert CONFIG[name]["cleanup.policy"] == "delete"
        assert int(CONFIG[name]["retention.ms"]) == 400 * DAY_MS
    assert int(CONFIG["audit"]["retention.ms"]) >= 5 * 365 * DAY_MS


def test_what_a_tombstone_erases_is_gone_within_three_days() -> None:
    """UU 27/2022: 3 x 24 hours. A segment is closed after one day at most, and compacted within another."""
    config = CONFIG["facts-private"]
    assert int(config["segment.ms"]) + int(config["max.compaction.lag.ms"]) <= 2 * DAY_MS


def test_projections_are_compacted() -> None:
    compacted = {topic.name for topic in TOPICS if topic.config["cleanup.policy"] == "compact"}

    assert compacted == {"facts-private", "realization", "aggregator-progress", "access"}
    assert not any("retention.ms" in CONFIG[name] for name in compacted)


def test_a_plan_version_may_have_16_mib_and_whatever_enters_fits_into_facts_and_rejected() -> None:
    assert LIMITS == {"masterplans": 16 * 1024**2, "program-status": EVENT_LIMIT, "evaluations": EVENT_LIMIT}
    assert EVENT_LIMIT == 256 * 1024
    for name in INPUTS:
        largest = int(CONFIG[name]["max.message.bytes"])
        assert largest >= LIMITS[name] + ROOM
        assert int(CONFIG["facts"]["max.message.bytes"]) >= largest + ROOM
        assert int(CONFIG["rejected"]["max.message.bytes"]) >= largest + ROOM
    assert LIMITS["masterplans"] == PLAN_VERSION_LIMIT


def test_every_event_enters_by_an_input() -> None:
    assert {kind.topic for kind in KINDS} == set(INPUTS)


# --- where a plan lies


@given(st.binary(max_size=200))
def test_murmur2_is_kafkas(data: bytes) -> None:
    assert murmur2(data) == int(kafkas_murmur2(data)) & 0xFFFFFFFF == oracle.murmur2(data)


@given(
    plan=st.from_regex(sources.PLAN, fullmatch=True, alphabet=st.characters(codec="ascii")),
    partitions=st.integers(1, 200),
)
def test_a_plan_lies_where_an_ordinary_client_puts_its_key(plan: str, partitions: int) -> None:
    assert partition_of(plan, partitions) == oracle.partition_of(plan, partitions)
    assert partition_of(plan, partitions) in range(partitions)


@pytest.mark.parametrize(
    ("plan", "of_12", "of_96"), [("kota-pontianak-2019-2028", 4, 16), ("banjarmasin", 0, 84), ("x", 10, 22)]
)
def test_the_partition_of_a_plan_never_changes(plan: str, of_12: int, of_96: int) -> None:
    assert (partition_of(plan, 12), partition_of(plan, 96)) == (of_12, of_96)


# --- sources

PARTS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True, alphabet=st.characters(codec="ascii"))


@given(plan=PARTS, key=PARTS)
def test_a_source_is_read_as_it_was_written(plan: str, key: str) -> None:
    assert parse_source(sources.department(plan, key)) == Source(plan, "departments", key)
    assert parse_source(sources.evaluator(plan, key)) == Source(plan, "evaluators", key)
    assert parse_source(sources.council(plan)) == Source(plan, "council", "")
    for source in (sources.department(plan, key), sources.evaluator(plan, key), sources.council(plan)):
        assert str(parse_source(source)) == source
        assert re.fullmatch(sources.SOURCE, source)


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "/plans/p", "/plans/p/council/", "/plans/p/council\n", "/plans//council", "/plans/p/departments/",
        "/plans/p/departments/a/b", "/plans/P/council", "/plans/p/departments/-a", "/plans/p/departments/a-",
        "plans/p/council", "/plans/p/departments/..", "/plans/p/mayors/a", " /plans/p/council", "/plans/p%2f/council",
        "/plans/p/departments/" + "a" * 64,
    ],
)  # fmt: skip
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_source(text)


# --- words


def test_there_are_six_dimensions_of_three_sub_dimensions_each() -> None:
    assert tuple(Dimension) == oracle.DIMENSIONS
    assert {
        dimension: sum(of is dimension for of in SUB_DIMENSIONS.values()) for dimension in Dimension
    } == dict.fromkeys(Dimension, 3)


# --- what is generated


def test_what_is_generated_is_what_the_models_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["schemas.generate", "--check"])

    assert generate.main() == 0, capsys.readouterr().out


def test_a_stale_or_a_forgotten_schema_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    here = tmp_path / "schemas"
    here.mkdir()
    monkeypatch.setattr(generate, "HERE", here)
    monkeypatch.setattr(sys, "argv", ["schemas.generate"])
    assert generate.main() == 0
    (here / "jsonschema" / "fact.json").write_text("{}")
    (here / "jsonschema" / "id.pantau.gone.v1.json").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["schemas.generate", "--check"])

    assert generate.main() == 1

    named = capsys.readouterr().out
    assert "fact.json" in named
    assert "id.pantau.gone.v1.json" in named


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    folder = Path(generate.__file__).parent
    document = json.loads((folder / "asyncapi.json").read_text("utf-8"))

    assert set(document["channels"]) == set(CONFIG)
    for message in document["components"]["messages"].values():
        where = message.get("payload") or message["headers"]
        assert (folder / where["$ref"]).exists()
    for channel in document["channels"].values():
        for reference in channel["messages"].values():
            assert reference["$ref"].removeprefix("#/components/messages/") in document["components"]["messages"]
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]
