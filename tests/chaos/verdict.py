"""What must hold after a run, recomputed from the ledger and the positions in the log, by the oracle.

Each check returns what differs, in words; a run is good when all return nothing.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from httpx import HTTPError
from pydantic import ValidationError

from schemas.facts import Snapshot, parse_fact
from schemas.registry import EVENT
from services.aggregator.worker.state import ChainError, GapError, PartitionState
from tests import oracle
from tests.chaos import intake_answers, ledger, rebuilt_projections
from tests.chaos.followers import Follower
from tests.chaos.installation import PARTITIONS, ChaosInstallation, KeptProcess
from tests.chaos.ledger import Entry
from tests.integration.facts_and_api import as_the_oracle_says
from tests.parts.facts import SECRET
from tests.parts.history import RecordToSend

LAG_SECONDS = 60.0
STEP_SECONDS = 15.0
LOOK_SECONDS = 0.5
FIRST_YEAR = 2019
SERVED_WITH = 200


class Played(NamedTuple):
    """A run when its last fault has passed. `sent`: whether all records were acknowledged or refused."""

    installation: ChaosInstallation[Any]
    ledger: Path
    followers: Sequence[Follower]
    sent: bool
    errors: Sequence[BaseException]


class DecidedLog(NamedTuple):
    """The input records in the log, the oracle's outcome of each, and the oracle's facts by plan."""

    input_records: list[oracle.OracleRecord]
    outcomes: list[oracle.Outcome]
    facts: dict[str, list[oracle.OracleFact]]


def differences(played: Played) -> list[str]:
    """Everything that does not hold."""
    found = [f"a sender failed: {error!r}" for error in played.errors]
    if not played.sent:
        found.append("not all records were acknowledged in time")
    records = played.installation.kafka_topics.input_records()
    found += settled(played.installation, records)
    if found:
        return found  # while records are being decided nothing can be compared
    outcomes, facts = oracle.decide(records, PARTITIONS)
    by_plan: dict[str, list[oracle.OracleFact]] = {}
    for fact in facts:
        by_plan.setdefault(oracle.plan_of(fact.event["source"]), []).append(fact)
    decided = DecidedLog(records, outcomes, by_plan)
    return [
        *against_the_ledger(ledger.read(played.ledger), records),
        *played.installation.kafka_topics.differences_from(records, outcomes, facts),
        *followed(played.installation, decided),
        *figures(played.installation, decided),
        *intake_answers.differences(played.installation, records, outcomes, by_plan),
        *received(played, decided),
        *replayed(played.installation),
        *state_from_the_facts_log(played.installation),
        *wedged(played.installation),
    ]


def settled(installation: ChaosInstallation[Any], records: Iterable[oracle.OracleRecord]) -> list[str]:
    """Lag returns to zero by itself: every record has an outcome, and every process is ready."""
    kafka_topics = installation.kafka_topics
    ends: dict[tuple[str, int], int] = {}  # not the topics' own: those count what was aborted, too
    for record in records:
        place = record.topic, record.partition
        ends[place] = max(ends.get(place, 0), record.offset + 1)

    def lag() -> int:
        read = kafka_topics.read_up_to()
        return sum(end - read.get(place, 0) for place, end in ends.items())

    if not installation.wait(lambda: lag() == 0, LAG_SECONDS, every=LOOK_SECONDS):
        return [f"the worker is {lag()} records behind the input topics {LAG_SECONDS:g} s after the last was sent"]
    if not installation.until_ready():
        return ["not every process is ready again"]
    return []


def followed(installation: ChaosInstallation[Any], decided: DecidedLog) -> list[str]:
    """Every api comes to the end of the facts log by itself."""
    ends = {plan: len(facts) for plan, facts in decided.facts.items()}

    def mismatch(site: KeptProcess, plan: str, seq: int) -> bool:
        url = f"http://127.0.0.1:{site.port}/v1/plans/{plan}/realization"
        try:
            return installation.http.get(url, params={"min_seq": str(seq)}).status_code == SERVED_WITH
        except HTTPError:
            return False

    return [
        f"{site.name} does not come to the end of {plan} within {LAG_SECONDS:g} s"
        for site in installation.sites
        for plan, seq in ends.items()
        if not installation.wait(lambda s=site, p=plan, n=seq: mismatch(s, p, n), LAG_SECONDS, every=LOOK_SECONDS)  # type: ignore[misc]  # mypy infers no type for the default
    ]


# ── the ledger ───────────────────────────────────────────────────────────────────────────────────────────────────────


def against_the_ledger(entries: dict[int, Entry], records: Iterable[oracle.OracleRecord]) -> list[str]:
    """Everything acknowledged is in the log at its offset; nothing is in the log that was not sent."""
    found: list[str] = []
    lies = {(m.topic, m.partition, m.offset): m for m in records}
    attempts, acknowledged = Counter[Any](), Counter[Any]()
    for number, entry in entries.items():
        same = _same(entry.way, entry.record)
        attempts[same] += entry.attempts
        acknowledged[same] += len(entry.acknowledged)
        for place in entry.acknowledged:
            record = lies.get(place)
            if record is None or _same(entry.way, _record_to_send(record)) != same:
                found.append(f"record {number} was acknowledged at {place}, where it is not")
        if not entry.acknowledged and not entry.refused:
            found.append(f"record {number} was neither acknowledged nor refused")
        if entry.refused and entry.acknowledged:
            found.append(f"record {number} was refused and acknowledged")
        if entry.refused:
            attempts[same] -= 1  # a refused attempt is not in the log
    logged = Counter[Any]()
    for record in lies.values():
        direct = _same("direct", _record_to_send(record))
        logged[direct if direct in attempts else _same("http", _record_to_send(record))] += 1
    if invented := logged - attempts:
        found.append(f"the log holds {invented.total()} records more than were sent, such as {next(iter(invented))}")
    if lost := acknowledged - logged:
        found.append(f"the log holds {lost.total()} records less than were acknowledged, such as {next(iter(lost))}")
    return found[:20]


def _record_to_send(record: oracle.OracleRecord) -> RecordToSend:
    return RecordToSend(record.topic, record.partition, record.key, record.value)


def _same(way: ledger.Way, record: RecordToSend) -> Any:
    """What is equal for a record as it was sent and as it is in the log: all its bytes, or by HTTP its content,
    because intake publishes its own writing of an event, and attests that the administrator sent a retraction."""
    if way == "direct":
        return record
    try:
        event = EVENT.validate_json(record.value or b"").model_dump(mode="json", exclude={"attestation"})
    except ValidationError:
        return record
    if event["type"] == oracle.RETRACTION:
        event["attestedrole"] = "administrator"
    return json.dumps(event, sort_keys=True)


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def figures(installation: ChaosInstallation[Any], decided: DecidedLog) -> list[str]:
    """Realization today and at every past year's end, on every site, is the oracle's to the last unit.

    Every answer holds what is claimed and what is verified; today's is asked for on both bases.
    """
    ends = [date(year, 12, 31) for year in range(FIRST_YEAR, date.today().year)]  # noqa: DTZ011 - years of the past
    asked: list[tuple[date | None, str]] = [(None, "verified"), *((end, "claimed") for end in (None, *ends))]
    return [
        difference
        for plan, facts in sorted(decided.facts.items())
        for as_of, basis in asked
        for difference in _figure(installation, plan, facts, as_of, basis)
    ]


def _figure(
    installation: ChaosInstallation[Any], plan: str, facts: list[oracle.OracleFact], as_of: date | None, basis: str
) -> Iterator[str]:
    expected: dict[date, Any] = {}
    for site in installation.sites:
        asked = {"basis": basis, "min_seq": str(len(facts))} | ({"as_of": str(as_of)} if as_of else {})
        url = f"http://127.0.0.1:{site.port}/v1/plans/{plan}/realization"
        try:
            response = installation.http.get(url, params=asked)
        except HTTPError as error:
            installation.tend()  # has it exited?
            yield f"{site.name} does not answer about {plan}: {error!r}"
            continue
        if response.status_code != SERVED_WITH:
            yield f"{site.name} does not answer about {plan}: {response.text[:200]}"
            continue
        answer = response.json()
        day = date.fromisoformat(answer["as_of"])
        if day not in expected:
            expected[day] = oracle.figures(facts, plan, day, basis=basis)
        if as_the_oracle_says(answer) != expected[day] or answer["known_at"]["seq"] != len(facts):
            yield f"{site.name}: {plan} as of {day}, {basis}, is not what the oracle says"


def received(played: Played, decided: DecidedLog) -> list[str]:
    """Versions received over server-sent events only rise, and reach the last one."""
    found = []
    for follower in played.followers:
        who, last = f"the follower of {follower.plan}", len(decided.facts.get(follower.plan, ()))
        if follower.fell():
            found.append(f"{who} received falling versions: {follower.fell()[:3]}")
        if not played.installation.wait(lambda f=follower, n=last: f.versions[-1:] == [n], STEP_SECONDS):  # type: ignore[misc]  # mypy infers no type for the default
            found.append(f"{who} received {follower.versions[-1:]} last, and not {last}")
    return found


# ── what can be built again ──────────────────────────────────────────────────────────────────────────────────────────


def replayed(installation: ChaosInstallation[Any]) -> list[str]:
    """Every projection, built again from the log on an empty database, has the same rows."""
    settings = installation.settings
    fresh = rebuilt_projections.replayed(settings, installation.folder / "rebuilt")
    last: list[str] = []

    def same() -> bool:
        last[:] = rebuilt_projections.differences(rebuilt_projections.tables(rebuilt_projections.urls(settings)), fresh)
        return not last

    return [] if installation.wait(same, STEP_SECONDS, every=LOOK_SECONDS) else last


def state_from_the_facts_log(installation: ChaosInstallation[Any]) -> list[str]:
    """The worker's state, restored from the facts, gives the bytes of the last snapshot of every plan."""
    kafka_topics = installation.kafka_topics
    states = {number: PartitionState(number, PARTITIONS, SECRET) for number in range(PARTITIONS)}
    try:
        for record in kafka_topics.written("facts"):
            states[record.partition].restore(parse_fact(record.value), record.value)
    except (ChainError, GapError) as error:
        return [str(error)]
    expected = {(n, plan.encode()): state.snapshot(plan) for n, state in states.items() for plan in state.plans}
    wanted = {place: snapshot.model_dump_json().encode() for place, snapshot in expected.items()}
    last: dict[tuple[int, bytes | None], bytes] = {}

    def same() -> bool:
        last.update({(record.partition, record.key): record.value for record in kafka_topics.written("realization")})
        return last == wanted

    if installation.wait(same, STEP_SECONDS, every=LOOK_SECONDS):
        return []
    differ = [Snapshot.model_validate_json(value).plan for place, value in wanted.items() if last.get(place) != value]
    return [f"the live snapshot of {plan} is not what its facts say" for plan in differ] or ["a snapshot of no plan"]


# ── processes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def wedged(installation: ChaosInstallation[Any]) -> list[str]:
    """Every process runs and is ready. (`tend` has checked all the time that none exited that may not.)"""
    installation.until_ready()  # a rebalance may be under way: a lost member is noticed when its session ends
    return [
        f"{kept.name} is not ready"
        for kept in (*installation.workers, *installation.sites)
        if not kept.ready(installation.http)
    ]
