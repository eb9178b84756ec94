"""Hypothesis strategies: plans, and the events that departments, evaluators and the council may send about them, in any order.

A strategy draws one string of bytes and lets `Dice` read choices off it: fast to draw, and it shrinks (fewer programs,
fewer events, first choices). Dates, hours and times come from short lists, so that ties, edges of years, leap days,
due days and local midnights meet often.
"""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar

from hypothesis import strategies as st

from schemas.registry import EVENT
from tests import oracle
from tests.oracle import Json, OracleRecord

T = TypeVar("T")

PLAN: Final = "kota-pontianak-2019-2028"
PARTITIONS: Final = 12
DEPARTMENTS: Final = ("dinkes", "diskominfo", "bappeda", "dishub")
EVALUATORS: Final = ("ministry", "mentor-a")
UNKNOWN_PROGRAM: Final = "X-999"
KINDS_OF_PROGRAM: Final = (
    ("governance", "public_service"), ("governance", "bureaucracy"), ("branding", "tourism"),
    ("economy", "welfare"), ("living", "health"), ("society", "learning"), ("environment", "waste"),
)  # fmt: skip
DAYS: Final = tuple(
    date.fromisoformat(day)
    for day in (
        "2020-12-31", "2019-01-01", "2019-06-30", "2019-12-31", "2020-02-28", "2020-02-29", "2020-03-01", "2020-06-30",
        "2020-10-31", "2020-11-30", "2021-01-01", "2021-01-10", "2021-01-11", "2021-02-28", "2021-06-15", "2021-12-31",
    )
)  # fmt: skip
AS_OFS: Final = (*DAYS, date(2018, 12, 31), date(2020, 12, 10), date(2021, 4, 10), date(2022, 7, 1), date(2028, 12, 31))
QUICK_WIN_YEARS: Final = (2020, 2021, 2022)


class Dice:
    """Choices read off drawn bytes; when they are used up, always the first."""

    def __init__(self, source: bytes) -> None:
        self._left = iter(source)

    def below(self, count: int) -> int:
        number = next(self._left, 0)
        if count > 256:
            number = number * 256 + next(self._left, 0)
        return number % count

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def once_in(self, count: int) -> bool:
        return self.below(count) == count - 1

    def some(self, choices: Sequence[T], at_most: int) -> list[T]:
        """Between one and `at_most` different ones."""
        found = dict.fromkeys(self.pick(choices) for _ in range(1 + self.below(at_most)))
        return list(found)

    def shuffled(self, choices: Sequence[T]) -> list[T]:
        left, found = list(choices), []
        while left:
            found.append(left.pop(self.below(len(left))))
        return found


