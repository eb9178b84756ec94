"""The records of a workload, one by one, each with what its generator knows of it.

That knowledge (`Report` or a reason) does not come from reading the bytes, so that the expected output does not depend
on a decoder of ours.
"""

import itertools
import json
import random
from calendar import monthrange
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.plans import DEPARTMENTS, PROGRAM_LIST, WorkloadPlan, plan, version
from benchmarks.workloads import MONTHS, PROGRAMS, Workload
from schemas.sources import council
from schemas.vocabulary import Reason

TURN = 17  # reports that one department sends in a row: what it leads
TYPE = "id.pantau.program.status.reported.v1"
NOTES = tuple(
    f"Tahap {number} berjalan sesuai jadwal; dokumen serah terima dan foto lapangan sudah diunggah, "
    f"rapat koordinasi berikutnya dengan {department} pada minggu kedua"
    for number, department in enumerate(DEPARTMENTS, 1)
)
OBSTACLES = tuple(f"Menunggu hasil lelang ulang dan rekomendasi teknis dari {department}" for department in DEPARTMENTS)


class Report(NamedTuple):
    """What is known of a well-formed report.

    `identity` stands for (source, id); `content` is its whole content, normalized (the time in UTC), `public` the
    part of that in its fact, without note and obstacle. `program` is the number of the program it counts for, None when it comes from a
    department that does not lead it or names a program that no plan has. Of two reports of a program the one with the greater `order` stands: (effective_on, time, id).
    """

    identity: int
    content: str
    public: str
    plan: int
    program: int | None
    order: tuple[str, str, str]
    realized: bool


class SentRecord(NamedTuple):
    """A record of `program-status`, and what is known of it: a report, or why it is wrong by itself."""

    plan: WorkloadPlan
    partition: int
    value: bytes | None
    known: Report | Reason


class _Month(NamedTuple):
    period: str
    end: str
    sent: str  # the month in which the report is sent


def _month(number: int) -> _Month:
    year, month = 2016 + number // 12, number % 12 + 1
    after = f"{year + month // 12}-{month % 12 + 1:02d}"
    return _Month(f"{year}-{month:02d}", f"{year}-{month:02d}-{monthrange(year, month)[1]}", after)


_MONTHS = tuple(_month(number) for number in range(MONTHS))


def plans(workload: Workload) -> list[WorkloadPlan]:
    """The plans of a workload; their numbers are their places."""
    return [plan(number, workload.partitions) for number in range(workload.plans)]


def versions(workload: Workload) -> Iterator[tuple[WorkloadPlan, bytes]]:
    """The records of `masterplans`: the version of each plan."""
    return ((one, version(one)) for one in plans(workload))


def reports(workload: Workload) -> Iterator[SentRecord]:
    """The records of `program-status`, in the order in which they are sent."""
    return _disordered(workload) if workload.disorder else _ordered(workload)


def _ordered(workload: Workload) -> Iterator[SentRecord]:
    """Month by month, department by department, each with all it leads in a row."""
    led = [
        [n for n, program in enumerate(PROGRAM_LIST) if program.department == department] for department in DEPARTMENTS
    ]
    rows = (
        (number, of, month, programs)
        for month in range(workload.first, MONTHS)
        for programs in led
        for number, of in enumerate(plans(workload))
    )
    every = (_report(number, of, program, month) for number, of, month, programs in rows for program in programs)
    return itertools.islice(every, workload.reports)


