"""The oracle: a second, slow and simple implementation of decisions and figures, to compare with.

It is written from the pages (the design, the domain's "Figures, exactly", docs/decisions), not from `realization` or the
worker, and imports neither: where it and they differ, one of the three is wrong. It works on plain JSON dicts and
`Fraction`, computes everything from the whole set for every question, and remembers nothing. From the contract it
borrows only what the contract alone can say: whether an event has the right shape, and how big it may be.
"""

import hmac
import json
from calendar import isleap, monthrange
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from schemas.registry import EVENT
from schemas.topics import LIMITS
from tests.parts.facts import SECRET_TEXT

Json = dict[str, Any]

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # some writers put it before JSON

REPORT: Final = "id.pantau.program.status.reported.v1"
ERASURE: Final = "id.pantau.private.erased.v1"
RETRACTION: Final = "id.pantau.program.status.retracted.v1"
PLAN_VERSION: Final = "id.pantau.masterplan.version.published.v1"
VISIT: Final = "id.pantau.visit.recorded.v1"
VERIFICATION: Final = "id.pantau.verification.recorded.v1"
QUICK_WINS: Final = "id.pantau.quickwins.chosen.v1"

ENTERS_BY: Final = {
    REPORT: "program-status",
    RETRACTION: "program-status",
    ERASURE: "program-status",
    PLAN_VERSION: "masterplans",
    VISIT: "evaluations",
    VERIFICATION: "evaluations",
    QUICK_WINS: "evaluations",
}

SOURCES_OF: Final = {
    REPORT: {"departments"},
    RETRACTION: {"departments", "council"},
    ERASURE: {"council"},
    PLAN_VERSION: {"council"},
    VISIT: {"evaluators"},
    VERIFICATION: {"evaluators"},
    QUICK_WINS: {"council"},
}

# What must not lie in the future when it is received.
HAPPENED_ON: Final = {
    REPORT: "effective_on",
    VISIT: "visited_on",
    VERIFICATION: "verified_on",
    QUICK_WINS: "chosen_on",
}

# What says of programs whether they are what is claimed.
LOOKS: Final = (
    VISIT,
    VERIFICATION,
)

DIMENSIONS: Final = ("governance", "branding", "economy", "living", "society", "environment")
STATUSES: Final = ("not_started", "in_progress", "realized", "blocked", "cancelled")
FINANCIAL_MARGIN: Final = 10  # percentage points


# --- the outcome of each record


class OracleRecord(NamedTuple):
    """A record of an input topic, as the broker keeps it."""

    topic: str
    partition: int
    offset: int
    received_ms: int
    key: bytes | None
    value: bytes | None


class Outcome(NamedTuple):
    """`accepted`, `duplicate`, `conflict` or `rejected`; of the last two, with the code of the reason."""

    outcome: str
    reason: str | None = None


class OracleFact(NamedTuple):
    """An accepted event. The facts log adds a `seq`; which one depends on how topics interleave, so the oracle has none."""

    topic: str
    partition: int
    offset: int
    received_ms: int
    event: Json


def decide(records: Iterable[OracleRecord], partitions: int) -> tuple[list[Outcome], list[OracleFact]]:
    """The outcome of each record, and the facts. Records of one topic and partition are in the order of the topic."""
    outcomes: list[Outcome] = []
    facts: list[OracleFact] = []
    accepted: dict[tuple[str, str, str], Json] = {}  # (topic, source, id)
    replaced: set[tuple[str, int | None]] = set()  # (plan, the version that an accepted plan version replaces)
    for record in records:
        wrong, event = _alone(record, partitions)
        if wrong is not None:
            outcomes.append(Outcome("rejected", wrong))
            continue
        identity = (record.topic, event["source"], event["id"])
        replaces = (plan_of(event["source"]), event["data"]["expects"]) if event["type"] == PLAN_VERSION else None
        if identity in accepted:
            same = accepted[identity] == event
            outcomes.append(Outcome("duplicate") if same else Outcome("conflict", "conflict"))
        elif replaces in replaced:
            outcomes.append(Outcome("rejected", "version_conflict"))
        else:
            outcomes.append(Outcome("accepted"))
            facts.append(OracleFact(record.topic, record.partition, record.offset, record.received_ms, event))
            accepted[identity] = event
            if replaces is not None:
                replaced.add(replaces)
    return outcomes, facts


