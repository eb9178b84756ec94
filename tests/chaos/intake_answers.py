"""What intake answers to the question for an event's outcome, compared with the oracle."""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from httpx import Client, HTTPError, Response, TransportError

from tests import oracle
from tests.chaos.installation import ChaosInstallation

SAMPLE = 30  # events, of some thousands
NEVER_SENT = ("/plans/kota-0/departments/dinkes", "never-sent")
NOT_FOUND = 404
ATTEMPTS = 3
WAIT_SECONDS = "5"  # less than the client waits for an answer
DECIDING = (oracle.PLAN_VERSION, oracle.RETRACTION, oracle.REPORT)  # what a report means

Facts: TypeAlias = Mapping[str, list[oracle.OracleFact]]  # by plan
Identity: TypeAlias = tuple[str, str]  # source and id


class Became(NamedTuple):
    """What became of what was sent under one name: `accepted`, `rejected` or `unknown`; the codes of what was refused;
    what a report means today. `standing` is None where the oracle has no word for it."""

    outcome: str
    codes: list[str]
    standing: str | None


def differences(
    installation: ChaosInstallation[Any],
    records: Sequence[oracle.OracleRecord],
    outcomes: Sequence[oracle.Outcome],
    facts: Facts,
) -> list[str]:
    """Ask every site for the outcome of some events, and of one that was never sent."""
    accepted = {_name(fact.event): fact.event for of_a_plan in facts.values() for fact in of_a_plan}
    refused = _refused(records, outcomes)
    names = sorted({*accepted, *refused})
    asked = [*installation.random.sample(names, min(SAMPLE, len(names))), NEVER_SENT]
    expected = []
    for name in asked:
        outcome = "accepted" if name in accepted else "rejected" if name in refused else "unknown"
        standing = _standing(accepted[name], facts) if name in accepted else None
        expected.append(Became(outcome, sorted(refused.get(name, ())), standing))
    found = []
    with ThreadPoolExecutor(len(asked)) as threads:  # all at once: one answer after the other takes half a second each
        for site in installation.sites:
            answer = threads.map(
                partial(_answer_for, installation.http, f"http://127.0.0.1:{site.port}/v1/events"), asked
            )
            found += [
                f"{site.name} says of {name} {one}, and the oracle {wanted}"
                for name, one, wanted in zip(asked, answer, expected, strict=True)
                if one != (wanted if wanted.standing else wanted._replace(standing=one.standing))
            ]
    return found


def _name(event: oracle.Json) -> Identity:
    return event["source"], event["id"]


def _refused(records: Sequence[oracle.OracleRecord], outcomes: Sequence[oracle.Outcome]) -> dict[Identity, list[str]]:
    """The codes of all that was refused and can be read as far as its name."""
    found: dict[Identity, list[str]] = {}
    for record, outcome in zip(records, outcomes, strict=True):
        if outcome.reason is None:
            continue
        try:
            name = _name(json.loads(record.value or b""))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        found.setdefault(name, []).append(outcome.reason)
    return found


def _standing(event: oracle.Json, facts: Facts) -> str | None:
    """What a report means today. The oracle gets only the facts that decide it, because it is slow."""
    if event["type"] != oracle.REPORT:
        return None
    plan, program = oracle.plan_of(event["source"]), event["data"]["program"]
    of_type = {kind: [fact for fact in facts[plan] if fact.event["type"] == kind] for kind in DECIDING}
    reports = [fact for fact in of_type[oracle.REPORT] if fact.event["data"]["program"] == program]
    names = {_name(fact.event) for fact in reports}
    retractions = [fact for fact in of_type[oracle.RETRACTION] if _name(fact.event["data"]) in names]
    today = oracle.last_date_begun(time.time_ns() // 1_000_000)
    return oracle.standings([*of_type[oracle.PLAN_VERSION], *retractions, *reports], plan, today).get(_name(event))


def _answer_for(http: Client, url: str, name: Identity) -> Became:
    """What a site answers."""
    try:
        answer = _answer(http, url, {"source": name[0], "id": name[1], "wait": WAIT_SECONDS})
    except HTTPError as error:
        return Became(repr(error), [], None)
    if answer.status_code == NOT_FOUND:
        return Became("unknown", [], None)
    body = answer.json()
    refused = body.get("also_rejected", body.get("reasons", []))
    return Became(body.get("outcome", answer.text), sorted(one["code"] for one in refused), body.get("standing"))


def _answer(http: Client, url: str, question: dict[str, str]) -> Response:
    """The answer, asked for a few times: a busy machine may be late with one of many questions, or its broker with
    where the log ends, and then an event is pending."""
    for _ in range(ATTEMPTS - 1):
        with suppress(TransportError):
            answer = http.get(url, params=question)
            if answer.status_code == NOT_FOUND or answer.json().get("outcome") != "pending":
                return answer
    return http.get(url, params=question)