def _disordered(workload: Workload) -> Iterator[SentRecord]:
    """Alternating between plans; within a plan shuffled over the ten years, with everything that goes wrong."""
    originals = max(1, workload.reports * 86 // 100 // workload.plans)  # the rest are duplicates, conflicts and rejects
    waiting = [_plan_history(number, of, originals, workload.partitions) for number, of in enumerate(plans(workload))]
    while waiting:
        still = []
        for one in waiting:
            turn = list(itertools.islice(one, TURN))
            yield from turn
            if len(turn) == TURN:
                still.append(one)
        waiting = still


def _plan_history(number: int, of: WorkloadPlan, originals: int, partitions: int) -> Iterator[SentRecord]:
    chance = random.Random(number)
    rounds = -(-originals // PROGRAMS)
    points = [(at % PROGRAMS, at // PROGRAMS * MONTHS // rounds) for at in range(originals)]
    chance.shuffle(points)
    later: list[SentRecord] = []
    ways = itertools.count(number)  # the ways to be wrong, one after the other
    for program, month in points:
        stray = chance.random() < 0.02
        first = _stray(number, of, program, month, chance) if stray else _report(number, of, program, month)
        yield first
        draw = chance.random()
        if draw < 0.06:
            later.append(first)
        elif draw < 0.12:
            later.append(_written_otherwise(first, chance))
        elif draw < 0.132:
            later.append(_conflicting(first))
        elif draw < 0.144:
            yield _wrong(first, partitions, next(ways))
        elif draw < 0.16:
            later.append(_report(number, of, program, month, correction=True))
        if later and chance.random() < 0.15:
            yield later.pop(chance.randrange(len(later)))
    yield from later


def _report(number: int, of: WorkloadPlan, program: int, month: int, *, correction: bool = False) -> SentRecord:
    """The leading department's report on a program at a month's end; a correction reports more, a few days later."""
    code, _, _, department = PROGRAM_LIST[program]
    return _record(number, of, of.sources[department], code, program, month, correction=correction)


def _stray(number: int, of: WorkloadPlan, program: int, month: int, chance: random.Random) -> SentRecord:
    """A report that does not count: from a department that does not lead the program, or of a program that no plan has."""
    code, _, _, department = PROGRAM_LIST[program]
    other = DEPARTMENTS[(DEPARTMENTS.index(department) + 1) % len(DEPARTMENTS)]
    if chance.random() < 0.5:
        return _record(number, of, of.sources[other], code, program, month, counts=False)
    return _record(number, of, of.sources[department], f"{code}-LAMA", program, month, counts=False)


def _record(
    number: int,
    of: WorkloadPlan,
    source: str,
    code: str,
    program: int,
    month: int,
    *,
    counts: bool = True,
    correction: bool = False,
) -> SentRecord:
    which = number * PROGRAMS + program
    drawn = which * 2_654_435_761 >> 7 & 0xFFFFFF
    done = min(10_000, max(0, (month + correction - drawn % 60) * (90 + drawn % 311)))  # 1/100 percent
    period, end, sent = _MONTHS[month]
    obstacle = note = evidence = ""
    if done == 10_000:
        status = "realized"
    elif not done:
        status = "not_started"
    elif (drawn + month) % 13 == 0:
        status = "blocked"
        obstacle = f',"obstacle":"{OBSTACLES[drawn % 25]}"'
    else:
        status = "in_progress"
    if (drawn ^ month) % 3:
        note = f',"note":"{NOTES[(drawn + month) % 25]} ({period})"'
    if (drawn + month) % 29 == 0:
        digest = f"{drawn * PROGRAMS + month:064x}"
        evidence = f',"evidence":[{{"title":"Berita acara {code} {period}","sha256":"{digest}","media_type":"application/pdf"}}]'
    day, hour = 1 + drawn % 9 + 9 * correction, 8 + (drawn >> 4) % 9
    moment = f"{drawn // 3 % 60:02d}:{(drawn + month) % 60:02d}"
    event_id = f"{code}.{period}{'.koreksi' if correction else ''}"
    physical, spent = f"{done / 100:g}", (drawn % 900 + 100) * 1_000 * done
    time_utc = f"{sent}-{day:02d}T{hour - 7:02d}:{moment}Z"
    value = (
        f'{{"specversion":"1.0","id":"{event_id}","source":"{source}","type":"{TYPE}",'
        f'"time":"{sent}-{day:02d}T{hour:02d}:{moment}+07:00","datacontenttype":"application/json","data":{{'
        f'"program":"{code}","status":"{status}","physical":{physical},"spent":{spent},"period":"{period}",'
        f'"effective_on":"{end}"{evidence}{obstacle}{note}}}}}'
    )
    identity = (which * MONTHS + month) * 4 + (correction if counts else 2)
    public = f"{source} {event_id} {time_utc} {code} {status} {physical} {spent} {period} {end}"
    content = f"{public}{obstacle}{note}"
    known = Report(
        identity, content, public, number, program if counts else None, (end, time_utc, event_id), status == "realized"
    )
    return SentRecord(of, of.partition, value.encode(), known)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def _written_otherwise(record: SentRecord, chance: random.Random) -> SentRecord:
    """The same content in other bytes: the time in UTC, the keys in another order, more spaces."""
    body = _body(record)
    assert isinstance(record.known, Report)
    body["time"] = record.known.order[1]
    keys = list(body)
    chance.shuffle(keys)
    return record._replace(value=json.dumps({key: body[key] for key in keys}, indent=chance.choice((None, 1))).encode())


def _conflicting(record: SentRecord) -> SentRecord:
    """Another content under the same source and id."""
    body = _body(record)
    body["data"]["note"] = "bukan laporan yang sama"
    assert isinstance(record.known, Report)
    known = record.known._replace(content=record.known.content + "!")
    return record._replace(value=json.dumps(body).encode(), known=known)


def _wrong(record: SentRecord, partitions: int, way: int) -> SentRecord:
    """A record that is wrong by itself, in one of several ways."""
    body = _body(record)
    data: dict[str, Any] = body["data"]
    wrong: tuple[tuple[Reason, dict[str, Any] | bytes | None], ...] = (
        (Reason.NOT_JSON, (record.value or b"")[:-9]),
        (Reason.NOT_JSON, None),
        (Reason.WRONG_SHAPE, body | {"data": data | {"physical": 100.5}}),
        (Reason.WRONG_SHAPE, body | {"data": data | {"physical": 12.345}}),
        (Reason.WRONG_SHAPE, body | {"data": data | {"status": "realized", "physical": 99}}),
        (Reason.WRONG_SHAPE, body | {"data": data | {"status": "selesai"}}),
        (Reason.WRONG_SHAPE, body | {"data": data | {"period": "2020-13"}}),
        (Reason.WRONG_SHAPE, body | {"id": ""}),
        (Reason.UNKNOWN_TYPE, body | {"type": "id.pantau.program.status.reported.v9"}),
        (Reason.WRONG_SOURCE, body | {"source": council(record.plan.key)}),
        (Reason.FUTURE_DATE, body | {"data": data | {"effective_on": "2999-12-31"}}),
        (Reason.FUTURE_DATE, body | {"time": "2999-12-31T00:00:00Z"}),
    )
    way %= len(wrong) + 1
    if way == len(wrong):
        return record._replace(partition=(record.partition + 1) % partitions, known=Reason.WRONG_PARTITION)
    reason, value = wrong[way]
    return record._replace(value=json.dumps(value).encode() if isinstance(value, dict) else value, known=reason)


def _body(record: SentRecord) -> dict[str, Any]:
    assert record.value is not None
    body: dict[str, Any] = json.loads(record.value)
    return body