def dice(most: int) -> st.SearchStrategy[Dice]:
    """Dice for up to `most` choices. Drawn whole, because bytes of any length are drawn short."""
    lengths = st.sampled_from((most, most // 2, most // 4, most // 12))
    return lengths.flatmap(lambda length: st.binary(min_size=length, max_size=length)).map(Dice)


# --- events, as plain JSON


class ReceivedEvent(NamedTuple):
    """An event and the broker's time of receipt. The topic is the one its type enters by."""

    received_ms: int
    event: Json

    @property
    def topic(self) -> str:
        return oracle.ENTERS_BY[self.event["type"]]

    @property
    def plan(self) -> str:
        return oracle.plan_of(self.event["source"])


def envelope(kind: str, source: str, event_id: str, time: datetime, data: Json, **more: str) -> Json:
    at = time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"specversion": "1.0", "type": kind, "source": source, "id": event_id, "time": at, "data": data, **more}


def council(plan: str) -> str:
    return f"/plans/{plan}/council"


def department_source(plan: str, key: str) -> str:
    return f"/plans/{plan}/departments/{key}"


def milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


HOURS: Final = (  # the first instant of a date in UTC+14, local midnights in UTC+7 and UTC+9, the last millisecond
    timedelta(hours=3), timedelta(hours=-14), timedelta(hours=17), timedelta(hours=17, milliseconds=-1),
    timedelta(hours=15), timedelta(hours=24, milliseconds=-1),
)  # fmt: skip
DELAYS: Final = (0, 3, 10, 11, 12, 45, 400)


def _received(dice: Dice, day: date) -> datetime:
    """When something that happened on a day is received: never before that day has begun anywhere."""
    return midnight(day) + timedelta(days=dice.pick(DELAYS)) + dice.pick(HOURS)


def _time(dice: Dice, day: date, received: datetime) -> datetime:
    """The sender's time: often the same for several, never more than 24 hours after receipt."""
    wanted = dice.pick(
        (
            midnight(day),
            midnight(day) + timedelta(hours=1, microseconds=5),
            received,
            midnight(day) - timedelta(days=40),
            midnight(day) + timedelta(days=12),
            received + timedelta(hours=24),
        )
    )
    return min(wanted, received + timedelta(hours=24))


# --- plans


def _weights(dice: Dice, count: int) -> list[str]:
    """Weights that sum to 100, in units of 1/10,000; or that do not."""
    if dice.once_in(3):
        return [dice.pick(("1", "0.25", "33.3333", "0", "100")) for _ in range(count)]
    rest, weights = 1_000_000, []
    for left in range(count, 1, -1):
        part = rest // left * dice.pick((1, 0, 2)) // dice.pick((1, 3))
        weights.append(min(part, rest))
        rest -= weights[-1]
    return [f"{weight // 10_000}.{weight % 10_000:04}" for weight in [*weights, rest]]


def _yearly(dice: Dice, start: int, end: int) -> dict[str, str]:
    """Cumulative targets for some of a plan's years."""
    reached, targets = 0, {}
    for year in range(start, end + 1):
        reached = min(10_000, reached + dice.pick((1_000, 0, 725, 3_333)))
        if dice.once_in(2):
            targets[str(year)] = f"{reached // 100}.{reached % 100:02}"
    return targets


def _program(dice: Dice, code: str, weight: str, start: int, end: int) -> Json:
    dimension, sub_dimension = dice.pick(KINDS_OF_PROGRAM)
    first = start + dice.below(end - start + 1)
    finish = first + dice.below(end - first + 1)
    budgets: tuple[Json, ...] = (
        {"2019": 100_000_000, "2020": 250_000_000},
        {},
        {"2020": 1_250_000_000},
        {"2021": 7, "2019": 1},
    )
    return {
        "code": code,
        "name": {"id": f"Program {code}", "en": f"Program {code}"},
        "dimension": dimension,
        "sub_dimension": sub_dimension,
        "department": dice.pick(DEPARTMENTS),
        "weight": weight,
        "start_year": first,
        "finish_year": finish,
        "budget": dice.pick(budgets),
        "quick_win_years": dice.pick(((), (2020,), (2021, 2020))),
        "priority_problem": dice.pick((None, "Banjir", "Sampah")),
        "leading_sector": dice.pick((None, "Pariwisata", "Banjir")),
    }


def first_version(dice: Dice, count: int) -> Json:
    """The data of version 1 with `count` programs."""
    start, end = 2019, dice.pick((2028, 2020, 2023))
    codes = [f"P-{number:03}" for number in range(1, count + 1)]
    weights = _weights(dice, count)
    return {
        "version": 1,
        "effective_from": dice.pick(("2019-01-01", "2018-06-01", "2019-01-01", "2020-02-29", "2020-12-31")),
        "city": "Kota Pontianak",
        "name": {"id": "Rencana induk", "en": "Masterplan"},
        "start_year": start,
        "end_year": end,
        "time_zone": dice.pick(("Asia/Pontianak", "Asia/Jayapura", "UTC")),
        "report_due_day": dice.pick((10, 1, 28)),
        "punctual_by_receipt_from": dice.pick((None, "2020-11-30", "2021-01-01")),
        "targets": _yearly(dice, start, end) if dice.once_in(2) else {},
        "dimension_targets": {"governance": _yearly(dice, start, end)} if dice.once_in(3) else {},
        "departments": [{"key": key, "name": {"id": key.title(), "en": key.title()}} for key in DEPARTMENTS],
        "programs": [_program(dice, code, weight, start, end) for code, weight in zip(codes, weights, strict=True)],
    }


def next_version(dice: Dice, versions: Sequence[Json]) -> Json:
    """A version that replaces the last of some: programs dropped, added, taken back in, moved to another department or
    weighed anew."""
    before = versions[-1]
    start, end = before["start_year"], before["end_year"]
    there = {program["code"] for program in before["programs"]}
    gone = {each["code"]: each for version in versions for each in version["programs"] if each["code"] not in there}
    programs = [
        program | {"department": dice.pick((program["department"], *DEPARTMENTS))}
        for program in (*before["programs"], *gone.values())
        if not dice.once_in(5)
    ]
    added = [f"P-{before['version'] + 1}{number:02}" for number in range(dice.below(3))]
    programs += [_program(dice, code, "0", start, end) for code in added]
    if dice.once_in(2):
        weights = _weights(dice, len(programs)) if programs else []
        programs = [program | {"weight": weight} for program, weight in zip(programs, weights, strict=True)]
    return before | {
        "version": before["version"] + 1,
        "expects": before["version"],
        "effective_from": dice.pick(("2021-01-01", before["effective_from"], "2019-07-01", "2020-11-30", "2030-01-01")),
        "programs": programs,
    }


def _versions(dice: Dice, plan: str) -> list[ReceivedEvent]:
    data = first_version(dice, dice.pick((1, 2, 3, 4, 5, 8, 12, 30)))
    versions = [data]
    for _ in range(dice.below(4)):
        versions.append(next_version(dice, versions))
    published = []
    for data in versions:
        received = _received(dice, dice.pick(DAYS))
        event = envelope(oracle.PLAN_VERSION, council(plan), f"version-{data['version']}", received, data)
        published.append(ReceivedEvent(milliseconds(received), event))
    return published


# --- events about programs


def _leads(versions: Sequence[Json], program: str, day: date) -> list[str]:
    """The departments that ever lead a program, first the one that does on a day."""
    begun = [version for version in versions if version["effective_from"] <= day.isoformat()]
    begun.sort(key=lambda version: (version["effective_from"], version["version"]), reverse=True)
    in_order = [*begun, *versions]
    return list(
        dict.fromkeys(each["department"] for one in in_order for each in one["programs"] if each["code"] == program)
    )


def report(dice: Dice, plan: str, number: int, programs: Sequence[str], versions: Sequence[Json]) -> ReceivedEvent:
    """A report: mostly of the department that leads the program on that day, now and then of one that leads it on
    another day or never, or on an unknown program."""
    program = UNKNOWN_PROGRAM if dice.once_in(12) else dice.pick(programs)
    day = dice.pick(DAYS)
    leads = _leads(versions, program, day) or [DEPARTMENTS[0]]
    key = dice.pick((leads[0], leads[0], leads[0], dice.pick(leads), dice.pick(leads), dice.pick(DEPARTMENTS)))
    received = _received(dice, day)
    status = dice.pick(("realized", "realized", "realized", "in_progress", "not_started", "blocked", "cancelled"))
    data: Json = {
        "program": program,
        "status": status,
        "physical": "100" if status == "realized" else dice.pick(("45.5", "0", "99.99", "100", "33.33")),
        "spent": dice.pick((None, 0, 150_000_000, 9 * 10**15)),
        "effective_on": day.isoformat(),
    }
    if not dice.once_in(3):
        data["period"] = dice.pick(
            (f"{day:%Y-%m}", f"{day.year}-Q{(day.month + 2) // 3}", "2020-11", f"{day.year}-01", "2999-12")
        )
        if dice.once_in(3):
            del data["effective_on"]  # the period's end, or the event's own day as it is written, if that is earlier
    time = _time(dice, day, received)
    event = envelope(oracle.REPORT, department_source(plan, key), f"r{number}", time, data)
    if "effective_on" not in data:
        event["time"] = min(time, received).astimezone(timezone(timedelta(hours=dice.pick((7, 0, -9))))).isoformat()
    return ReceivedEvent(milliseconds(received), event)


def retraction(dice: Dice, plan: str, number: int, reports: Sequence[ReceivedEvent]) -> ReceivedEvent:
    """A retraction of a report: by who sent it, by another, or by an administrator; or of one that never came."""
    if reports and not dice.once_in(10):
        source, event_id = (dice.pick(reports).event[name] for name in ("source", "id"))
    else:
        source, event_id = department_source(plan, dice.pick(DEPARTMENTS)), "never-came"
    issuer, more = dice.pick(
        (
            (source, {}),
            (council(plan), {"attestedrole": "administrator"}),
            (department_source(plan, dice.pick(DEPARTMENTS)), {}),
            (department_source(plan, dice.pick(DEPARTMENTS)), {"attestedrole": "administrator"}),
            (council(plan), {}),
        )
    )
    received = _received(dice, dice.pick(DAYS))
    data = {"source": source, "id": event_id, "reason": "salah input"}
    event = envelope(oracle.RETRACTION, issuer, f"x{number}", received, data, **more)
    if more and not dice.once_in(4):
        event = attested(event)
    return ReceivedEvent(milliseconds(received), event)


def attested(event: Json) -> Json:
    """The event with the mark by which intake attests the role it claims."""
    normal = EVENT.validate_json(json.dumps(event)).model_dump(mode="json", exclude_defaults=True)
    return event | {"attestation": oracle.mark_of(normal)}


def look(dice: Dice, plan: str, number: int, programs: Sequence[str]) -> ReceivedEvent:
    """A field visit to some programs, or a verification of one from documents."""
    day = dice.pick(DAYS)
    received = _received(dice, day)
    outcomes = ("confirmed", "confirmed", "not_confirmed")
    source = f"/plans/{plan}/evaluators/{dice.pick(EVALUATORS)}"
    data: Json
    if dice.once_in(3):
        kind = oracle.VERIFICATION
        data = {"verified_on": day.isoformat(), "program": dice.pick(programs), "outcome": dice.pick(outcomes)}
    else:
        seen = [
            {"program": code, "outcome": dice.pick(outcomes)} for code in dice.some((*programs, UNKNOWN_PROGRAM), 6)
        ]
        kind = oracle.VISIT
        data = {"visited_on": day.isoformat(), "site": "RSUD SSMA", "institution": "Kementerian", "programs": seen}
    return ReceivedEvent(milliseconds(received), envelope(kind, source, f"v{number}", _time(dice, day, received), data))


def choice(dice: Dice, plan: str, number: int, programs: Sequence[str]) -> ReceivedEvent:
    """The council's choice of one year's Quick Win programs."""
    day = dice.pick(DAYS)
    received = _received(dice, day)
    data = {
        "year": dice.pick(QUICK_WIN_YEARS),
        "chosen_on": day.isoformat(),
        "programs": dice.some((*programs, UNKNOWN_PROGRAM), 4),
    }
    # The council's plan versions have the same ids, by another topic.
    event = envelope(oracle.QUICK_WINS, council(plan), f"version-{number}", _time(dice, day, received), data)
    return ReceivedEvent(milliseconds(received), event)


def erasure(dice: Dice, plan: str, number: int) -> ReceivedEvent:
    """An erasure by an administrator, of the private part of an event that never came: it has no part in any figure."""
    day = dice.pick(DAYS)
    received = _received(dice, day)
    data = {"source": department_source(plan, dice.pick(DEPARTMENTS)), "id": "never-came", "reason": "UU 27/2022"}
    event = envelope(
        oracle.ERASURE, council(plan), f"e{number}", _time(dice, day, received), data, attestedrole="administrator"
    )
    return ReceivedEvent(milliseconds(received), attested(event))


def history_of(dice: Dice, plan: str = PLAN, at_most: int = 60) -> list[ReceivedEvent]:
    """A history of one plan, every event once. Plan versions are in the order in which they replace one another."""
    versions = _versions(dice, plan)
    published = [received_event.event["data"] for received_event in versions]
    programs = sorted({each["code"] for one in published for each in one["programs"]}) or [UNKNOWN_PROGRAM]
    reports = [report(dice, plan, number, programs, published) for number in range(dice.below(at_most))]
    rest = [retraction(dice, plan, number, reports) for number in range(dice.below(6))]
    rest += [look(dice, plan, number, programs) for number in range(dice.below(16))]
    rest += [choice(dice, plan, number, programs) for number in range(dice.below(4))]
    rest += [erasure(dice, plan, number) for number in range(dice.below(3))]
    shuffled = dice.shuffled(reports + rest)
    later = versions[1:]
    places = sorted(dice.below(len(shuffled) + 1) for _ in later)
    for number, (place, version) in enumerate(zip(places, later, strict=True)):
        shuffled.insert(place + number, version)
    return [versions[0], *shuffled]


histories: Final = dice(1200).map(history_of)


@st.composite
def questions(draw: st.DrawFn) -> Json:
    """A question about a plan's figures, `known_at` apart."""
    return {
        "as_of": draw(st.sampled_from(AS_OFS) | st.dates(date(2018, 6, 1), date(2029, 6, 1))),
        "group_by": draw(st.sampled_from(("dimension", "sub_dimension", "department", "year", "theme", "quick_win"))),
        "quick_win": draw(st.none() | st.sampled_from(QUICK_WIN_YEARS)),
        "basis": draw(st.sampled_from(("claimed", "verified"))),
    }


# --- records


def in_other_words(dice: Dice, event: Json) -> bytes:
    """The same content in other bytes: keys in another order, another zone, other ways to write a number or a null.

    The zone stays where a report says no date: then the day on which it is sent, as it is written, is content.
    """
    time = datetime.fromisoformat(event["time"])
    if event["type"] != oracle.REPORT or "effective_on" in event["data"]:
        time = time.astimezone(timezone(timedelta(hours=dice.pick((7, 0, -3)))))
    other_words = event | {"time": time.isoformat(), "traceparent": "00-1", "datacontenttype": "application/json"}
    return json.dumps(
        _rewritten(dice, other_words), indent=dice.pick((None, 1)), ensure_ascii=not dice.once_in(2)
    ).encode()


def _rewritten(dice: Dice, value: Any) -> Any:
    if isinstance(value, dict):
        # The years of a budget stay in order: see test_the_order_of_the_years_of_a_budget_is_no_content.
        keys = list(value) if all(key.isdigit() for key in value) else dice.shuffled(list(value))
        return {key: _rewritten_number(dice, key, value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_rewritten(dice, each) for each in value]
    return value


def _rewritten_number(dice: Dice, key: str, value: Any) -> Any:
    if key in ("physical", "weight") and isinstance(value, str):
        return dice.pick((value, float(value), f"{float(value):.2f}" if key == "physical" else value))
    return _rewritten(dice, value)


def contradicted(dice: Dice, event: Json) -> bytes:
    """The same source and id with another content."""
    later = datetime.fromisoformat(event["time"]) - timedelta(seconds=1 + dice.below(3))
    changes: list[Json] = [{"time": later.isoformat()}]
    if "note" not in event["data"] and event["type"] == oracle.REPORT:
        changes.append({"data": event["data"] | {"note": "lain"}})
        changes.append({"data": event["data"] | {"status": "blocked", "physical": "1"}})
    if event["type"] == oracle.RETRACTION:
        unattested = {name: value for name, value in event.items() if name not in {"attestedrole", "attestation"}}
        if event.get("attestation"):
            return json.dumps(unattested).encode()
        return json.dumps(attested(unattested | {"attestedrole": "administrator"})).encode()
    return json.dumps(event | dice.pick(changes)).encode()


def written(event: Json) -> bytes:
    return json.dumps(event).encode()


def _at(value: Json, path: tuple[str, ...], new: Any) -> Json:
    if not path:
        return new  # type: ignore[no-any-return]  # the innermost is any JSON value; the outermost an object
    return value | {path[0]: _at(value.get(path[0], {}), path[1:], new)}


@cache
def poisons(plan: str = PLAN) -> dict[str, tuple[str, bytes | None]]:
    """Records of a broken or hostile sender, by name: the topic and the value."""
    good = envelope(
        oracle.REPORT, department_source(plan, "dinkes"), "poison", midnight(DAYS[0]),
        {"program": "P-001", "status": "blocked", "physical": "10", "effective_on": "2019-01-01"},
    )  # fmt: skip
    text = written(good).decode()
    far = {"time": "2999-01-01T00:00:00Z"}

    def deep(levels: int) -> bytes:
        return (text[:-1] + ', "deep": ' + "[" * levels + "]" * levels + "}").encode()

    reports: dict[str, bytes | None] = {
        "no value": None,
        "nothing": b"",
        "not JSON": b"status=realized",
        "half a JSON": text[:-20].encode(),
        "two JSON": (text + text).encode(),
        "a list": f"[{text}]".encode(),
        "a string": b'"realized"',
        "a number": b"1",
        "null": b"null",
        "not UTF-8": text.replace("dinkes", "dink\u00e9s").encode("latin-1"),
        "UTF-16": text.encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "two byte order marks": 2 * b"\xef\xbb\xbf" + text.encode(),
        "a lone surrogate": text.replace('"blocked"', '"blocked", "note": "\\ud800"').encode(),
        "a lone surrogate in the source": b'{"source": "\\ud800", "id": "\\udfff", "type": "x"}',
        "NaN": text.replace('"10"', "NaN").encode(),
        "NaN in an unknown field": (text[:-1] + ', "extra": NaN}').encode(),
        "Infinity": text.replace('"10"', "-Infinity").encode(),
        "a huge number": text.replace('"10"', "1e999999999").encode(),
        "a huge number in words": text.replace('"10"', '"1e999999999"').encode(),
        "a number of 5000 digits": text.replace('"10"', "9" * 5000).encode(),
        "5000 digits in an unknown field": (text[:-1] + ', "extra": ' + "9" * 5000 + "}").encode(),
        "a thousand decimals": text.replace('"10"', "0." + "3" * 1000).encode(),
        "a key twice": text.replace('"status": "blocked"', '"status": "realized", "status": "blocked"').encode(),
        "type twice": (text[:-1] + ', "type": "id.pantau.unknown"}').encode(),
        "100 levels": deep(100),
        "100,000 levels": deep(100_000),
        "100,000 levels of nothing": b"[" * 100_000,
        "1 MB": (text[:-1] + ', "extra": "' + "x" * 1_000_000 + '"}').encode(),
        "1 MB of nothing": b" " * 1_000_000,
        "no type": written({key: value for key, value in good.items() if key != "type"}),
        "type null": written(good | {"type": None}),
        "type a list": written(good | {"type": [oracle.REPORT]}),
        "a later type": written(good | {"type": "id.pantau.program.status.reported.v2"}),
        "only a type": written({"type": oracle.REPORT}),
        "a later CloudEvents": written(good | {"specversion": "2.0"}),
        "an unknown field": written(_at(good, ("data", "phisical"), "10")),
        "an unknown status": written(_at(good, ("data", "status"), "done")),
        "realized at 99": written(_at(_at(good, ("data", "status"), "realized"), ("data", "physical"), "99")),
        "over 100": written(_at(good, ("data", "physical"), "100.01")),
        "below 0": written(_at(good, ("data", "physical"), "-0.01")),
        "three decimals": written(_at(good, ("data", "physical"), "10.001")),
        "true for a number": written(_at(good, ("data", "spent"), True)),
        "money with decimals": written(_at(good, ("data", "spent"), 1.5)),
        "a day that is not": written(_at(good, ("data", "effective_on"), "2019-02-29")),
        "no date at all": written(
            good | {"data": {key: value for key, value in good["data"].items() if key != "effective_on"}}
        ),
        "no zone": written(good | {"time": "2019-01-01T00:00:00"}),
        "a source with a trick": written(good | {"source": f"/plans/{plan}/departments/../council"}),
        "an id with a newline": written(good | {"id": "a\nb"}),
        "an empty id": written(good | {"id": ""}),
        "data a string": written(good | {"data": "{}"}),
        "another plan's": written(good | {"source": department_source("another-plan-of-another-partition", "dinkes")}),
        "time of the far future": written(good | far),
        "effective in the far future": written(_at(good, ("data", "effective_on"), "2999-01-01")),
        "sent by the council": written(good | {"source": council(plan)}),
        "a retraction of another plan": written(
            envelope(
                oracle.RETRACTION,
                council(plan),
                "poison-x",
                midnight(DAYS[0]),
                {"source": department_source("banjarmasin", "dinkes"), "id": "r1", "reason": "?"},
            )
        ),
        "a visit by the wrong topic": written(
            envelope(
                oracle.VISIT,
                f"/plans/{plan}/evaluators/mentor-a",
                "poison-v",
                midnight(DAYS[0]),
                {
                    "visited_on": "2019-01-01",
                    "site": "RSUD",
                    "institution": "Kementerian",
                    "programs": [{"program": "P-001", "outcome": "confirmed"}],
                },
            )
        ),
        "right, of an unknown program": written(good | {"id": "good-1", "data": good["data"] | {"program": "ZZZ"}}),
        "right, of a foreign department": written(
            good | {"id": "good-2", "source": department_source(plan, "nobody-knows")}
        ),
    }
    found: dict[str, tuple[str, bytes | None]] = {name: ("program-status", value) for name, value in reports.items()}
    found["a report by another topic"] = ("evaluations", text.encode())
    found["a report among plans"] = ("masterplans", text.encode())
    found["a plan by the wrong topic"] = ("evaluations", written(good | {"type": oracle.PLAN_VERSION, "data": {}}))
    found["a plan that does not add up"] = (
        "masterplans",
        written(good | {"type": oracle.PLAN_VERSION, "source": council(plan), "data": {"version": 2}}),
    )
    return found


def records_of(history: Sequence[ReceivedEvent], partitions: int = PARTITIONS) -> list[OracleRecord]:
    """The records of a history in its order, one for each event."""
    return [
        _input_record(
            received_event.topic,
            received_event.plan,
            received_event.received_ms,
            written(received_event.event),
            offset,
            partitions,
        )
        for offset, received_event in enumerate(history)
    ]


def _input_record(
    topic: str, plan: str, received_ms: int, value: bytes | None, offset: int, partitions: int
) -> OracleRecord:
    return OracleRecord(topic, oracle.partition_of(plan, partitions), offset, received_ms, plan.encode(), value)


def messy_records(dice: Dice, history: Sequence[ReceivedEvent], partitions: int = PARTITIONS) -> list[OracleRecord]:
    """A history as records, with duplicates in other bytes, contradictions, rival plan versions and poison among it.

    Offsets rise within a topic and have gaps, as between transactions; keys may be missing or foreign.
    """
    plan = history[0].plan
    poison = list(poisons(plan).values())
    records: list[tuple[str, int, bytes | None]] = []
    for received_event in history:
        records.append((received_event.topic, received_event.received_ms, written(received_event.event)))
        for _ in range(dice.below(3)):
            earlier = dice.pick(history)
            what = dice.below(4)
            if what == 0:
                records.append(
                    (earlier.topic, earlier.received_ms + dice.below(9), in_other_words(dice, earlier.event))
                )
            elif what == 1:
                records.append((earlier.topic, earlier.received_ms, contradicted(dice, earlier.event)))
            elif what == 2 and received_event.event["type"] == oracle.PLAN_VERSION:
                records.append(
                    (received_event.topic, received_event.received_ms, written(received_event.event | {"id": "rival"}))
                )
            else:
                topic, value = dice.pick(poison)
                records.append((topic, received_event.received_ms, value))
    input_records, offset = [], 0
    for topic, received_ms, value in records:
        offset += 1 + dice.below(2)
        record = _input_record(topic, plan, received_ms, value, offset, partitions)
        wrong_partition = dice.once_in(40)
        key = dice.pick((record.key, record.key, None, b"foreign"))
        input_records.append(record._replace(key=key, partition=(record.partition + wrong_partition) % partitions))
    return input_records


def interleaved(dice: Dice, records: Sequence[OracleRecord]) -> list[OracleRecord]:
    """The same records with their topics interleaved in another way; the order within a topic stays."""
    waiting = {topic: [record for record in records if record.topic == topic] for topic in oracle.ENTERS_BY.values()}
    found = []
    while waiting := {topic: left for topic, left in waiting.items() if left}:
        found.append(waiting[dice.pick(sorted(waiting))].pop(0))
    return found
