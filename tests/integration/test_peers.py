"""The competitors of `make bench` do the job that the engine does: each one's output is compared, whole, with the oracle's."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.peer import Peer, environment
from deploy.local.broker import Broker
from schemas.sources import council
from tests import oracle
from tests.parts.history import OFFICES, History, Letter, event, plan_version
from tests.parts.mailbox import Mailbox
from tests.parts.processes import Processes
from tests.parts.waiting import until

Json = dict[str, Any]

PARTITIONS = 4
LETTERS = 2500
TOPICS = ("masterplans", "program-status")
VERSION = "masterplan.version.published"


def plan_mail(history: History, plan: str) -> list[Letter]:
    """Versions of a plan after its first, one of them in another's place, and everything that can be wrong with them."""
    at, second = datetime(2020, 1, 1, tzinfo=UTC), plan_version(12, 2, "2020-01-01")
    for each in second["programs"][::2]:
        each["department"] = OFFICES[(OFFICES.index(each["department"]) + 1) % len(OFFICES)]
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
    cells: Json = {}
    for (grouping, key), counted in counts.items():
        cells.setdefault(grouping, {})[key] = counted
    return cells


def _json(event: Json) -> str:
    return json.dumps(event, sort_keys=True)


def differences(
    mailbox: Mailbox, outcomes: list[oracle.Outcome], facts: list[oracle.Fact], sent: list[oracle.Mail]
) -> list[str]:
    """How what a competitor wrote differs from what the oracle says. Empty: not at all."""
    found = []
    written = [json.loads(fact.value) for fact in mailbox.written("facts")]
    told = Counter((f["topic"], f["partition"], f["offset"], f["received_ms"], _json(f["event"])) for f in written)
    wanted = Counter((f.topic, f.partition, f.offset, f.received_ms, _json(f.event)) for f in facts)
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
        cells = {
            grouping: {key: cell[:3] for key, cell in told_last[plan]["cells"][grouping].items()}
            for grouping in ("overall", "dimension")
        }
        if cells != expected_cells(of_plan, plan):
            found.append(f"realization of {plan}: {cells}, not {expected_cells(of_plan, plan)}")
    return found


@pytest.mark.parametrize("peer", PEERS, ids=[peer.name for peer in PEERS])
def test_a_competitor_does_the_whole_job(peer: Peer, town: Town, processes: Processes, tmp_path: Path) -> None:
    mailbox = town.mailbox()
    sent = [one for one in mailbox.mail() if one.topic in TOPICS]
    outcomes, facts = oracle.decide(sent, PARTITIONS)
    plans = Counter(oracle.plan_of(fact.event["source"]) for fact in facts)
    (state := tmp_path / "state").mkdir()

    peer.build()
    env = environment(mailbox.bootstrap, mailbox.prefix, PARTITIONS, state, peer.grid[0])
    running = processes.start(peer.name, peer.command(peer.grid[0]), env=env)

    def done() -> bool:
        if not running.alive:
            return True
        told = {plan: one["seq"] for plan, one in realizations(mailbox).items()}
        written = len(mailbox.read("facts")), len(mailbox.read("rejected"))
        return told == plans and written >= (len(facts), sum(one.reason is not None for one in outcomes))

    until(done, 100, what="the last realization of every plan, and as many facts and rejects as the oracle says")
    assert running.alive, "it left"
    assert differences(mailbox, outcomes, facts, sent) == []
