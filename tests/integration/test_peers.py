"""The competitors of `make bench` do the job that the engine does: each one's output is compared, whole, with the oracle's."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from benchmarks.competitors import FLOOR, PEERS, STOCK_FAUST, Competitor, environment
from deploy.local.broker import Broker
from schemas.facts import content
from schemas.private import STORED
from schemas.registry import EVENT
from schemas.sources import council
from tests import oracle
from tests.parts.facts import public_text
from tests.parts.history import History, Letter, event, handed_over, plan_version
from tests.parts.mailbox import Mailbox
from tests.parts.processes import Processes, Running
from tests.parts.waiting import until

Json = dict[str, Any]

PARTITIONS = 4
LETTERS = 2000
TOPICS = ("masterplans", "program-status")
VERSION = "masterplan.version.published"
QUICKLY = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1"}  # the second compiler takes longer than the work here


def plan_mail(history: History, plan: str) -> list[Letter]:
    """Versions of a plan after its first, one of them in another's place, and everything that can be wrong with them."""
    at, second = datetime(2020, 1, 1, tzinfo=UTC), handed_over(plan_version(12, 2, "2020-01-01"))
    made = event(VERSION, council(plan), "version-2", at, second)
    ahead = event(VERSION, council(plan), "version-3", at, plan_version(4, 3, "2999-01-01"))
    return [
        history.letter("masterplans", plan, one)
        for one in (
            made,
            made,  # a duplicate
            made | {"data": second | {"city": "Kota lain"}},  # a conflict
            made | {"id": "version-2-again", "data": second | {"effective_from": "2019-01-02"}},  # a version conflict
            ahead,  # not yet in force
            made | {"id": "version-4", "data": second | {"version": 4}},  # skips one
            made | {"id": "other", "source": f"/plans/{plan}/departments/dinkes"},
            b"{",
            None,
        )
    ]


def written_otherwise(letter: Letter, chance: random.Random) -> Letter:
    """The same content in other bytes: another offset from UTC, the keys in another order, more spaces."""
    assert letter.value is not None
    body: Json = json.loads(letter.value)
    east = timezone(timedelta(hours=chance.randrange(-11, 13)))
    body["time"] = datetime.fromisoformat(body["time"]).astimezone(east).isoformat()
    keys = list(body)
    chance.shuffle(keys)
    return letter._replace(value=json.dumps({key: body[key] for key in keys}, indent=chance.choice((None, 1))).encode())


def mail() -> Iterator[Letter]:
    """Plan versions and reports, good and bad, of six plans; one plan's first version comes last."""
    history, chance = History(5, partitions=PARTITIONS), random.Random(5)
    first = history.beginnings()
    yield from first[:-1]
    reports = [one for one in history.life(LETTERS) if one.key and _is_of_the_job(one)]
    for number, letter in enumerate(reports):
        yield letter
        if number == LETTERS // 3:
            yield from plan_mail(history, history.plans[0])
        if number % 10 == 0 and letter.value and letter.value.startswith(b'{"specversion'):
            yield written_otherwise(letter, chance)
    yield first[-1]


def _is_of_the_job(letter: Letter) -> bool:
    return letter.topic in TOPICS and b"status.retracted" not in (letter.value or b"")


@pytest.fixture(scope="module")
def town(broker: Broker) -> "Town":
    return Town(broker)


