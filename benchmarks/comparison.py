"""Compares the whole output of a competitor with the expected output: a run counts only where nothing differs."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from benchmarks import topics
from benchmarks.expected import ACCEPTED, CODES, DUPLICATE, OUTCOMES, Cells, Expected, stamp
from benchmarks.prepared_broker import PreparedBroker

VERSIONS = "masterplans"
SHOWN = 5  # differences of a kind that are shown


class _ReportData(msgspec.Struct):
    """The content of a report's fact, without its private part; a plan version's keeps the defaults."""

    program: str = ""
    status: str = ""
    physical: str | int | float = ""
    spent: int | None = None
    period: str = ""
    effective_on: str | None = None


class _FactEvent(msgspec.Struct):
    id: str
    source: str
    time: str
    data: _ReportData


class _WrittenFact(msgspec.Struct):
    seq: int
    topic: str
    partition: int
    offset: int
    event: _FactEvent


class LastRealization(msgspec.Struct):
    """A plan's last record on `realization`: up to which fact, and its cells."""

    plan: str
    seq: int
    cells: dict[str, dict[str, list[int]]]


_FACT, _REALIZATION = msgspec.json.Decoder(_WrittenFact), msgspec.json.Decoder(LastRealization)


class Facts:
    """The facts of a competitor, added one after the other."""

    def __init__(self, wanted: Expected) -> None:
        self._wanted = wanted
        self._seen = [bytearray(len(one)) for one in wanted.outcomes]
        self._seqs = {plan: bytearray(facts) for plan, facts in wanted.facts.items()}
        self._versions: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()

    def take(self, partition: int, key: bytes, value: bytes) -> None:
        """A record of `facts`."""
        fact = _FACT.decode(value)
        event = fact.event
        plan = event.source.split("/", 3)[2]
        seqs = self._seqs.get(plan, bytearray())
        if not 1 <= fact.seq <= len(seqs) or seqs[fact.seq - 1]:
            self._wrong["facts whose seq is not dense"] += 1
        else:
            seqs[fact.seq - 1] = 1
        if partition != fact.partition:
            self._wrong["facts on another partition than their record"] += 1
        kind = "plan-version" if fact.topic == VERSIONS else "report"
        if key != f"{plan}/{kind}{event.source}/{event.id}".encode():
            self._wrong["facts with another key"] += 1
        if fact.topic == VERSIONS:
            self._versions[plan] += 1
        else:
            self._report(fact)

    def _report(self, fact: _WrittenFact) -> None:
        seen, outcomes = self._seen[fact.partition], self._wanted.outcomes[fact.partition]
        if not 0 <= fact.offset < len(seen) or outcomes[fact.offset] != CODES[ACCEPTED]:
            self._wrong["facts of records that are not acceptable"] += 1
        elif seen[fact.offset]:
            self._wrong["facts that are written twice"] += 1
        else:
            seen[fact.offset] = 1
            if stamp(_public(fact.event)) != self._wanted.stamps[fact.partition][fact.offset]:
                self._wrong["facts with another content than their record"] += 1

    def differences(self) -> list[str]:
        """How the added facts differ from the expected ones."""
        wrong = dict(self._wrong)
        if missing := self._wanted.counts[ACCEPTED] - sum(map(sum, self._seen)):
            wrong["facts missing"] = missing
        if self._versions != Counter(list(self._wanted.facts)):
            wrong["plans with versions, each of which must have one"] = len(self._versions)
        return [f"{count:,} {what}" for what, count in wrong.items()]


def _public(event: _FactEvent) -> str:
    """The public part of a fact, in the form that `benchmarks.records` uses."""
    data = event.data
    return (
        f"{event.source} {event.id} {event.time} {data.program} {data.status} {data.physical} {data.spent} "
        f"{data.period} {data.effective_on}"
    )


Refused = tuple[int, int, str]  # partition and offset of a record of `program-status`, and the reason


def of_rejects(written: list[Refused], wanted: Expected) -> list[str]:
    """How the rejects differ from the expected ones."""
    fine = {CODES[ACCEPTED], CODES[DUPLICATE]}
    found, due = Counter(written), Counter[Refused]()
    for partition, outcomes in enumerate(wanted.outcomes):
        due.update((partition, offset, OUTCOMES[code]) for offset, code in enumerate(outcomes) if code not in fine)
    differ = {"too many": list((found - due).elements()), "missing": list((due - found).elements())}
    return [f"{len(one):,} rejects {what}, such as {one[:SHOWN]}" for what, one in differ.items() if one]


def of_realizations(written: Mapping[str, LastRealization], wanted: Expected) -> list[str]:
    """How the last realization of each plan differs from the expected one."""
    differ = [plan for plan, cells in wanted.cells.items() if _cells(written.get(plan)) != cells]
    shown = [f"{plan}: {_cells(written.get(plan))}, expected {wanted.cells[plan]}" for plan in differ[:SHOWN]]
    return [f"{len(differ):,} realizations, such as {shown}"] if differ else []


def covers(written: Mapping[str, LastRealization], wanted: Expected) -> bool:
    """Whether the last realization of every plan covers its last fact."""
    return {plan: one.seq for plan, one in written.items()} == wanted.facts


def _cells(written: LastRealization | None) -> Cells:
    """Programs, reported, realized: overall and per dimension."""
    cells = written.cells.get("overall", {}) | written.cells.get("dimension", {}) if written else {}
    return {key: cell[:3] for key, cell in cells.items()}


async def realizations(bootstrap: str, partitions: int) -> dict[str, LastRealization]:
    """The last record on `realization` of each plan."""
    found = {}
    async for record in topics.everything(bootstrap, "realization", partitions):
        one = _REALIZATION.decode(record.value)
        found[one.plan] = one
    return found


async def differences(bootstrap: str, on: PreparedBroker) -> list[str]:
    """The differences between the whole output of a competitor and the expected one. Empty: none."""
    partitions, facts = on.workload.partitions, Facts(on.expected)
    async for record in topics.everything(bootstrap, "facts", partitions):
        facts.take(record.partition, record.key, record.value)
    refused = []
    async for record in topics.everything(bootstrap, "rejected", partitions):
        headers = {name: value.decode() for name, value in record.headers}
        refused.append((int(headers["partition"]), int(headers["offset"]), headers["reason"]))
    written = await realizations(bootstrap, partitions)
    return [
        *facts.differences(),
        *of_rejects(refused, on.expected),
        *of_realizations(written, on.expected),
    ]
