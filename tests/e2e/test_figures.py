"""Random plans and reports, sent through the public import and through Kafka: every figure of the API is the oracle's."""

import io
import json
import random
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from samples import reports
from schemas.masterplan import MasterplanVersion
from services.programs.masterplans.workbook import write_workbook
from tests import oracle
from tests.oracle import Json
from tests.parts.history import RecordToSend
from tests.parts.waiting import until
from tests.parts.whole_installation import WholeInstallation
from tests.strategies import AS_OFS, QUICK_WIN_YEARS, Dice, ReceivedEvent, history_of, in_other_words

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GROUPINGS = ("dimension", "sub_dimension", "department", "year", "theme", "quick_win")
FIGURES = ("share", "claimed", "verified", "weighted", "progress", "progress_all", "financial", "dimension_mean")
STATE_FIELDS = ("state", "programs", "reported", "realized", "missing", "last_period", "periods_missed")
SAMPLE = Path(reports.__file__).parent / "kota-pontianak-2019-2028.xlsx"
PLANS = 3
PLAIN = (
    "programs", "reported", "never_reported", "realized", "verified_realized", "statuses", "financial_ahead", "target",
)  # fmt: skip
QUESTIONS = 60


def imported(installed: WholeInstallation, http: httpx.Client, imported_events: Iterable[ReceivedEvent]) -> None:
    """Publish plan versions as an administrator does: each as a workbook, in order."""
    for one in imported_events:
        version = MasterplanVersion.model_validate_json(json.dumps(one.event["data"]))
        answer = http.post(
            "/v1/masterplans/import",
            content=write_workbook(one.plan, version),
            headers={"content-type": XLSX, "authorization": f"Bearer {installed.admin_key}"},
            timeout=60,
        )
        assert answer.status_code == 202, answer.text
        known = f"/v1/masterplans/{one.plan}/versions/{version.version}"
        until(lambda known=known: http.get(known).status_code == 200, what=known)  # type: ignore[misc]  # mypy infers no type for the default


def published(installed: WholeInstallation, dice: Dice, published_events: Iterable[ReceivedEvent]) -> int:
    """Send the rest as departments and evaluators do, some of it twice and in other words."""
    records = [
        RecordToSend(
            one.topic, oracle.partition_of(one.plan, installed.kafka_topics.partitions), one.plan.encode(), value
        )
        for one in published_events
        for value in [json.dumps(one.event).encode()] + [in_other_words(dice, one.event)] * dice.once_in(4)
    ]
    return installed.kafka_topics.send(dice.shuffled(records))


def read_up_to(http: httpx.Client, plan: str) -> int:
    answer = http.get(f"/v1/plans/{plan}/realization")
    return int(answer.json()["known_at"]["seq"]) if answer.status_code == 200 else 0


def facts_by_seq(installed: WholeInstallation, plan: str) -> list[oracle.OracleFact]:
    """The oracle's facts of a plan in the order in which the facts log has them, so that questions can have a `known_at`."""
    records = installed.kafka_topics.input_records()
    facts = {(f.topic, f.partition, f.offset): f for f in oracle.decide(records, installed.kafka_topics.partitions)[1]}
    plan_facts = [json.loads(record.value) for record in installed.kafka_topics.written("facts")]
    mine = sorted((f for f in plan_facts if oracle.plan_of(f["event"]["source"]) == plan), key=lambda f: f["seq"])
    return [facts[f["topic"], f["partition"], f["offset"]] for f in mine]


def same_figure(found: Json, expected: Json) -> bool:
    reason = found["reason"] and found["reason"]["code"]
    return bool(
        found["formula"] == expected["formula"]
        and found["percent"] == expected["percent"]
        and reason == expected["reason"]
        and Fraction(found["numerator"]) == expected["numerator"]
        and Fraction(found["denominator"]) == expected["denominator"]
    )


def differences(found: Json, expected: Json, where: str) -> list[str]:
    """How a cell of the API differs from the oracle's."""
    wrong = [f"{where}.{name}" for name in FIGURES if name in expected and not same_figure(found[name], expected[name])]
    wrong += [
        f"{where}.{name}: {expected[name]} is shown as {found[name]}" for name in PLAIN if found[name] != expected[name]
    ]
    achieved = found["achievement"] and {key: found["achievement"][key] for key in ("percent", "band")}
    if achieved != expected["achievement"] and (achieved or {}).get("percent") is not None:
        wrong.append(f"{where}.achievement: {expected['achievement']} is shown as {achieved}")
    return wrong