class Town:
    """The mail, sent anew under a prefix of its own for each competitor, and what the oracle says of it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._letters = list(mail())

    def mailbox(self) -> Mailbox:
        mailbox = Mailbox(self._broker.bootstrap, PARTITIONS)
        mailbox.declare()
        mailbox.send(self._letters)
        return mailbox


def realizations(mailbox: Mailbox) -> dict[str, Json]:
    """The last record on `realization` of each plan."""
    found = [json.loads(record.value) for record in mailbox.written("realization")]
    return {one["plan"]: one for one in found}


def expected_cells(facts: list[oracle.Fact], plan: str) -> Json:
    """(programs, reported, realized) overall and by dimension, of the version in force when the last fact was received."""
    as_of = oracle.last_date_begun(max(one.received_ms for one in facts))
    version, claims = oracle.in_force(facts, plan, as_of), oracle.programs(facts, plan, as_of)
    counts: dict[tuple[str, str], list[int]] = {("overall", "overall"): [0, 0, 0]}
    for program in oracle.programs_of(version):
        status = claims[program["code"]]["status"]
        for cell in (("overall", "overall"), ("dimension", program["dimension"])):
            counted = counts.setdefault(cell, [0, 0, 0])
            for at, more in enumerate((True, status is not None, status == "realized")):
                counted[at] += more
    expected: Json = {}
    for (grouping, key), counted in counts.items():
        expected.setdefault(grouping, {})[key] = counted
    return expected


def cells(told: Json) -> Json:
    """Of a realization what `expected_cells` says."""
    return {
        grouping: {key: cell[:3] for key, cell in told["cells"][grouping].items()}
        for grouping in ("overall", "dimension")
    }


def public_part(event: Json) -> str:
    """What a written event says in public. The peer in Java writes every field, ours what is not at its default."""
    return content(EVENT.validate_json(json.dumps(event), context=STORED)).public.decode()


def differences(
    mailbox: Mailbox, outcomes: list[oracle.Outcome], facts: list[oracle.Fact], sent: list[oracle.Mail]
) -> list[str]:
    """How what a competitor wrote differs from what the oracle says. Empty: not at all."""
    found = []
    written = [json.loads(fact.value) for fact in mailbox.written("facts")]
    told = Counter(
        (f["topic"], f["partition"], f["offset"], f["received_ms"], public_part(f["event"])) for f in written
    )
    wanted = Counter((f.topic, f.partition, f.offset, f.received_ms, public_text(f.event)) for f in facts)
    found += [f"facts: missing {one}" for one in wanted - told] + [f"facts: too many {one}" for one in told - wanted]
    refused = Counter(
        (r.headers["topic"], int(r.headers["partition"]), int(r.headers["offset"]), r.headers["reason"], r.value)
        for r in mailbox.written("rejected")
    )
    due = Counter(
        (m.topic, m.partition, m.offset, o.reason, m.value or b"")
        for m, o in zip(sent, outcomes, strict=True)
        if o.reason is not None
    )
    found += [f"rejected: missing {one}" for one in due - refused]
    found += [f"rejected: too many {one}" for one in refused - due]
    told_last = realizations(mailbox)
    for plan in {oracle.plan_of(fact.event["source"]) for fact in facts}:
        of_plan = [fact for fact in facts if oracle.plan_of(fact.event["source"]) == plan]
        seqs = sorted(f["seq"] for f in written if oracle.plan_of(f["event"]["source"]) == plan)
        if seqs != list(range(1, len(of_plan) + 1)):
            found.append(f"seq of {plan} is not dense")
        if cells(told_last[plan]) != expected_cells(of_plan, plan):
            found.append(f"realization of {plan}: {cells(told_last[plan])}, not {expected_cells(of_plan, plan)}")
    return found


class Job:
    """A mailbox full of mail, what the oracle says of it, and the start of a competitor that does it."""

    def __init__(self, mailbox: Mailbox, processes: Processes, state: Path) -> None:
        self.mailbox, self._processes, self._state = mailbox, processes, state
        self.sent = [one for one in mailbox.mail() if one.topic in TOPICS]
        self.outcomes, self.facts = oracle.decide(self.sent, PARTITIONS)
        self.plans = Counter(oracle.plan_of(fact.event["source"]) for fact in self.facts)

    def start(self, peer: Competitor) -> Running:
        peer.build()
        self._state.mkdir(exist_ok=True)
        env = environment(self.mailbox.bootstrap, self.mailbox.prefix, PARTITIONS, self._state, peer.options)
        return self._processes.start(peer.name, peer.command(peer.options), env=env | QUICKLY)

    def until_done(self, running: Running) -> None:
        refused = sum(one.reason is not None for one in self.outcomes)

        def done() -> bool:
            return not running.alive or (
                {plan: one["seq"] for plan, one in realizations(self.mailbox).items()} == self.plans
                and len(self.mailbox.read("facts")) >= len(self.facts)
                and len(self.mailbox.read("rejected")) >= refused
            )

        until(done, 100, what="the last realization of every plan, and as many facts and rejects as the oracle says")
        assert running.alive, running.said


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer is not STOCK_FAUST], ids=lambda peer: peer.name)
def test_a_competitor_does_the_whole_job(peer: Competitor, town: Town, processes: Processes, tmp_path: Path) -> None:
    job = Job(town.mailbox(), processes, tmp_path / "state")

    job.until_done(job.start(peer))

    assert differences(job.mailbox, job.outcomes, job.facts, job.sent) == []


def test_the_floor_says_what_it_made_of_the_mail(town: Town, processes: Processes, tmp_path: Path) -> None:
    job = Job(town.mailbox(), processes, tmp_path / "state")

    running = job.start(FLOOR)
    until(lambda: running.said.endswith("}\n") or not running.alive, what="the floor to have said it")

    told = json.loads(running.said)
    assert told["records"] == len(job.sent)
    assert Counter(told["outcomes"]) == Counter(one.outcome for one in job.outcomes)
    assert Counter(told["reasons"]) == Counter(one.reason for one in job.outcomes if one.reason is not None)
    for plan, seq in job.plans.items():
        assert told["realization"][plan]["seq"] == seq
        of_plan = [fact for fact in job.facts if oracle.plan_of(fact.event["source"]) == plan]
        assert cells(told["realization"][plan]) == expected_cells(of_plan, plan)


def test_stock_faust_does_it_too_and_says_how_its_table_was_recovered(
    town: Town, processes: Processes, tmp_path: Path
) -> None:
    job = Job(town.mailbox(), processes, tmp_path / "state")
    first = job.start(STOCK_FAUST)
    job.until_done(first)
    assert differences(job.mailbox, job.outcomes, job.facts, job.sent) == []
    first.stop()

    second = job.start(STOCK_FAUST)
    until(lambda: '"recovered_records"' in second.said or not second.alive, what="the table to be recovered")

    told = next(json.loads(line) for line in second.said.splitlines() if line.startswith("{"))
    assert told["facts"] == len(job.facts)
    assert told["recovered_records"] > 2 * len(job.facts)
    assert told["seconds"] > 0
