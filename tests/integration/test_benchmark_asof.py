"""The benchmark of as-of questions, in short: its log is one the aggregator could have written, and it is answered."""

import asyncio
import gzip
import json
import os
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from benchmarks.asof import Projection, serving
from benchmarks.large_log import LargeLog, write
from deploy.local.broker import Broker
from deploy.local.process_settings import InstallationSettings
from schemas.facts import Fact, parse_fact
from services.kit.topics import declare_topics
from tests import oracle
from tests.integration.facts_and_api import PARTITIONS, as_the_oracle_says
from tests.parts.facts import FactsLog, whole_event

_numbers = count(1)


@pytest.fixture
def log() -> LargeLog:
    return LargeLog(plans=2, reports=500)


def test_its_facts_are_as_the_aggregator_writes_them(log: LargeLog) -> None:
    plan_facts = list(log.facts(log.plans[0]))
    facts = [parse_fact(value) for _, value in plan_facts]
    written = FactsLog()

    assert [fact.seq for fact in facts] == list(range(1, len(plan_facts) + 1))
    for (key, value), fact in zip(plan_facts, facts, strict=True):
        assert isinstance(fact, Fact)
        assert (key, value) == written.add(fact.event, fact.received_ms, fact.partition, fact.offset)[:2]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_it_measures_what_is_answered_and_the_answers_are_the_oracles(
    broker: Broker, log: LargeLog, database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = InstallationSettings(
        kafka=broker.bootstrap,
        topic_prefix=f"asof-{os.getpid()}-{next(_numbers)}-",
        partitions=PARTITIONS,
        state=tmp_path,
        database=None if database == "sqlite" else request.getfixturevalue("postgres_url"),
    )
    asyncio.run(declare_topics(settings))
    facts = asyncio.run(write(log, settings))

    figures = Projection(settings, tmp_path, log, facts, asked=10).run()

    for kind in ("cold", "random", "warm"):
        p50, p99, worst = (figures[f"{kind}_{name}"] for name in ("p50", "p99", "worst"))
        assert 0 < p50 <= p99 <= worst
    plan = log.plans[1]
    known = [oracle.OracleFact("", 0, 0, 0, whole_event(json.loads(v), None)) for _, v in log.facts(plan)]
    with serving(settings, tmp_path) as api:
        shown = api.get(f"/v1/plans/{plan}/realization?as_of=2024-02-29&known_at=400&group_by=dimension")
    answer = json.loads(gzip.decompress(shown))
    assert as_the_oracle_says(answer) == oracle.figures(known[:400], plan, date(2024, 2, 29))