def _alone(record: OracleRecord, partitions: int) -> tuple[str | None, Json]:
    """The reason why a record is wrong by itself, or None; and the event in its normal form."""
    value = record.value
    if value is None:
        return "not_json", {}
    if len(value) > LIMITS[record.topic]:
        return "too_large", {}
    raw = _json_object(value)
    if raw is None:
        return "not_json", {}
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in ENTERS_BY:
        return "unknown_type", {}
    try:
        decoded = EVENT.validate_json(value.removeprefix(BYTE_ORDER_MARK))
    except ValidationError:
        return "wrong_shape", {}
    event: Json = decoded.model_dump(mode="json")
    attested = event["attestedrole"] is not None and event["attestation"] == mark_of(
        decoded.model_dump(mode="json", exclude_defaults=True)
    )
    event |= {"attestation": None} if attested else {"attestation": None, "attestedrole": None}
    if kind == REPORT and raw["data"].get("effective_on") is None:
        event["data"]["effective_on"] = min(last_day_of_period(event["data"]["period"]), raw["time"][:10])
    if record.topic != ENTERS_BY[kind]:
        return "wrong_topic", {}
    if kind_of_source(event["source"]) not in SOURCES_OF[kind]:
        return "wrong_source", {}
    if record.partition != partition_of(plan_of(event["source"]), partitions):
        return "wrong_partition", {}
    if kind == ERASURE and event["attestedrole"] != "administrator":
        return "not_attested", {}
    happened_on = event["data"][HAPPENED_ON[kind]] if kind in HAPPENED_ON else None
    if happened_on and date.fromisoformat(happened_on) > last_date_begun(record.received_ms):
        return "future_date", {}
    if moment(event["time"]) > received(record.received_ms) + timedelta(hours=24):
        return "future_date", {}
    return None, event


def mark_of(event: Json) -> str:
    """The mark by which intake attests what an event claims of its sender, with the secret of tests."""
    key = hmac.new(SECRET_TEXT.encode(), b"pantau attestation v1", "sha256").digest()
    stated = {name: value for name, value in event.items() if name != "attestation"}
    text = json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _json_object(value: bytes) -> Json | None:
    """The JSON object that the bytes are, if they are one: UTF-8, perhaps after a byte order mark, only real characters.

    NaN and Infinity, which careless writers write, are read; that they may stand nowhere is a question of shape.
    """
    try:
        found = json.loads(value.removeprefix(BYTE_ORDER_MARK).decode("utf-8"))
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def last_day_of_period(period: str) -> str:
    """The last day of a month (`2020-11`) or a quarter (`2020-Q4`)."""
    year, part = period.split("-")
    month = int(part[1]) * 3 if part.startswith("Q") else int(part)
    return f"{year}-{month:02}-{monthrange(int(year), month)[1]:02}"


def plan_of(source: str) -> str:
    return source.split("/")[2]


def kind_of_source(source: str) -> str:
    return source.split("/")[3]


