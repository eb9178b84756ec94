"""The sample city is what its script makes, and has the figures of the domain page for the end of 2020."""

import gzip
import io
import json
import zipfile
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from realization import formulas
from realization.cells import Tally, membership, tally
from realization.plan_facts import PlanFacts
from realization.punctuality import departments
from samples import generate, load, reports, visits
from samples.plan import PLAN, SPLIT
from samples.reports import Line
from schemas.facts import Fact
from schemas.masterplan import MasterplanVersion
from schemas.registry import EVENT, Event, kind_of
from schemas.sources import council
from schemas.vocabulary import Dimension, Punctuality, Standing, Status
from services.programs.masterplans.workbook import read_workbook

END_OF_2019, END_OF_2020, END_OF_2021 = date(2019, 12, 31), date(2020, 12, 31), date(2021, 12, 31)
RECEIVED_MS = 1_767_225_600_000  # 2026: all of it is history that is brought over


def _version(file: Path) -> MasterplanVersion:
    found = read_workbook(file.read_bytes())
    assert (found.errors, found.warnings) == ((), ())
    assert found.plan == PLAN
    assert found.version is not None
    return found.version


FIRST, SECOND = _version(generate.FIRST_WORKBOOK), _version(generate.SECOND_WORKBOOK)
LINES = reports.read()


def _published(version: MasterplanVersion) -> Event:
    return EVENT.validate_python(
        {
            "specversion": "1.0", "id": f"version-{version.version}", "source": council(PLAN), "data": version,
            "type": "id.pantau.masterplan.version.published.v1", "time": datetime(2021, 1, 1, tzinfo=UTC),
        }
    )  # fmt: skip


def _plan_facts(events: list[dict[str, Any]]) -> PlanFacts:
    """The plan's two versions and these events, each once, as facts."""
    plan_facts = PlanFacts(PLAN)
    all_events = [_published(FIRST), _published(SECOND), *(EVENT.validate_json(json.dumps(event)) for event in events)]
    once = {(kind_of(event).topic, event.source, event.id): event for event in all_events}
    for seq, event in enumerate(once.values(), start=1):
        plan_facts.add(Fact(seq=seq, received_ms=RECEIVED_MS + seq, topic="program-status", partition=0, offset=seq, digest="", link="", fold=True, event=event))  # fmt: skip
    return plan_facts


@pytest.fixture(scope="module")
def plan_facts() -> PlanFacts:
    return _plan_facts([*(reports.event(line) for line in LINES), *visits.read()])


def _counted(plan_facts: PlanFacts, as_of: date) -> Tally:
    version = plan_facts.version(as_of)
    assert version is not None
    return tally(version, plan_facts.states(version, as_of), as_of, membership("dimension", plan_facts, as_of))


def _content(file: Path, data: bytes) -> object:
    """What is in a file, unpacked: how well it is packed depends on the machine's zlib."""
    if file.suffix == ".gz":
        return gzip.decompress(data)
    if file.suffix != ".xlsx":
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_is_exactly_what_its_script_makes() -> None:
    made = generate.made()

    assert {file: _content(file, data) for file, data in made.items()} == {
        file: _content(file, file.read_bytes()) for file in made
    }
    assert sum(len(data) for data in made.values()) < 1_000_000


def test_155_of_426_are_realized_at_the_end_of_2020_split_as_the_domain_page_says(plan_facts: PlanFacts) -> None:
    counted = _counted(plan_facts, END_OF_2020)

    share = formulas.share(counted.overall)
    assert (share.numerator_text, share.denominator_text, share.percent) == ("155", "426", "36.38")
    assert formulas.dimension_mean(counted.dimensions).percent == "35.43"
    assert {key: (cell.programs, cell.realized) for key, cell in counted.dimensions.items()} == {
        "governance": (96, 46), "branding": (54, 18), "economy": (66, 23), "living": (78, 28), "society": (72, 22),
        "environment": (60, 18),
    }  # fmt: skip
    assert (counted.overall.reported, counted.overall.programs - counted.overall.reported) == (401, 25)


def test_what_2021_sends_does_not_move_the_figure_of_2020(plan_facts: PlanFacts) -> None:
    history = LINES[: load.first_sent_from(LINES, load.NEW_YEAR)]

    before = _counted(_plan_facts([reports.event(line) for line in history]), END_OF_2020)

    assert before.overall.realized == 155
    assert {key: cell.realized for key, cell in before.dimensions.items()} == {
        key: cell.realized for key, cell in _counted(plan_facts, END_OF_2020).dimensions.items()
    }