def compared(http: httpx.Client, plan: str, facts: list[oracle.OracleFact], question: dict[str, Any]) -> list[str]:
    answer = http.get(f"/v1/plans/{plan}/realization", params={k: v for k, v in question.items() if v is not None})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    known = facts[: question["known_at"]] if question["known_at"] is not None else facts
    expected = oracle.figures(
        known,
        plan,
        date.fromisoformat(question["as_of"]),
        question["group_by"],
        question["quick_win"],
        question["basis"],
    )
    wrong = differences(found["overall"], expected["overall"], "overall")
    groups = {group["key"]: group for group in found["groups"]}
    for key, cell in expected["groups"].items():
        wrong += differences(groups.pop(key), cell, key) if key in groups else [f"{key} is missing"]
    wrong += [f"{key} should be empty" for key, group in groups.items() if group["programs"]]
    wrong += [
        f"{key}: an empty group is null" for key, group in groups.items() if group["share"]["percent"] is not None
    ]
    return [f"{question}: {each}" for each in wrong]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_figure_of_the_api_is_the_oracles(installed: WholeInstallation, seed: int) -> None:
    chance = random.Random(seed)
    with httpx.Client(base_url=installed.url, timeout=30) as http:
        for number in range(PLANS):
            plan = f"kota-{seed}-{number}"
            dice = Dice(chance.randbytes(2400))
            history = history_of(dice, plan, at_most=150)
            versions = [received_event for received_event in history if received_event.topic == "masterplans"]
            imported(installed, http, versions)
            published(
                installed, dice, [received_event for received_event in history if received_event.topic != "masterplans"]
            )
            facts = _all_known(installed, http, plan)
            expected = oracle.department_states(facts, plan, date(2021, 12, 31))
            assert department_states(http, plan) == {
                key: {k: each[k] for k in STATE_FIELDS} for key, each in expected.items()
            }
            wrong: list[str] = []
            for _ in range(QUESTIONS):
                wrong += compared(http, plan, facts, _question(chance, len(facts)))
            assert wrong == []
    assert installed.kafka_topics.differences() == []


def _all_known(installed: WholeInstallation, http: httpx.Client, plan: str) -> list[oracle.OracleFact]:
    sent = len(installed.kafka_topics.input_records())
    until(lambda: installed.kafka_topics.decided() >= sent, what="everything decided")
    facts = facts_by_seq(installed, plan)
    until(lambda: read_up_to(http, plan) >= len(facts), what="everything known to the api")
    return facts


def _question(chance: random.Random, facts: int) -> dict[str, Any]:
    as_of = chance.choice([*AS_OFS, date(2018, 6, 1) + timedelta(days=chance.randrange(4000))])
    return {
        "as_of": as_of.isoformat(),
        "known_at": chance.choice([None, None, chance.randrange(1, facts + 1)]),
        "group_by": chance.choice(GROUPINGS),
        "quick_win": chance.choice([None, None, None, *QUICK_WIN_YEARS]),
        "basis": chance.choice(("claimed", "verified")),
    }


def department_states(http: httpx.Client, plan: str) -> dict[str, Json]:
    answer = http.get(f"/v1/plans/{plan}/departments", params={"as_of": "2021-12-31"}).json()
    return {item["department"]: {key: item[key] for key in STATE_FIELDS} for item in answer["items"]}


def edited(cell: str, sheet: str, value: int | str, plan: str) -> bytes:
    """The sample's workbook under another plan's id, with one cell edited."""
    workbook = openpyxl.load_workbook(SAMPLE)
    workbook["Rencana"]["B5"] = plan
    workbook[sheet][cell] = value
    packed = io.BytesIO()
    workbook.save(packed)
    return packed.getvalue()


def test_one_cell_of_the_sample_edited_gives_the_exact_new_figure(installed: WholeInstallation) -> None:
    """The target of 2020 is 25 % instead of 20 %: 36.38498...% is then 145.54 % of it, and its band stays.

    One program's weight doubled: the weights sum to more than 100, and the weighted share is null with the reason.
    """
    lines = samples_of_2019_and_2020()
    with httpx.Client(base_url=installed.url, timeout=60) as http:
        for plan, sheet, cell, value in (("sasaran", "Target", "B6", 25), ("bobot", "Program", "I7", "0,5050")):
            answer = http.post(
                "/v1/masterplans/import",
                content=edited(cell, sheet, value, plan),
                headers={"content-type": XLSX, "authorization": f"Bearer {installed.admin_key}"},
            )
            assert answer.status_code == 202, answer.text
            installed.kafka_topics.send(
                RecordToSend(
                    "program-status", oracle.partition_of(plan, installed.kafka_topics.partitions), plan.encode(), raw
                )
                for raw in (json.dumps(of_plan(line, plan)).encode() for line in lines)
            )
        sent = len(installed.kafka_topics.input_records())
        until(lambda: installed.kafka_topics.decided() >= sent, 90, what="everything decided")
        asked = {"as_of": "2020-12-31"}

        def overall(plan: str) -> Json:
            answer: Json = http.get(f"/v1/plans/{plan}/realization", params=asked).json()["overall"]
            return answer

        until(lambda: overall("bobot")["realized"] == overall("sasaran")["realized"] == 155, what="155 realized")
        target, weight = overall("sasaran"), overall("bobot")
        assert target["share"]["percent"] == weight["share"]["percent"] == "36.38"
        assert (target["target"], target["achievement"]["percent"]) == ({"percent": "25.00", "rule": "plan"}, "145.54")
        assert (weight["achievement"]["percent"], weight["achievement"]["band"]) == ("181.92", "very_high")
        assert weight["weighted"]["percent"] is None
        assert weight["weighted"]["reason"]["code"] == "weights"
        assert target["weighted"]["percent"] is not None


def samples_of_2019_and_2020() -> list[Json]:
    """The events the sample's departments sent until its 2020 was complete."""
    events = [reports.event(line) for line in reports.read()]
    return [event for event in events if event["time"] < "2021-02-01"]


def of_plan(event: Json, plan: str) -> Json:
    """The same event for another plan."""
    text = json.dumps(event)
    return dict(json.loads(text.replace("/plans/kota-pontianak-2019-2028/", f"/plans/{plan}/")))
