"""A made-up city for the page's tests: its programs and reports, and the answers the API's contract gives about them.

Figures come from the formulas of `realization`, so that what the page is shown is exact; everything else is kept plain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from presentation.words import Label, label
from realization import formulas
from realization.bands import band
from realization.cells import PHYSICAL_UNIT, WEIGHT_UNIT, Counts
from realization.exact import percent
from realization.targets import elapsed
from schemas.vocabulary import SUB_DIMENSIONS, Dimension, Status

Json = dict[str, Any]

AT_END_OF_2020 = {
    "governance": (96, 46),
    "branding": (54, 18),
    "economy": (66, 23),
    "living": (78, 28),
    "society": (72, 22),
    "environment": (60, 18),
}
DEPARTMENTS = {
    "diskominfo": "Dinas Komunikasi dan Informatika", "bappeda": "Badan Perencanaan Pembangunan Daerah",
    "disdukcapil": "Dinas Kependudukan dan Pencatatan Sipil", "dinkes": "Dinas Kesehatan", "dishub": "Dinas Perhubungan",
    "dpmptsp": "Dinas Penanaman Modal dan Pelayanan Terpadu Satu Pintu", "satpolpp": "Satuan Polisi Pamong Praja",
    "perpustakaan": "Dinas Perpustakaan dan Kearsipan", "dlh": "Dinas Lingkungan Hidup", "disdikbud": "Dinas Pendidikan dan Kebudayaan",
    "diskumdag": "Dinas Koperasi, Usaha Mikro dan Perdagangan", "rsud": "RSUD Sultan Syarif Mohamad Alkadrie",
}  # fmt: skip
KNOWN_NAMES = {
    "GOV-001": "JEPIN", "GOV-002": "Mal Pelayanan Publik", "BRA-001": "Kampung Caping", "ECO-001": "Kampung Tenun",
    "LIV-001": "PSC 119", "SOC-001": "Kampung Literasi Selamat", "ENV-001": "Bank Sampah",
}  # fmt: skip
LONG_NAME = (
    "Percepatan Integrasi Layanan Administrasi Kependudukan, Perizinan Berusaha, Kesehatan dan Pendidikan Berbasis Data "
    "Kewilayahan Terpadu Tingkat Kelurahan se-Kota Pontianak Tahap Kedua Lanjutan"
)


@dataclass(slots=True)
class CityReport:
    """One report; `seq` its place in the facts log."""

    effective_on: date
    status: str
    physical: int
    seq: int
    received_at: datetime
    late: bool = False


@dataclass(slots=True)
class CityProgram:
    code: str
    name: Label
    dimension: str
    sub_dimension: str
    department: str
    reports: list[CityReport] = field(default_factory=list)
    visits: list[date] = field(default_factory=list)

    def at(self, as_of: date) -> CityReport | None:
        """The claim that stands as of a date."""
        return next((one for one in reversed(self.reports) if one.effective_on <= as_of), None)

    def verified(self, as_of: date) -> bool:
        claim = self.at(as_of)
        return (
            claim is not None
            and claim.status == "realized"
            and any(claim.effective_on <= day <= as_of for day in self.visits)
        )


def _reason(key: str | None) -> Json | None:
    return None if key is None else {"code": key} | _label(label("reason", key))


def _figure(figure: formulas.ExactFigure) -> Json:
    return {
        "formula": figure.formula,
        "numerator": figure.numerator_text,
        "denominator": figure.denominator_text,
        "percent": figure.percent,
        "reason": _reason(figure.reason),
    }


def _label(words: Label) -> Json:
    return {"id": words.id, "en": words.en}


class PageCity:
    """One plan and what was reported of it. Change it between answers as a test likes."""

    def __init__(self, plan: str = "kota-pontianak-2019-2028", programs: Iterable[CityProgram] = ()) -> None:
        self.plan = plan
        self.name = Label("Masterplan Pontianak Smart City", "Pontianak Smart City masterplan")
        self.city = "Kota Pontianak"
        self.effective_from = date(2019, 1, 1)
        self.weights_sum_to_100 = True
        self.programs = {program.code: program for program in programs}
        self.seq = 0
        self.fresh_at: datetime | None = None
        self.department_states: dict[str, str] = {}

    def report(
        self, code: str, status: str, physical: int, effective_on: date, received_at: datetime | None = None
    ) -> None:
        """A report arrives."""
        self.seq += 1
        at = received_at or datetime.now(UTC)
        reports = self.programs[code].reports
        reports.append(CityReport(effective_on, status, physical, self.seq, at))
        reports.sort(key=lambda one: (one.effective_on, one.seq))
        self.fresh_at = max(at, self.fresh_at or at)

    def _counts(self, programs: Iterable[CityProgram], as_of: date) -> Counts:
        counts = Counts()
        for program in programs:
            claim, weight = program.at(as_of), 100 * WEIGHT_UNIT // max(1, len(self.programs))
            counts.programs += 1
            counts.weight += weight
            counts.budget += 1_250_000_000
            if claim is None:
                continue
            counts.reported += 1
            counts.statuses[Status(claim.status)] += 1
            counts.physical += claim.physical * PHYSICAL_UNIT
            counts.spent += claim.physical * 9_000_000
            if claim.status == "realized":
                counts.realized += 1
                counts.weight_realized += weight
                if program.verified(as_of):
                    counts.verified += 1
                    counts.weight_verified += weight
        return counts

    def _target(self, as_of: date) -> Fraction:
        return max(Fraction(0), (as_of.year - 2019 + elapsed(as_of)) * 10)

    def cell(self, programs: Iterable[CityProgram], as_of: date, basis: str) -> Json:
        counts = self._counts(programs, as_of)
        basis_asked: formulas.Basis = "verified" if basis == "verified" else "claimed"
        in_force = as_of >= self.effective_from
        share = formulas.share(counts, basis_asked)
        target = self._target(as_of)
        achieved = formulas.achievement(share, target) if in_force else None
        reached = None if achieved is None else band(achieved)

        def figure_json(figure: formulas.ExactFigure) -> Json:
            return _figure(figure if in_force else formulas.nothing_in_force(figure.formula))

        return {
            "programs": counts.programs, "reported": counts.reported, "never_reported": counts.programs - counts.reported,
            "realized": counts.realized, "verified_realized": counts.verified,
            "statuses": {status.value: count for status, count in counts.statuses.items()},
            "share": figure_json(share),
            "claimed": figure_json(formulas.share(counts, "claimed")),
            "verified": figure_json(formulas.share(counts, "verified")),
            "weighted": figure_json(formulas.weighted(counts, 100 * WEIGHT_UNIT if self.weights_sum_to_100 else 99 * WEIGHT_UNIT, basis_asked)),
            "progress": figure_json(formulas.progress(counts)),
            "progress_all": figure_json(formulas.progress_all(counts)),
            "financial": figure_json(formulas.financial(counts)),
            "financial_ahead": formulas.financial_ahead(counts),
            "target": {"percent": percent(target), "rule": "plan"} if in_force else None,
            "achievement": None
            if achieved is None or reached is None
            else {"percent": percent(achieved), "band": reached.value, "band_label": _label(label("band", reached))},
        }  # fmt: skip

    def _in(self, dimension: str | None = None, sub_dimension: str | None = None) -> list[CityProgram]:
        return [
            one
            for one in self.programs.values()
            if dimension in (None, one.dimension) and sub_dimension in (None, one.sub_dimension)
        ]

    def overall(self, as_of: date, basis: str) -> Json:
        if as_of < self.effective_from:
            cell = self.cell([], as_of, basis)
            return cell | {"dimension_mean": _figure(formulas.nothing_in_force("dimension_mean.v1"))}
        by_dimension = {key.value: self._counts(self._in(key.value), as_of) for key in Dimension if self._in(key.value)}
        mean = formulas.dimension_mean(by_dimension, "verified" if basis == "verified" else "claimed")
        return self.cell(self.programs.values(), as_of, basis) | {"dimension_mean": _figure(mean)}

    def groups(self, as_of: date, basis: str, group_by: str = "dimension") -> list[Json]:
        if as_of < self.effective_from:
            return []
        if group_by == "sub_dimension":
            return [
                {"key": key, "label": _label(label("sub_dimension", key))}
                | self.cell(self._in(sub_dimension=key), as_of, basis)
                for key in SUB_DIMENSIONS
            ]
        return [
            {"key": key.value, "label": _label(label("dimension", key))} | self.cell(self._in(key.value), as_of, basis)
            for key in Dimension
        ]

    def _known_at(self) -> Json:
        return {"seq": self.seq, "received_at": _moment(self.fresh_at)}

    def head(self, as_of: date) -> Json:
        return {"plan": self.plan, "as_of": as_of.isoformat(), "known_at": self._known_at()}

    def realization(self, as_of: date, basis: str = "claimed", group_by: str = "dimension") -> Json:
        return self.head(as_of) | {
            "name": _label(self.name), "city": self.city, "illustrative": True,
            "plan_version": 1 if as_of >= self.effective_from else None, "start_year": 2019, "end_year": 2028,
            "time_zone": "Asia/Pontianak", "fresh_at": _moment(self.fresh_at), "basis": basis, "group_by": group_by,
            "quick_win": None, "overall": self.overall(as_of, basis), "groups": self.groups(as_of, basis, group_by),
        }  # fmt: skip

    def history(self, start: date, end: date, basis: str = "claimed") -> Json:
        days = [
            day
            for year in range(start.year, end.year + 1)
            for month in range(1, 13)
            if start <= (day := _month_end(year, month)) <= end
        ]
        kinds: list[tuple[str, Label, Sequence[CityProgram]]] = [
            ("overall", Label("Seluruhnya", "Overall"), list(self.programs.values()))
        ]
        kinds += [(key.value, label("dimension", key), found) for key in Dimension if (found := self._in(key.value))]

        def point(programs: Sequence[CityProgram], day: date) -> Json:
            counts = self._counts(programs, day)
            share = formulas.share(counts, "verified" if basis == "verified" else "claimed")
            return {
                "as_of": day.isoformat(), "numerator": share.numerator_text, "denominator": share.denominator_text,
                "percent": share.percent, "verified_percent": formulas.share(counts, "verified").percent,
                "target_percent": percent(self._target(day)),
            }  # fmt: skip

        series = [
            {"key": key, "label": _label(words), "points": [point(programs, day) for day in days]}
            for key, words, programs in kinds
        ]
        return {"plan": self.plan, "known_at": self._known_at(), "basis": basis, "step": "month", "series": series}

    def changes(self, since: date, as_of: date) -> Json:
        items = []
        for program in self.programs.values():
            before, after = (self._side(program, day) for day in (since, as_of))
            kind = _change(before, after)
            if kind is None:
                continue
            claim = program.at(as_of)
            items.append({
                "program": program.code, "name": _label(program.name), "dimension": program.dimension,
                "department": program.department, "change": kind, "before": before, "after": after,
                "report": claim and {"source": self._source(program), "id": f"r{claim.seq}", "seq": claim.seq},
            })  # fmt: skip
        counts = {
            kind: sum(item["change"] == kind for item in items)
            for kind in ("realized", "withdrawn", "verified", "unverified", "status", "progress", "added", "removed")
        }
        return self.head(as_of) | {
            "since": since.isoformat(), "before": self.overall(since, "claimed")["share"],
            "after": self.overall(as_of, "claimed")["share"], "counts": counts, "items": items,
        }  # fmt: skip

    def _side(self, program: CityProgram, day: date) -> Json | None:
        if day < self.effective_from:
            return None
        claim = program.at(day)
        return {
            "status": claim and claim.status,
            "physical": claim and str(claim.physical),
            "verified": program.verified(day),
        }

    def _source(self, program: CityProgram) -> str:
        return f"/plans/{self.plan}/departments/{program.department}"

    def program_row(self, program: CityProgram, as_of: date) -> Json:
        claim = program.at(as_of)
        return {
            "program": program.code, "name": _label(program.name), "dimension": program.dimension,
            "sub_dimension": program.sub_dimension, "department": program.department, "supporting": ["bappeda"],
            "weight": "0.2347", "start_year": 2019, "finish_year": 2022, "quick_win_years": [2021] if program.code.endswith("-001") else [],
            "priority_problem": "Kemiskinan perkotaan" if program.dimension == "economy" else None, "leading_sector": None,
            "status": claim and claim.status, "physical": claim and str(claim.physical), "spent": claim and str(claim.physical * 9_000_000),
            "effective_on": claim and claim.effective_on.isoformat(), "verified": program.verified(as_of),
            "state": "never" if claim is None else "on_time" if claim.status == "realized" else "stale" if claim.seq % 7 == 0 else "late" if claim.seq % 5 == 0 else "on_time",
            "report": claim and {"source": self._source(program), "id": f"r{claim.seq}", "seq": claim.seq, "received_at": _moment(claim.received_at)},
        }  # fmt: skip

    def programs_page(self, as_of: date, query: dict[str, str]) -> Json:
        rows = [self.program_row(program, as_of) for program in self.programs.values()]
        for name in ("dimension", "department", "status", "state"):
            rows = [row for row in rows if name not in query or row[name] == query[name]]
        if "q" in query:
            rows = [
                row
                for row in rows
                if query["q"].lower() in f"{row['program']} {row['name']['id']} {row['name']['en']}".lower()
            ]
        if "quick_win" in query:
            rows = [row for row in rows if int(query["quick_win"]) in row["quick_win_years"]]
        start, limit = int(query.get("cursor", 0)), int(query.get("limit", 50))
        return self.head(as_of) | {
            "total": len(rows),
            "items": rows[start : start + limit],
            "next": str(start + limit) if start + limit < len(rows) else None,
        }

    def story(self, code: str, as_of: date) -> Json:
        program = self.programs[code]
        claim = program.at(as_of)
        reports = [
            {
                "source": self._source(program), "id": f"r{one.seq}", "seq": one.seq, "received_at": _moment(one.received_at),
                "time": _moment(one.received_at), "effective_on": one.effective_on.isoformat(), "period": f"{one.effective_on:%Y-%m}",
                "status": one.status, "physical": str(one.physical), "spent": str(one.physical * 9_000_000),
                "standing": "current" if one is claim else "superseded", "late": one.late,
            }
            for one in reversed(program.reports) if one.effective_on <= as_of
        ]  # fmt: skip
        verifications = [
            {"source": f"/plans/{self.plan}/evaluators/mentor", "id": f"v{day}", "seq": self.seq, "visited_on": day.isoformat(), "outcome": "confirmed", "standing": "current"}
            for day in program.visits if day <= as_of
        ]  # fmt: skip
        return (
            self.head(as_of) | self.program_row(program, as_of) | {"reports": reports, "verifications": verifications}
        )

    def departments(self, as_of: date) -> Json:
        items = []
        in_force = as_of >= self.effective_from
        for key in dict.fromkeys(program.department for program in self.programs.values() if in_force):
            led = [program for program in self.programs.values() if program.department == key]
            reported = [claim for program in led if (claim := program.at(as_of))]
            state = self.department_states.get(key, "on_time") if reported else "never"
            missed = {"silent": 4, "late": 0}.get(state, 0)
            last = None if not reported else {"silent": "2021-07", "late": "2021-11"}.get(state, "2021-11")
            items.append({
                "department": key, "name": {"id": DEPARTMENTS.get(key, key), "en": DEPARTMENTS.get(key, key)}, "state": state, "programs": len(led),
                "reported": len(reported), "realized": sum(claim.status == "realized" for claim in reported),
                "missing": {"on_time": 0, "late": 2}.get(state, len(led)), "last_period": last,
                "last_received_at": _moment(max((claim.received_at for claim in reported), default=None)), "periods_missed": missed,
            })  # fmt: skip
        counts = {
            state: sum(item["state"] == state for item in items) for state in ("on_time", "late", "silent", "never")
        }
        return self.head(as_of) | {
            "period": "2021-11" if in_force else None,
            "due_on": "2021-12-10" if in_force else None,
            "counts": counts,
            "items": items,
        }

    def ranked(self, rank: int, as_of: date) -> Json:
        answer = self.realization(as_of)
        return {"rank": rank} | {
            key: answer[key]
            for key in (
                "plan",
                "name",
                "city",
                "illustrative",
                "plan_version",
                "as_of",
                "known_at",
                "fresh_at",
                "overall",
            )
        }

    def change(self, moved: list[str], as_of: date, basis: str) -> Json:
        """The stream's event after the state of the programs `moved` has changed."""
        dimensions = {self.programs[code].dimension for code in moved}
        return {
            "known_at": self._known_at(), "fresh_at": _moment(self.fresh_at), "overall": self.overall(as_of, basis),
            "groups": [cell for cell in self.groups(as_of, basis) if cell["key"] in dimensions], "programs": moved[:20],
        }  # fmt: skip


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _change(before: Json | None, after: Json | None) -> str | None:
    if before == after or after is None:
        return None
    if before is None:
        return "added"
    was, now = before["status"] == "realized", after["status"] == "realized"
    if now != was:
        return "realized" if now else "withdrawn"
    if before["verified"] != after["verified"]:
        return "verified" if after["verified"] else "unverified"
    return "status" if before["status"] != after["status"] else "progress"