def test_the_other_years_are_plausible(plan_facts: PlanFacts) -> None:
    realized = {as_of.year: _counted(plan_facts, as_of).overall.realized for as_of in (END_OF_2019, END_OF_2021)}

    assert realized == {2019: sum(split.by_2019 for split in SPLIT.values()), 2021: 203}
    assert 45 < 100 * realized[2021] / 426 < 50


@pytest.mark.parametrize("version", [FIRST, SECOND], ids=["version 1", "version 2"])
def test_each_version_has_426_programs_and_weights_that_sum_to_100(version: MasterplanVersion) -> None:
    assert len(version.programs) == 426
    assert sum((program.weight for program in version.programs), Decimal()) == 100
    assert len({program.name.id for program in version.programs}) == 426
    assert len({program.sub_dimension for program in version.programs}) == 18
    assert version.illustrative
    assert (version.time_zone, version.region_code, version.report_due_day) == ("Asia/Pontianak", "61.71", 10)
    assert version.targets["2020"] == 20
    wins = Counter((program.dimension, year) for program in version.programs for year in program.quick_win_years)
    assert set(wins.values()) <= {1, 2}
    assert {year for _, year in wins} >= {2019, 2020, 2021}
    for dimension in Dimension:
        assert all(wins[dimension, year] for year in (2019, 2020, 2021))


def test_version_2_changes_some_leads_years_and_weights_and_replaces_two_programs() -> None:
    was, now = ({program.code: program for program in version.programs} for version in (FIRST, SECOND))
    both = was.keys() & now.keys()

    assert (SECOND.version, SECOND.expects, SECOND.effective_from) == (2, 1, date(2021, 7, 1))
    assert (len(was.keys() - now.keys()), len(now.keys() - was.keys())) == (2, 2)
    assert sum(was[code].department != now[code].department for code in both) == 7
    assert sum(was[code].finish_year != now[code].finish_year for code in both) >= 10
    assert sum(was[code].weight != now[code].weight for code in both) >= 20


def test_departments_are_in_every_state_at_the_end_of_2021(plan_facts: PlanFacts) -> None:
    version = plan_facts.version(END_OF_2021)
    assert version is not None

    states = Counter(each.state for each in departments(plan_facts, version, END_OF_2021))

    assert states == {Punctuality.ON_TIME: 24, Punctuality.LATE: 4, Punctuality.SILENT: 1, Punctuality.NEVER: 1}


def test_every_status_and_standing_occurs(plan_facts: PlanFacts) -> None:
    assert all(_counted(plan_facts, END_OF_2021).overall.statuses[status] for status in Status)
    programs = {*(program.code for program in FIRST.programs), *(line.program for line in LINES if line.program)}
    standings = {standing for program in programs for _, standing in plan_facts.claims(program)}
    assert standings == set(Standing)


def test_life_is_irregular() -> None:
    first_at: dict[tuple[str, str], int] = {}
    again: list[Line] = []
    for at, line in enumerate(LINES):
        if (line.department, line.id) in first_at:
            again.append(line)
        first_at.setdefault((line.department, line.id), at)
    retractions = [line for line in LINES if line.retracts]
    before = [
        line for line in retractions if first_at[line.department, line.id] < first_at[line.department, line.retracts]
    ]
    taken_back = [LINES[first_at[line.department, line.retracts]] for line in retractions]

    assert len(again) > 30
    assert any(line.time.endswith("Z") for line in again)
    assert len(before) == 2
    assert [line.status for line in taken_back].count("realized") == 2
    assert 5_000 < len(LINES) < 8_000


def test_a_duplicate_has_the_same_content_in_other_bytes() -> None:
    events: dict[tuple[str, str], Event] = {}
    for line in LINES:
        event = EVENT.validate_json(json.dumps(reports.event(line)))
        assert events.setdefault((event.source, event.id), event) == event


def test_the_visits_of_may_2021_confirm_what_they_saw_but_for_one(plan_facts: PlanFacts) -> None:
    all_events = visits.read()

    assert [visit["data"]["site"] for visit in all_events] == [
        "RSUD SSMA", "Kampung Tenun", "Bank Sampah", "Posyandu Surya Sehat", "Taman Digulist", "Kampung Caping",
    ]  # fmt: skip
    assert {visit["data"]["visited_on"][:7] for visit in all_events} == {"2021-05"}
    seen = [seen for visit in all_events for seen in visit["data"]["programs"]]
    assert [one["outcome"] for one in seen].count("not_confirmed") == 1
    assert _counted(plan_facts, END_OF_2021).overall.verified == len(seen) - 1


def test_what_is_done_is_remembered_whole(tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    load.Memory(file).keep(history=True)
    load.Memory(file).keep(sent=12)

    assert (load.Memory(file).get("history"), load.Memory(file).get("sent"), load.Memory(file).get("visits")) == (True, 12, None)  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["sample.json"]
