"""The api of live state on a real broker and real databases: every figure is the oracle's, at every date, known then."""

import itertools
import random
from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.broker import Broker
from schemas.sources import council
from tests import oracle
from tests.integration.facts_and_api import RECEIVED, ApiClient, WrittenFacts, as_the_oracle_says, bearer, codes, served
from tests.integration.sample_events import beginning, report, visit
from tests.parts.history import SeededHistory, event, plan_version
from tests.parts.waiting import until

DATES = [date(2018, 12, 31), date(2019, 1, 1), date(2019, 12, 31), date(2020, 2, 29), date(2020, 12, 31)]
DATES += [date(2021, 6, 15), date(2021, 12, 31), date(2028, 12, 31), date(2040, 1, 1)]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each database a projection may be in."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'realization.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def city(broker: Broker, database: str) -> Generator[WrittenFacts]:
    found = WrittenFacts(broker.bootstrap, database)
    yield found
    found.close()


def lively(city: WrittenFacts, *, plans: int = 2, records: int = 250) -> list[str]:
    """Write a seeded history, with a change of leads amid it, into the facts log. Returns the plans."""
    history, half = SeededHistory(5, partitions=3, plans=plans, programs=20), records // 2
    life, changes = history.life(records), [history.change_of_lead(plan) for plan in history.plans]
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    input_records = [
        oracle.OracleRecord(record.topic, record.partition, number, now_ms, record.key, record.value)
        for number, record in enumerate([*history.beginnings(), *life[:half], *changes, *life[half:]])
    ]
    _, facts = oracle.decide(input_records, 3)
    city.write(*(fact.event for fact in facts))
    return history.plans


def test_every_figure_is_the_oracles(city: WrittenFacts) -> None:
    plans = lively(city)
    dice = random.Random(3)
    groupings = ("dimension", "sub_dimension", "department", "year", "theme", "quick_win")
    asked = list(itertools.product(plans, DATES, groupings, ("claimed", "verified"), (None, 2020, 2021)))
    with served(city) as api:
        for plan, as_of, group_by, basis, quick_win in dice.sample(asked, 120):
            question: Any = {"as_of": as_of, "group_by": group_by, "basis": basis, "quick_win": quick_win}
            known = city.known(plan, 10_000)

            answer = api.get(f"/{plan}/realization", **question)

            assert as_the_oracle_says(answer) == oracle.figures(known, plan, **question), question
            assert (answer["as_of"], answer["known_at"]["seq"]) == (as_of.isoformat(), len(known))


def test_what_was_known_at_a_seq_stays_as_it_was(city: WrittenFacts) -> None:
    (plan,) = lively(city, plans=1, records=120)
    with served(city) as api:
        for seq in (0, 1, 2, 17, 60, 61, 90):
            answer = api.get(f"/{plan}/realization", as_of="2021-12-31", known_at=seq)

            assert answer["known_at"]["seq"] == seq
            assert as_the_oracle_says(answer) == oracle.figures(city.known(plan, seq), plan, date(2021, 12, 31))


def test_a_moment_means_the_last_seq_received_by_then(city: WrittenFacts) -> None:
    city.write(beginning("kota"), received=RECEIVED)
    city.write(report("kota", 0, "a", "2020-01-31"), received=RECEIVED + timedelta(hours=1))
    with served(city) as api:
        for moment, seq in (
            ("2022-01-20T02:59:59Z", 0),
            ("2022-01-20T03:00:00Z", 1),
            ("2022-01-20T10:59:59.999+07:00", 1),
            ("2022-01-20T11:00:00+07:00", 2),
        ):
            assert api.get("/kota/realization", as_of="2021-12-31", known_at=moment)["known_at"]["seq"] == seq

        answer = api.get("/kota/realization", as_of="2021-12-31")
        assert answer["known_at"] == {"seq": 2, "received_at": "2022-01-20T04:00:00.000Z"}
        assert answer["fresh_at"] == "2022-01-20T04:00:00.000Z"