def pontianak() -> PageCity:
    """426 programs; 155 of them realized at the end of 2020, more during 2021, 25 never reported."""
    city = PageCity(programs=_programs())
    received = datetime(2026, 11, 23, 7, 5, tzinfo=UTC)
    by_dimension = {key: [one for one in city.programs.values() if one.dimension == key] for key in AT_END_OF_2020}
    for key, (_, realized) in AT_END_OF_2020.items():
        for index, program in enumerate(by_dimension[key]):
            if program.department == "perpustakaan":
                continue  # never reports
            if index < realized:
                done = date(2019 + index % 2, 1 + index * 7 % 12, 28)
                city.report(program.code, "in_progress", 40, done - timedelta(days=90), received)
                city.report(program.code, "realized", 100, done, received)
                if index % 3 == 0:
                    program.visits.append(date(2021, 5, 4 + index % 20))
                if index == 11:
                    city.report(program.code, "in_progress", 85, date(2021, 9, 30), received)
            elif index < realized + 10:
                city.report(program.code, "in_progress", 55, date(2020, 10, 31), received)
                city.report(program.code, "realized", 100, date(2021, 2 + index % 10, 28), received)
            else:
                city.report(
                    program.code,
                    ("in_progress", "not_started", "in_progress", "blocked")[index % 4],
                    index * 13 % 90,
                    date(2021, 11, 30),
                    received,
                )
    city.department_states = {"dishub": "late", "satpolpp": "silent", "dlh": "late"}
    return city


def _programs() -> Iterable[CityProgram]:
    departments = [key for key in DEPARTMENTS if key != "perpustakaan"]
    for key, (total, realized) in AT_END_OF_2020.items():
        subs = [sub for sub, dimension in SUB_DIMENSIONS.items() if dimension == key]
        for index in range(total):
            code = f"{key[:3].upper()}-{index + 1:03}"
            name = KNOWN_NAMES.get(code, f"Program {label('dimension', key).id} {index + 1}")
            never = index % 7 == 6 and index >= realized + 10
            yield CityProgram(
                code,
                Label(name, name),
                key,
                subs[index % 3],
                "perpustakaan" if never else departments[index % len(departments)],
            )
