"""Holds the whole output of a competitor against what is expected: it counts only where nothing differs."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from benchmarks import topics
from benchmarks.expected import ACCEPTED, CODES, DUPLICATE, OUTCOMES, Cells, Expected, stamp
from benchmarks.ground import Ground

DIFFERENCES = 5  # so many of a kind are told
REPORTS, VERSIONS = "program-status", "masterplans"


class _Data(msgspec.Struct):
    """What a report says, in the book's form; of a plan version nothing is read."""

    program: str = ""
    status: str = ""
    physical: str | int | float = ""
    spent: int | None = None
    period: str = ""
    effective_on: str | None = None
    obstacle: str | None = None
    note: str | None = None


class _Event(msgspec.Struct):
    id: str
    source: str
    time: str
    data: _Data


class _Fact(msgspec.Struct):
    seq: int
    topic: str
    partition: int
    offset: int
    event: _Event


class _Realization(msgspec.Struct):
    plan: str
    seq: int
    cells: dict[str, dict[str, list[int]]]


_FACT = msgspec.json.Decoder(_Fact)
_REALIZATION = msgspec.json.Decoder(_Realization)


async def realizations(bootstrap: str, partitions: int) -> dict[str, _Realization]:
    """The last record on `realization` of each plan."""
    found = {}
    async for record in topics.everything(bootstrap, "realization", partitions):
        if record.value is not None:
            one = _REALIZATION.decode(record.value)
            found[one.plan] = one
    return found


async def is_told(bootstrap: str, ground: Ground) -> bool:
    """Whether the last realization of every plan covers its last fact."""
    told = await realizations(bootstrap, ground.workload.partitions)
    return {plan: one.seq for plan, one in told.items()} == ground.expected.facts


async def differences(bootstrap: str, ground: Ground) -> list[str]:
    """How the output differs from what is expected. Empty: not at all."""
    partitions, wanted = ground.workload.partitions, ground.expected
    found = [*await _facts(bootstrap, partitions, wanted), *await _rejects(bootstrap, partitions, wanted)]
    told = await realizations(bootstrap, partitions)
    found += [
        f"realization of {plan}: {_cells(told.get(plan))}, expected {cells}"
        for plan, cells in wanted.cells.items()
        if _cells(told.get(plan)) != cells
    ]
    return found


async def _facts(bootstrap: str, partitions: int, wanted: Expected) -> list[str]:
    wrong: Counter[str] = Counter()
    seen = [bytearray(len(one)) for one in wanted.outcomes]
    seqs: dict[str, bytearray] = {plan: bytearray(facts) for plan, facts in wanted.facts.items()}
    versions: Counter[str] = Counter()
    accepted = CODES[ACCEPTED]
    async for record in topics.everything(bootstrap, "facts", partitions):
        fact = _FACT.decode(record.value)
        event, partition, offset = fact.event, fact.partition, fact.offset
        plan = event.source.split("/", 3)[2]
        if plan not in seqs or not 1 <= fact.seq <= len(seqs[plan]) or seqs[plan][fact.seq - 1]:
            wrong["facts whose seq is not dense"] += 1
        else:
            seqs[plan][fact.seq - 1] = 1
        if partition != record.partition:
            wrong["facts on another partition than their mail"] += 1
        kind = "plan-version" if fact.topic == VERSIONS else "report"
        if record.key != f"{plan}/{kind}{event.source}/{event.id}".encode():
            wrong["facts with another key"] += 1
        if fact.topic == VERSIONS:
            versions[plan] += 1
        elif not 0 <= offset < len(seen[partition]) or wanted.outcomes[partition][offset] != accepted:
            wrong["facts of mail that is not acceptable"] += 1
        elif seen[partition][offset]:
            wrong["facts that are there twice"] += 1
        else:
            seen[partition][offset] = 1
            if stamp(_content(event)) != wanted.stamps[partition][offset]:
                wrong["facts that say something else than their mail"] += 1
    missing = wanted.counts[ACCEPTED] - sum(map(sum, seen))
    if missing:
        wrong["facts missing"] = missing
    if versions != Counter(dict.fromkeys(wanted.facts, 1)):
        wrong["plans without exactly one version"] = len(wanted.facts) - sum(one == 1 for one in versions.values())
    return [f"{count:,} {what}" for what, count in wrong.items()]


def _content(event: _Event) -> str:
    """What a fact says, as `benchmarks.mail` writes it down."""
    data = event.data
    obstacle = f',"obstacle":"{data.obstacle}"' if data.obstacle else ""
    note = f',"note":"{data.note}"' if data.note else ""
    return (
        f"{event.source} {event.id} {event.time} {data.program} {data.status} {data.physical} {data.spent} "
        f"{data.period} {data.effective_on}{obstacle}{note}"
    )


async def _rejects(bootstrap: str, partitions: int, wanted: Expected) -> list[str]:
    refused: dict[tuple[int, int], str] = {}
    found = []
    async for record in topics.everything(bootstrap, "rejected", partitions):
        headers = {name: value.decode() for name, value in record.headers or ()}
        at = int(headers["partition"]), int(headers["offset"])
        if at in refused:
            found.append(f"refused twice: {at}")
        refused[at] = headers["reason"]
    due = dict(_due(wanted))
    found += [
        f"{at} refused as {reason}, expected {due.get(at)}" for at, reason in refused.items() if due.get(at) != reason
    ]
    found += [f"{at} not refused, though {reason}" for at, reason in due.items() if at not in refused]
    return [f"{len(found):,} differences on rejected, such as {found[:DIFFERENCES]}"] if found else []


def _due(wanted: Expected) -> Iterator[tuple[tuple[int, int], str]]:
    fine = {CODES[ACCEPTED], CODES[DUPLICATE]}
    for partition, outcomes in enumerate(wanted.outcomes):
        for offset, code in enumerate(outcomes):
            if code not in fine:
                yield (partition, offset), OUTCOMES[code]


def _cells(told: _Realization | None) -> Cells:
    """Programs, reported, realized: overall and per dimension."""
    if told is None:
        return {}
    cells = told.cells.get("overall", {}) | told.cells.get("dimension", {})
    return {key: cell[:3] for key, cell in cells.items()}