def test_before_a_plan_is_in_force_its_figures_are_null_with_the_reason(city: WrittenFacts) -> None:
    city.write(beginning("kota"))
    with served(city) as api:
        answer = api.get("/kota/realization", as_of="2018-12-31")

    assert (answer["plan_version"], answer["groups"], answer["name"]["en"]) == (None, [], "Test plan")
    assert answer["overall"]["share"]["percent"] is None
    assert answer["overall"]["share"]["reason"]["code"] == "no_version"


def test_a_group_without_programs_is_listed_and_null(city: WrittenFacts) -> None:
    city.write(beginning("kota", programs=3), report("kota", 0, "a", "2020-01-31"))
    with served(city) as api:
        answer = api.get("/kota/realization", as_of="2021-12-31")

    assert [group["key"] for group in answer["groups"]] == list(oracle.DIMENSIONS)
    shares = {group["key"]: group["share"]["percent"] for group in answer["groups"]}
    assert (shares["governance"], shares["living"]) == ("33.33", None)


def test_as_of_is_today_in_the_plans_time_zone(city: WrittenFacts) -> None:
    city.write(beginning("kota"))
    for hour, day in ((16, "2022-02-10"), (17, "2022-02-11")):
        with served(city, now=lambda hour=hour: datetime(2022, 2, 10, hour, 0, tzinfo=UTC)) as api:
            assert api.get("/kota/realization")["as_of"] == day


def test_history_is_the_realization_at_every_point(city: WrittenFacts) -> None:
    (plan,) = lively(city, plans=1)
    third = plan_version(18, version=3, effective_from="2021-02-15")
    city.write(event("masterplan.version.published", council(plan), "v3", datetime(2020, 6, 1, tzinfo=UTC), third))
    choice = {"year": 2020, "chosen_on": "2020-03-05", "programs": ["P-001", "P-002"]}
    city.write(event("quickwins.chosen", council(plan), "wins", datetime(2020, 3, 5, tzinfo=UTC), choice))
    with served(city) as api:
        for group_by, step in (("dimension", "month"), ("quick_win", "month"), ("department", "year")):
            answer = api.get(f"/{plan}/history", to="2021-05-20", step=step, group_by=group_by, basis="verified")
            series = {each["key"]: each["points"] for each in answer["series"]}
            assert series["overall"][0]["as_of"] == {"month": "2019-01-31", "year": "2019-12-31"}[step]
            assert series["overall"][-1]["as_of"] == "2021-05-20"
            for number, point in enumerate(series["overall"]):
                at = api.get(f"/{plan}/realization", as_of=point["as_of"], group_by=group_by, basis="verified")
                cells = {"overall": at["overall"]} | {group["key"]: group for group in at["groups"]}
                for key, points in series.items():
                    found = points[number]
                    if key not in cells:
                        assert (found["denominator"], found["percent"]) == ("0", None)
                        continue
                    share = cells[key]["share"]
                    assert {name: found[name] for name in ("numerator", "denominator", "percent")} == {
                        name: share[name] for name in ("numerator", "denominator", "percent")
                    }, (key, point["as_of"])
                    assert found["verified_percent"] == cells[key]["verified"]["percent"]
                    assert found["target_percent"] == cells[key]["target"]["percent"]


def test_changes_add_up_to_the_difference_of_two_figures(city: WrittenFacts) -> None:
    (plan,) = lively(city, plans=1)
    with served(city) as api:
        for since, as_of in (("2019-06-30", "2020-12-31"), ("2020-12-31", "2021-12-31"), (40, "2021-12-31")):
            answer = api.get(f"/{plan}/changes", since=since, as_of=as_of)
            counts = answer["counts"]
            before = api.get(
                f"/{plan}/realization",
                **({"as_of": since} if isinstance(since, str) else {"as_of": as_of, "known_at": since}),
            )["overall"]
            after = api.get(f"/{plan}/realization", as_of=as_of)["overall"]

            assert (answer["before"], answer["after"]) == (before["claimed"], after["claimed"])
            assert counts["realized"] - counts["withdrawn"] == after["realized"] - before["realized"]
            assert counts["verified"] - counts["unverified"] == after["verified_realized"] - before["verified_realized"]
            assert sum(counts.values()) == len(answer["items"]) > 0