def partition_of(plan: str, partitions: int) -> int:
    """Where Kafka's ordinary clients put a record with this key."""
    return (murmur2(plan.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2 with Kafka's seed, after its description: four bytes at a time, then the rest, then the final mix."""
    mix, seed, bits = 0x5BD1E995, 0x9747B28C, 2**32
    found = seed ^ len(data)
    while len(data) >= 4:
        four = int.from_bytes(data[:4], "little") * mix % bits
        found = found * mix % bits ^ (four ^ four >> 24) * mix % bits
        data = data[4:]
    if data:
        found = (found ^ int.from_bytes(data, "little")) * mix % bits
    found = (found ^ found >> 13) * mix % bits
    return found ^ found >> 15


def received(received_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=received_ms)


def last_date_begun(received_ms: int) -> date:
    """The latest date that had begun anywhere on earth (UTC+14)."""
    return (received(received_ms) + timedelta(hours=14)).date()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- what the facts mean


def events_of(facts: Iterable[OracleFact], plan: str, *types: str) -> list[Json]:
    return [fact.event for fact in facts if plan_of(fact.event["source"]) == plan and fact.event["type"] in types]


def programs_of(version: Json | None) -> list[Json]:
    """The programs of a plan version; none where none is in force."""
    return [] if version is None else list(version["programs"])


def in_force(facts: Iterable[OracleFact], plan: str, as_of: date) -> Json | None:
    """The plan version of the latest `effective_from` <= as_of; of two of the same date the higher."""
    versions = [event["data"] for event in events_of(facts, plan, PLAN_VERSION)]
    begun = [version for version in versions if date.fromisoformat(version["effective_from"]) <= as_of]
    return max(begun, key=lambda version: (version["effective_from"], version["version"]), default=None)


def retracted(facts: Iterable[OracleFact], plan: str) -> set[tuple[str, str]]:
    """(source, id) of the reports retracted: by their sender, or by an administrator."""
    return {
        (event["data"]["source"], event["data"]["id"])
        for event in events_of(facts, plan, RETRACTION)
        if event["source"] == event["data"]["source"] or event["attestedrole"] == "administrator"
    }


def report_order(event: Json) -> tuple[Any, ...]:
    return (event["data"]["effective_on"], moment(event["time"]), event["source"], event["id"])


def led_by(plan_versions: Sequence[OracleFact], plan: str, program: str, day: date) -> str | None:
    """The source of the department that leads a program by the plan version in force on a day; None: not in the plan."""
    for each in programs_of(in_force(plan_versions, plan, day)):
        if each["code"] == program:
            return f"/plans/{plan}/departments/{each['department']}"
    return None


def plan_versions_of(facts: Iterable[OracleFact]) -> list[OracleFact]:
    return [fact for fact in facts if fact.event["type"] == PLAN_VERSION]


def counting_reports(facts: Sequence[OracleFact], plan: str, program: str, as_of: date) -> list[Json]:
    """The reports that count for a program up to a date, the oldest first: not taken back, and of the department that
    led the program by the plan version in force on the report's own date."""
    versions, gone = plan_versions_of(facts), retracted(facts, plan)
    found = [
        event
        for event in events_of(facts, plan, REPORT)
        if event["data"]["program"] == program
        and on(event) <= as_of
        and event["source"] == led_by(versions, plan, program, on(event))
        and (event["source"], event["id"]) not in gone
    ]
    return sorted(found, key=report_order)


def claim(facts: Sequence[OracleFact], plan: str, program: str, as_of: date) -> Json | None:
    """The report that stands for a program as of a date: the latest of those that count."""
    return max(counting_reports(facts, plan, program, as_of), key=report_order, default=None)


def on(report: Json) -> date:
    return date.fromisoformat(report["data"]["effective_on"])


def standings(facts: Sequence[OracleFact], plan: str, as_of: date) -> dict[tuple[str, str], str]:
    """What each report with an `effective_on` up to as_of means, by (source, id)."""
    versions, gone = plan_versions_of(facts), retracted(facts, plan)
    found = {}
    for report in events_of(facts, plan, REPORT):
        if on(report) > as_of:
            continue
        identity, program = (report["source"], report["id"]), report["data"]["program"]
        lead = led_by(versions, plan, program, on(report))
        if identity in gone:
            found[identity] = "retracted"
        elif lead is None:
            found[identity] = "orphan"
        elif report["source"] != lead:
            found[identity] = "foreign"
        else:
            found[identity] = "current" if report == claim(facts, plan, program, as_of) else "superseded"
    return found


def seen_on(event: Json) -> date:
    """The day of a visit or of another verification."""
    return date.fromisoformat(event["data"][HAPPENED_ON[event["type"]]])


def seen_in(event: Json) -> dict[str, str]:
    """What a visit or another verification found: the outcome of each program it speaks of."""
    seen = event["data"]["programs"] if event["type"] == VISIT else [event["data"]]
    return {each["program"]: each["outcome"] for each in seen}


def verifications(facts: Iterable[OracleFact], plan: str, program: str, as_of: date) -> list[Json]:
    """Every look at a program up to a date that counts, because the program was in the plan on its day; the latest last."""
    facts = list(facts)
    versions = plan_versions_of(facts)
    looks = [
        event
        for event in events_of(facts, plan, *LOOKS)
        if program in seen_in(event)
        and seen_on(event) <= as_of
        and led_by(versions, plan, program, seen_on(event)) is not None
    ]
    return sorted(looks, key=lambda event: (seen_on(event), moment(event["time"]), event["source"], event["id"]))


def look_standings(facts: Sequence[OracleFact], plan: str, as_of: date) -> dict[tuple[str, str], str]:
    """What each look up to a date means: `current` if it is the latest that counts of a program it speaks of."""
    found = {}
    for event in events_of(facts, plan, *LOOKS):
        if seen_on(event) > as_of:
            continue
        counting = [verifications(facts, plan, program, as_of) for program in seen_in(event)]
        if not any(event in looks for looks in counting):
            standing = "orphan"
        else:
            standing = "current" if any(looks and looks[-1] == event for looks in counting) else "superseded"
        found[event["source"], event["id"]] = standing
    return found


def verified(facts: Sequence[OracleFact], plan: str, program: str, as_of: date) -> bool:
    """Whether the latest look confirms the claim, and the claim was realized on that day and ever since (decision 2)."""
    looks = verifications(facts, plan, program, as_of)
    if not looks or seen_in(looks[-1])[program] != "confirmed":
        return False
    day = seen_on(looks[-1])
    reports = counting_reports(facts, plan, program, as_of)
    until_then = [each for each in reports if on(each) <= day]
    since = [each for each in reports if on(each) > day]
    return bool(until_then) and all(each["data"]["status"] == "realized" for each in [until_then[-1], *since])


def programs(facts: Sequence[OracleFact], plan: str, as_of: date) -> dict[str, Json]:
    """What is claimed of each program of the plan version in force, by which report, and whether it is verified."""
    found: dict[str, Json] = {}
    for program in programs_of(in_force(facts, plan, as_of)):
        report = claim(facts, plan, program["code"], as_of)
        found[program["code"]] = {
            "report": report and (report["source"], report["id"]),
            "status": report and report["data"]["status"],
            "physical": report and Fraction(report["data"]["physical"]),
            "spent": report and report["data"]["spent"],
            "verified": verified(facts, plan, program["code"], as_of),
        }
    return found


def quick_win_programs(facts: Sequence[OracleFact], plan: str, as_of: date) -> dict[int, set[str]]:
    """The Quick Win programs of each year: the council's latest choice, or where it made none, the plan's marks."""
    version = in_force(facts, plan, as_of)
    if version is None:
        return {}
    years: dict[int, set[str]] = {}
    for program in version["programs"]:
        for year in program["quick_win_years"]:
            years.setdefault(year, set()).add(program["code"])
    choices = [
        event for event in events_of(facts, plan, QUICK_WINS) if date.fromisoformat(event["data"]["chosen_on"]) <= as_of
    ]
    for event in sorted(
        choices, key=lambda each: (each["data"]["chosen_on"], moment(each["time"]), each["source"], each["id"])
    ):
        years[event["data"]["year"]] = set(event["data"]["programs"])
    there = {program["code"] for program in version["programs"]}
    return {year: codes & there for year, codes in years.items()}


# --- figures


def half_up(number: Fraction, places: int) -> str:
    """A number of at least 0, rounded once, half up."""
    scaled = number * 10**places + Fraction(1, 2)
    whole = str(scaled.numerator // scaled.denominator).rjust(places + 1, "0")
    return f"{whole[:-places]}.{whole[-places:]}" if places else whole


def shown(percent: Fraction) -> str:
    """A percentage as people read it: two places, and neither none nor all unless it is (19,999 of 20,000 is 99.99)."""
    if 0 < percent < Fraction("0.01"):
        return "0.01"
    if Fraction("99.99") < percent < 100:
        return "99.99"
    return half_up(percent, 2)


def band(achievement: Fraction) -> str:
    """The ministry's band: round half up to a whole number first (90.5 is 91), then look."""
    whole = int(half_up(achievement, 0))
    for least, name in ((91, "very_high"), (76, "high"), (66, "medium"), (51, "low")):
        if whole >= least:
            return name
    return "very_low"


def target(version: Json, as_of: date, dimension: str | None = None) -> tuple[Fraction, str]:
    """Target to date in percent, and which rule gave it (decision 3)."""
    own = version["dimension_targets"].get(dimension) if dimension else None
    rule = "dimension" if own else "plan" if version["targets"] else "linear"
    ends = {int(year): Fraction(percent) for year, percent in (own or version["targets"]).items()}
    if rule == "linear":
        ends = {version["end_year"]: Fraction(100)}
    ends[version["start_year"] - 1] = Fraction(0)

    def at_end_of(year: int) -> Fraction:
        before = [each for each in ends if each <= year]
        after = [each for each in ends if each > year]
        if not before:
            return Fraction(0)
        if not after:
            return ends[max(before)]
        low, high = max(before), min(after)
        return ends[low] + (ends[high] - ends[low]) * Fraction(year - low, high - low)

    year = as_of.year
    elapsed = Fraction(as_of.timetuple().tm_yday, 366 if isleap(year) else 365)
    return at_end_of(year - 1) + (at_end_of(year) - at_end_of(year - 1)) * elapsed, rule


def groups_of(facts: Sequence[OracleFact], plan: str, as_of: date, group_by: str) -> dict[str, set[str]]:
    """The codes of each group's programs; groups may overlap (decision 6)."""
    version = in_force(facts, plan, as_of)
    if version is None:
        return {}
    if group_by == "quick_win":
        return {str(year): codes for year, codes in quick_win_programs(facts, plan, as_of).items()}
    groups: dict[str, set[str]] = {}
    for program in version["programs"]:
        if group_by == "year":
            keys = [str(program["finish_year"])]
        elif group_by == "theme":
            keys = [each for each in (program["priority_problem"], program["leading_sector"]) if each] or ["none"]
        else:
            keys = [program[group_by]]
        for key in keys:
            groups.setdefault(key, set()).add(program["code"])
    return groups


def figures(
    facts: Sequence[OracleFact],
    plan: str,
    as_of: date,
    group_by: str = "dimension",
    quick_win: int | None = None,
    basis: str = "claimed",
) -> Json:
    """`overall` and `groups` (key to cell), as the API answers them.

    Only the numerator and denominator of a figure are fractions here instead of their text, and a reason is its code.
    """
    version = in_force(facts, plan, as_of)
    wanted = None if quick_win is None else quick_win_programs(facts, plan, as_of).get(quick_win, set())
    others, reports = _by_program(facts)
    looks = {
        program["code"]: _look([*others, *reports.get(program["code"], [])], plan, program, as_of)
        for program in programs_of(version)
        if wanted is None or program["code"] in wanted
    }
    overall = cell(version, looks, as_of, basis)
    overall["dimension_mean"] = _dimension_mean(version, looks, basis)
    groups = {}
    for key, codes in groups_of(facts, plan, as_of, group_by).items():
        members = {code: look for code, look in looks.items() if code in codes}
        if members:
            groups[key] = cell(version, members, as_of, basis, key if group_by == "dimension" else None)
    return {"overall": overall, "groups": groups}


def _by_program(facts: Iterable[OracleFact]) -> tuple[list[OracleFact], dict[str, list[OracleFact]]]:
    """All facts but reports, and the reports on each program: no figure of a program depends on reports on others."""
    others: list[OracleFact] = []
    reports: dict[str, list[OracleFact]] = {}
    for fact in facts:
        event = fact.event
        (reports.setdefault(event["data"]["program"], []) if event["type"] == REPORT else others).append(fact)
    return others, reports


def _look(facts: Sequence[OracleFact], plan: str, program: Json, as_of: date) -> Json:
    found = claim(facts, plan, program["code"], as_of)
    return {
        "program": program,
        "claim": found and found["data"],
        "realized": found is not None and found["data"]["status"] == "realized",
        "verified": verified(facts, plan, program["code"], as_of),
    }


def cell(version: Json | None, looks: dict[str, Json], as_of: date, basis: str, dimension: str | None = None) -> Json:
    """All figures of one set of programs."""
    programs = [each["program"] for each in looks.values()]
    claims = [each["claim"] for each in looks.values() if each["claim"]]
    realized = [each for each in looks.values() if each["realized"]]
    confirmed = [each for each in looks.values() if each["verified"]]
    counted = confirmed if basis == "verified" else realized
    nothing = "no_version" if version is None else "empty" if not programs else None

    def share(these: list[Json]) -> Json:
        return figure("share.v1", Fraction(len(these)), Fraction(len(programs)), 100, nothing)

    weights = total(each["weight"] for each in programs)
    unweighted = "weights" if total(each["weight"] for each in programs_of(version)) != 100 else None
    weight_counted = total(each["program"]["weight"] for each in counted)
    physical = total(each["physical"] for each in claims)
    unreported = None if claims else "none_reported"
    spent = total(each["spent"] for each in claims if each["spent"] is not None)
    unspent = "none_spent" if all(each["spent"] is None for each in claims) else None
    ceilings = [(int(year), ceiling) for each in programs for year, ceiling in each["budget"].items()]
    budget = total(ceiling for year, ceiling in ceilings if year <= as_of.year)

    normalized: Json = {
        "programs": len(programs),
        "reported": len(claims),
        "never_reported": len(programs) - len(claims),
        "realized": len(realized),
        "verified_realized": len(confirmed),
        "statuses": {status: sum(each["status"] == status for each in claims) for status in STATUSES},
        "share": share(counted),
        "claimed": share(realized),
        "verified": share(confirmed),
        "weighted": figure(
            "weighted.v1", weight_counted, weights, 100, "no_version" if version is None else unweighted
        ),
        "progress": figure("progress.v1", physical, Fraction(len(claims)), 1, nothing or unreported),
        "progress_all": figure("progress_all.v1", physical, Fraction(len(programs)), 1, nothing),
        "financial": figure("financial.v1", spent, budget, 100, nothing or ("no_budget" if not budget else unspent)),
        "target": None,
        "achievement": None,
    }
    both = normalized["financial"]["percent"] is not None and normalized["progress"]["percent"] is not None
    normalized["financial_ahead"] = both and spent * 100 / budget - physical / len(claims) > FINANCIAL_MARGIN
    if version is not None:
        to_date, rule = target(version, as_of, dimension)
        normalized["target"] = {"percent": shown(to_date), "rule": rule}
        if programs and to_date:
            achieved = Fraction(len(counted), len(programs)) * 100 / to_date * 100
            normalized["achievement"] = {"percent": shown(achieved), "band": band(achieved)}
    return normalized


def figure(formula: str, above: Fraction, below: Fraction, scale: int, missing: str | None) -> Json:
    """A figure, its numerator and denominator as fractions; `percent` None with the reason where it does not exist."""
    missing = missing or ("empty" if below == 0 else None)
    return {
        "formula": formula,
        "numerator": above,
        "denominator": below,
        "percent": None if missing else shown(above * scale / below),
        "reason": missing,
    }


def total(numbers: Iterable[str | int | Fraction]) -> Fraction:
    return sum((Fraction(number) for number in numbers), Fraction(0))


def _dimension_mean(version: Json | None, looks: dict[str, Json], basis: str) -> Json:
    """The dimensions' shares in percent over the number of dimensions that have programs."""
    shares = []
    for dimension in DIMENSIONS:
        members = [each for each in looks.values() if each["program"]["dimension"] == dimension]
        if members:
            counted = [each for each in members if each["verified" if basis == "verified" else "realized"]]
            shares.append(Fraction(100 * len(counted), len(members)))
    return figure(
        "dimension_mean.v1", total(shares), Fraction(len(shares)), 1, "no_version" if version is None else None
    )


# --- the live snapshot (decision 5)


def snapshot(facts: Sequence[OracleFact], plan: str) -> Json:
    """The integer counts of the live snapshot, per grouping and group, and the date they are true of."""
    as_of = last_date_begun(max(fact.received_ms for fact in facts if plan_of(fact.event["source"]) == plan))
    version = in_force(facts, plan, as_of)
    looks = {program["code"]: _look(facts, plan, program, as_of) for program in programs_of(version)}
    cells: Json = {"overall": {"overall": _counts(list(looks.values()), as_of)}}
    for group_by in ("dimension", "sub_dimension", "department", "year", "theme", "quick_win"):
        groups = groups_of(facts, plan, as_of, group_by)
        cells[group_by] = {
            key: _counts([looks[code] for code in codes], as_of) for key, codes in groups.items() if codes
        }
    return {"as_of": as_of, "plan_version": version and version["version"], "cells": cells}


def _counts(looks: list[Json], as_of: date) -> list[int]:
    claims = [each["claim"] for each in looks if each["claim"]]
    ceilings = [(int(year), ceiling) for each in looks for year, ceiling in each["program"]["budget"].items()]
    exact = [
        len(looks),
        len(claims),
        sum(each["realized"] for each in looks),
        sum(each["verified"] for each in looks),
        10_000 * total(each["program"]["weight"] for each in looks),
        10_000 * total(each["program"]["weight"] for each in looks if each["realized"]),
        10_000 * total(each["program"]["weight"] for each in looks if each["verified"]),
        100 * total(each["physical"] for each in claims),
        total(each["spent"] or 0 for each in claims),
        total(ceiling for year, ceiling in ceilings if year <= as_of.year),
    ]
    assert all(number == int(number) for number in exact)
    return [int(number) for number in exact]


# --- punctuality (decisions 4 and 24)

SILENT_AFTER: Final = 3  # due months without a report

Month = tuple[int, int]


def reported_month(report: Json) -> Month:
    """The month a report is for: the last of its period (`2020-11`, or the quarter `2020-Q4`), but none that begins
    after the date it is true of."""
    period = report["data"]["period"]
    year, number = period.split("-Q") if "Q" in period else period.split("-")
    last = (int(year), int(number) * 3) if "Q" in period else (int(year), int(number))
    return min(last, (on(report).year, on(report).month))


def due_date(month: Month, day: int) -> date:
    """When a month is due: in the month after it."""
    year, number = month
    return date(year + 1, 1, day) if number == 12 else date(year, number + 1, day)


def judged_month(version: Json, as_of: date) -> Month | None:
    """The last month of the plan whose due day has been reached, or None before the first."""
    months = [(year, number) for year in range(version["start_year"], as_of.year + 1) for number in range(1, 13)]
    return max((month for month in months if due_date(month, version["report_due_day"]) <= as_of), default=None)


def last_day_of(month: Month) -> date:
    year, number = month
    return date(year, number, monthrange(year, number)[1])


def came_by_due_day(version: Json, fact: OracleFact, month: Month) -> bool:
    """Whether a report came by the day on which a month was due, in the plan's time zone.

    By the broker's time of receipt; for months that ended before the plan's own date for that, by the sender's time.
    """
    since = version["punctual_by_receipt_from"]
    by_sender = since is not None and last_day_of(month) < date.fromisoformat(since)
    came = moment(fact.event["time"]) if by_sender else received(fact.received_ms)
    return came.astimezone(ZoneInfo(version["time_zone"])).date() <= due_date(month, version["report_due_day"])


def _state(version: Json, reports: list[OracleFact], judged: Month, silence: str) -> str:
    """How a month that had to be reported was reported, by these reports."""
    # A report for a later month covers this one; the time of the earliest such report decides.
    enough = [fact for fact in reports if reported_month(fact.event) >= judged]
    if any(came_by_due_day(version, fact, judged) for fact in enough):
        return "on_time"
    if enough:
        return "late"
    year, number = max(reported_month(fact.event) for fact in reports)
    missed = (judged[0] - year) * 12 + judged[1] - number
    return silence if missed >= SILENT_AFTER else "late"


def _reports_on(facts: Sequence[OracleFact], plan: str, program: str, as_of: date) -> list[OracleFact]:
    """The facts of the reports that count for a program, the oldest first."""
    by_identity = {(fact.event["source"], fact.event["id"]): fact for fact in facts if fact.event["type"] == REPORT}
    return [by_identity[each["source"], each["id"]] for each in counting_reports(facts, plan, program, as_of)]


def owed_by(facts: Sequence[OracleFact], plan: str, program: str, month: Month, as_of: date) -> str | None:
    """The source of the department that has to report a month of a program: who led it on the month's last day.

    None: no department, because it was not in the plan then, or because the months before were reported as
    realized or cancelled.
    """
    before = [
        fact.event
        for fact in _reports_on(facts, plan, program, as_of)
        if reported_month(fact.event) < month  # the oldest first
    ]
    if before and before[-1]["data"]["status"] in ("realized", "cancelled"):
        return None
    return led_by(plan_versions_of(facts), plan, program, last_day_of(month))


def program_states(facts: Sequence[OracleFact], plan: str, as_of: date) -> dict[str, str]:
    """The state of reporting of each program: on_time, late, stale or never."""
    version = in_force(facts, plan, as_of)
    states = {}
    for code in [program["code"] for program in programs_of(version)]:
        assert version is not None
        reports, judged = _reports_on(facts, plan, code, as_of), judged_month(version, as_of)
        if not reports:
            states[code] = "never"
        elif judged is None or owed_by(facts, plan, code, judged, as_of) is None:
            states[code] = "on_time"
        else:
            states[code] = _state(version, reports, judged, "stale")
    return states


def department_states(facts: Sequence[OracleFact], plan: str, as_of: date) -> dict[str, Json]:
    """For each department that leads a program: its state (on_time, late, silent or never) and what it rests on.

    It is judged by its own reports, and by the programs that it led on the last day of the month that is judged.
    """
    version = in_force(facts, plan, as_of)
    if version is None:
        return {}
    judged = judged_month(version, as_of)
    named = {program["code"] for fact in plan_versions_of(facts) for program in fact.event["data"]["programs"]}
    by_program = {code: _reports_on(facts, plan, code, as_of) for code in named}
    owing = {code: judged and owed_by(facts, plan, code, judged, as_of) for code in named}
    states: dict[str, Json] = {}
    for department in version["departments"]:
        led = [program["code"] for program in version["programs"] if program["department"] == department["key"]]
        if not led:
            continue
        source = f"/plans/{plan}/departments/{department['key']}"
        own = {code: [fact for fact in found if fact.event["source"] == source] for code, found in by_program.items()}
        reports = [fact for found in own.values() for fact in found]
        owed = [code for code, owes in owing.items() if owes == source]
        last = max((reported_month(fact.event) for fact in reports), default=None)
        if not reports:
            state = "never"
        elif judged is None or not owed:
            state = "on_time"
        else:
            state = _state(version, reports, judged, "silent")
        missing = [code for code in owed if judged and all(reported_month(fact.event) < judged for fact in own[code])]
        behind = (judged[0] - last[0]) * 12 + judged[1] - last[1] if judged and last else 0
        claims = [by_program[code][-1].event for code in led if by_program[code]]
        states[department["key"]] = {
            "state": state,
            "programs": len(led),
            "reported": len(claims),
            "realized": sum(each["data"]["status"] == "realized" for each in claims),
            "missing": len(missing),
            "last_period": f"{last[0]:04}-{last[1]:02}" if last else None,
            "last_received_ms": max((fact.received_ms for fact in reports), default=None),
            "periods_missed": max(0, behind) if owed else 0,
        }
    return states