def test_every_program_is_on_one_page_and_filters_agree_with_the_cells(city: WrittenFacts) -> None:
    (plan,) = lively(city, plans=1)
    with served(city) as api:
        every: list[Any] = []
        cursor = None
        while cursor or not every:
            page = api.get(f"/{plan}/programs", as_of="2021-12-31", limit=7, cursor=cursor)
            if cursor is None:
                city.write(report(plan, 3, "meanwhile", "2021-12-30", status="cancelled"))
                api.get(f"/{plan}/realization", min_seq=page["known_at"]["seq"] + 1)
            assert page["known_at"]["seq"] == len(city.known(plan, 10_000)) - 1
            every += page["items"]
            cursor = page["next"]
        assert codes(every) == [f"P-{number:03d}" for number in range(20)]

        for name, group_by in (("dimension", "dimension"), ("department", "department"), ("quick_win", "quick_win")):
            for group in api.get(f"/{plan}/realization", as_of="2021-12-31", group_by=group_by)["groups"]:
                answer = api.get(f"/{plan}/programs", as_of="2021-12-31", **{name: group["key"]})
                assert answer["total"] == group["programs"]
                realized = api.get(f"/{plan}/programs", as_of="2021-12-31", status="realized", **{name: group["key"]})
                assert realized["total"] == group["realized"]

        states = oracle.program_states(city.known(plan, 10_000), plan, date(2021, 12, 31))
        answer = api.get(f"/{plan}/programs", as_of="2021-12-31", state="stale")
        assert codes(answer["items"]) == [code for code, state in sorted(states.items()) if state == "stale"]
        assert codes(api.get(f"/{plan}/programs", as_of="2021-12-31", q="program 1")["items"])[0] == "P-001"


def test_a_programs_story_has_every_report_with_the_oracles_standing(city: WrittenFacts) -> None:
    (plan,) = lively(city, plans=1)
    as_of, known = date(2021, 6, 30), city.known(plan, 10_000)
    standings = oracle.standings(known, plan, as_of)
    of_programs = {
        (fact.event["source"], fact.event["id"]) for fact in known if fact.event["data"].get("program", "P-9") < "P-020"
    }
    found: dict[Any, str] = {}
    with served(city) as api:
        for number in range(20):
            answer = api.get(f"/{plan}/programs/P-{number:03d}", as_of=as_of)
            found |= {(each["source"], each["id"]): each["standing"] for each in answer["reports"]}
            assert [each["effective_on"] for each in answer["reports"]] == sorted(
                (each["effective_on"] for each in answer["reports"]), reverse=True
            )
            current = [each["id"] for each in answer["reports"] if each["standing"] == "current"]
            assert current == ([answer["report"]["id"]] if answer["report"] else [])
            assert answer["verified"] == oracle.verified(known, plan, answer["program"], as_of)
            assert len(answer["verifications"]) == len(oracle.verifications(known, plan, answer["program"], as_of))

    assert found == {identity: standing for identity, standing in standings.items() if identity in of_programs}


def test_the_punctuality_of_departments_is_the_oracles(city: WrittenFacts) -> None:
    (plan,) = lively(city, plans=1)
    with served(city) as api:
        for as_of in DATES:
            answer = api.get(f"/{plan}/departments", as_of=as_of)
            expected = oracle.department_states(city.known(plan, 10_000), plan, as_of)
            assert {each["department"]: each["state"] for each in answer["items"]} == {
                key: each["state"] for key, each in expected.items()
            }
            for each in answer["items"]:
                for name in ("programs", "reported", "realized", "missing", "last_period", "periods_missed"):
                    assert each[name] == expected[each["department"]][name]


def test_a_writer_reads_its_own_writes(city: WrittenFacts) -> None:
    city.write(beginning("kota"))
    with served(city) as api:
        assert api.get("/kota/realization", as_of="2021-12-31")["overall"]["realized"] == 0
        for number in range(10):
            seq = city.write(report("kota", number, f"r-{number}", "2021-01-31"))
            answer = api.get("/kota/realization", as_of="2021-12-31", min_seq=seq)
            assert (answer["known_at"]["seq"], answer["overall"]["realized"]) == (seq, number + 1)
        seq = city.write(beginning("kota-baru"))
        assert api.get("/kota-baru/realization", min_seq=seq)["plan"] == "kota-baru"

        late = api.response("/kota/realization", expect=503, min_seq=seq + 100)
        assert late.headers["retry-after"]
        api.get("/kota/realization", expect=503, known_at=seq + 100)


def test_the_tables_survive_the_process_and_plans_that_do_not_fit_are_opened_again(city: WrittenFacts) -> None:
    plans = lively(city, plans=4, records=300)
    with served(city) as api:
        expected = {plan: api.get(f"/{plan}/realization", as_of="2021-12-31") for plan in plans}
    with served(city, facts_in_memory=100) as api:
        for _ in range(2):
            for plan in plans:
                assert api.get(f"/{plan}/realization", as_of="2021-12-31") == expected[plan]
        seq = city.write(report(plans[0], 0, "last", "2021-12-30"))
        answer = api.get(f"/{plans[0]}/realization", as_of="2021-12-31", min_seq=seq)
        assert as_the_oracle_says(answer) == oracle.figures(city.known(plans[0], seq), plans[0], date(2021, 12, 31))


def test_all_plans_are_ranked_by_share_from_snapshots_and_only_a_page_of_them_is_opened(city: WrittenFacts) -> None:
    shares = {"kota-a": 1, "kota-b": 4, "kota-c": 4, "kota-d": 0, "kota-e": 7}
    for plan, realized in shares.items():
        city.write(beginning(plan), *(report(plan, number, f"r-{number}", "2021-01-31") for number in range(realized)))
    city.write(report("tanpa-rencana", 0, "r", "2021-01-31"))
    city.write_snapshots()
    with served(city) as api:
        seen: list[Any] = []
        cursor, opened = None, []
        while cursor or not seen:
            page = api.get("", as_of="2021-12-31", limit=2, cursor=cursor)
            seen += [(item["rank"], item["plan"], item["overall"]["realized"]) for item in page["items"]]
            cursor = page["next"]
            opened.append(_metric(api, "pantau_book_open_seconds_count"))
            for item in page["items"]:
                one = api.get(f"/{item['plan']}/realization", as_of="2021-12-31")
                assert {name: item[name] for name in ("overall", "known_at", "name", "as_of")} == {
                    name: one[name] for name in ("overall", "known_at", "name", "as_of")
                }
        assert seen == [
            (1, "kota-e", 7), (2, "kota-b", 4), (2, "kota-c", 4), (4, "kota-a", 1), (5, "kota-d", 0),
        ]  # fmt: skip
        assert opened == [2, 4, 5]

        unknown = api.get("/tanpa-rencana/realization", as_of="2021-12-31")
        assert (unknown["plan_version"], unknown["groups"], unknown["overall"]["share"]["percent"]) == (None, [], None)
        assert unknown["overall"]["share"]["reason"]["code"] == "no_version"

        earlier = api.get("", as_of="2020-12-31")  # no snapshot has it
        assert [item["overall"]["realized"] for item in earlier["items"]] == [0] * 5
        assert [item["rank"] for item in earlier["items"]] == [1] * 5


def _metric(api: ApiClient, name: str) -> float:
    lines = api.client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_notes_obstacles_and_evidence_are_shown_to_a_key_of_the_plan_only(city: WrittenFacts) -> None:
    evidence = [{"title": "Berita acara", "sha256": "cd" * 32}]
    secret: Any = {"note": "Catatan intern", "obstacle": "Lahan sengketa", "evidence": evidence}
    city.write(beginning("kota"), beginning("kota-lain"), report("kota", 0, "a", "2021-01-31", **secret))
    city.write(visit("kota", "v", "2021-02-03", 0))
    own, other = city.key("kota", "dishub"), city.key("kota-lain", "dishub")
    with served(city) as api:
        public = api.response("/kota/programs/P-000", as_of="2021-12-31")
        for text in ("Catatan", "sengketa", "Berita", "beroperasi", "Foto", "note", "obstacle", "evidence"):
            assert text not in public.text
        assert api.response("/kota/programs/P-000", as_of="2021-12-31", headers=bearer(other)).text == public.text
        assert api.get("/kota/programs/P-000", expect=401, headers=bearer("pantau_nobody"))["status"] == 401

        for key in (own, "pantau_administrator_of_the_tests"):
            answer = api.get("/kota/programs/P-000", as_of="2021-12-31", headers=bearer(key))
            (one,), (seen,) = answer["reports"], answer["verifications"]
            assert {name: one[name] for name in ("note", "obstacle")} == {
                "note": "Catatan intern",
                "obstacle": "Lahan sengketa",
            }
            assert one["evidence"][0]["title"] == "Berita acara"
            assert (seen["note"], seen["evidence"][0]["title"]) == ("Sudah beroperasi.", "Foto")

        for path in ("realization", "history", "changes", "programs", "departments"):
            answer = api.response(f"/kota/{path}", headers=bearer(own)).text
            assert not [text for text in ("Catatan", "sengketa", "Berita", "beroperasi", "Foto") if text in answer]


def test_the_same_question_has_the_same_etag_until_something_is_known_that_changes_it(city: WrittenFacts) -> None:
    city.write(beginning("kota"))
    with served(city) as api:
        paths = ("realization", "history", "changes", "programs", "departments", "programs/P-000")
        for path in paths:
            first = api.response(f"/kota/{path}")
            assert first.headers["cache-control"] == "no-cache"
            again = api.response(f"/kota/{path}", expect=304, headers={"If-None-Match": first.headers["etag"]})
            assert not again.content
        tag = api.response("/kota/realization", as_of="2021-12-31").headers["etag"]
        past = api.response("/kota/realization", as_of="2021-12-31", known_at=1).headers["etag"]
        seq = city.write(report("kota", 0, "a", "2021-01-31"))
        assert api.response("/kota/realization", as_of="2021-12-31", min_seq=seq).headers["etag"] != tag
        assert api.response("/kota/realization", as_of="2021-12-31", known_at=1).headers["etag"] == past


def test_a_newer_versions_facts_are_passed_over_or_answered_with_503_and_never_with_a_wrong_figure(
    city: WrittenFacts,
) -> None:
    plans = lively(city, plans=2)
    used, unused = plans
    city.write_unknown(unused, fold=False)
    city.write_unknown(used, fold=True)
    with served(city) as api:
        get = api.client.get
        assert get(f"/v1/plans/{unused}/realization").status_code == 200
        refused = get(f"/v1/plans/{used}/realization")
        assert refused.status_code == 503
        assert "written by a newer version" in refused.json()["detail"]
        assert int(refused.headers["Retry-After"]) > 0
        assert get("/v1/plans?as_of=2020-12-31").status_code == 503
        for path in ("programs", "departments", "history", "changes", "stream"):
            assert get(f"/v1/plans/{used}/{path}").status_code == 503, path

        city.write_unknown(unused, fold=True)

        until(lambda: get(f"/v1/plans/{unused}/realization").status_code == 503, what="the fact that came meanwhile")
        assert "pantau_unknown_facts_total 3.0" in get("/metrics").text
