"""What the departments of the sample send from 2019 to January 2022: monthly reports, with realistic irregularities."""

import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, NamedTuple

from samples.plan import BEHIND, CHANGED_ON, FIRST, LATE, NEVER, SEED, SILENT, Planned
from samples.reports import Line
from schemas.masterplan import MasterplanVersion, Program

MONTHS: Final = 36  # 2019 to 2021
WIB: Final = timezone(timedelta(hours=7))
CHANGED: Final = (CHANGED_ON.year - FIRST) * 12 + CHANGED_ON.month - 1
LAST_REPORTED: Final = {SILENT: 29, BEHIND: 33}  # the last period a department reports
MONTHS_MISSED: Final = 0.03
SLIPS: Final = 0.06  # how often an orderly department is late

OBSTACLES: Final = (
    "Lahan belum bebas; menunggu kesepakatan dengan warga",
    "Lelang gagal, diulang triwulan depan",
    "Anggaran dialihkan untuk penanganan Covid-19",
    "Menunggu rekomendasi teknis dari kementerian",
    "Pengadaan perangkat tertunda karena pasokan",
)
CANCELLED_NOTES: Final = (
    "Kegiatan dihentikan karena pengalihan anggaran Covid-19",
    "Digabung dengan program pemerintah pusat",
)
EVIDENCE: Final = (
    "Berita acara serah terima pekerjaan",
    "Laporan akhir kegiatan dan dokumentasi",
    "Keputusan Wali Kota dan dokumen pelaksanaan",
    "Berita acara uji terima sistem",
)
CORRECTED: Final = "Perbaikan angka setelah rekonsiliasi"


class SentLine(NamedTuple):
    """A line and the moment it arrives, which orders the file. `at` is the line's time as the sender has it."""

    arrives: datetime
    at: datetime
    line: Line


class SendingHabit:
    """One department's habit of sending: by when it sends a month's reports."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._next: dict[int, datetime] = {}

    def moment(self, month: int) -> datetime:
        """When the next report on a month is sent: a department sends a month's reports one shortly after the other."""
        if month not in self._next:
            self._next[month] = self._first(month, random.Random(f"{SEED}/{self._key}/{month}"))
        at = self._next[month]
        self._next[month] = at + timedelta(seconds=random.Random(f"{at}/{self._key}").randrange(20, 140))
        return at

    def _first(self, month: int, dice: random.Random) -> datetime:
        year, number = FIRST + (month + 1) // 12, (month + 1) % 12 + 1
        late = self._key in LATE or (month < MONTHS - 2 and dice.random() < SLIPS)
        days = range(12, 24) if late else range(2, 10)
        working = [day for day in days if date(year, number, day).weekday() < 5]
        return datetime(year, number, dice.choice(working), dice.randrange(8, 15), dice.randrange(60), tzinfo=WIB)


def month_name(month: int) -> str:
    """2020-12"""
    return f"{FIRST + month // 12}-{month % 12 + 1:02d}"


def month_end(month: int) -> date:
    year, number = FIRST + month // 12, month % 12 + 1
    return date(year, number, monthrange(year, number)[1])


class SampleReports:
    """Writes the reports of all programs."""

    def __init__(self, first: MasterplanVersion, second: MasterplanVersion) -> None:
        self._dice = random.Random(SEED + 1)
        self._habits = {department.key: SendingHabit(department.key) for department in first.departments}
        self._versions = ({p.code: p for p in first.programs}, {p.code: p for p in second.programs})
        self.sent: list[SentLine] = []

    def lead(self, code: str, month: int) -> str | None:
        """The department that reports a program in a month; None when it is not in the plan."""
        program = self._versions[month >= CHANGED].get(code)
        return program.department if program else None

    def report_all(self, one: Planned) -> None:
        """All regular reports of one program."""
        fate, program = one.fate, one.known
        if fate.first_report is None:
            return
        pace = _Pace(one, self._dice)
        for month in range(fate.first_report, MONTHS):
            lead = self.lead(one.code, month)
            if lead is None or lead == NEVER or month > LAST_REPORTED.get(lead, MONTHS):
                continue
            if month < fate.start:
                if month % 3 == 2:
                    self.announce(lead, month, self._waiting(program, month))
                continue
            if fate.realized is not None and month >= fate.realized:
                self.announce(lead, fate.realized, self._done(program, pace, fate.realized))
                return
            if fate.cancelled is not None and month >= fate.cancelled:
                self.announce(lead, month, self._given_up(program, pace, month))
                return
            needed = month in {CHANGED, MONTHS - 1, MONTHS - 2, 23} or month == fate.first_report
            if needed or self._dice.random() > MONTHS_MISSED:
                self.announce(lead, month, self._under_way(one, pace, month))

    def announce(self, lead: str, month: int, line: Line) -> None:
        """Send a line at the department's next moment for a month."""
        at = self._habits[lead].moment(month)
        self.add(at, line._replace(department=lead))

    def add(self, at: datetime, line: Line, *, arrives: datetime | None = None) -> SentLine:
        """Add a line, sent at its time."""
        sent = SentLine(arrives or at, at, line._replace(time=line.time or at.isoformat()))
        self.sent.append(sent)
        return sent

    def _waiting(self, program: Program, month: int) -> Line:
        period = f"{FIRST + month // 12}-Q{month % 12 // 3 + 1}"
        return Line("", f"{program.code}.{period}", "", program.code, "not_started", "0", "", period)

    def _done(self, program: Program, pace: "_Pace", month: int) -> Line:
        period, end = month_name(month), month_end(month)
        day = end.replace(day=self._dice.randrange(8, end.day + 1))
        spent = str(pace.spent(month, 100.0))
        evidence = self._dice.choice(EVIDENCE) if self._dice.random() < 0.85 else ""
        return Line(
            "",
            f"{program.code}.{period}",
            "",
            program.code,
            "realized",
            "100",
            spent,
            period,
            day.isoformat(),
            evidence,
        )

    def _given_up(self, program: Program, pace: "_Pace", month: int) -> Line:
        period = month_name(month)
        physical = pace.physical(month)
        return Line(
            "", f"{program.code}.{period}", "", program.code, "cancelled", _figure(physical),
            str(pace.spent(month, physical)), period, note=self._dice.choice(CANCELLED_NOTES),
        )  # fmt: skip

    def _under_way(self, one: Planned, pace: "_Pace", month: int) -> Line:
        blocked = one.fate.blocked is not None and one.fate.blocked[0] <= month < one.fate.blocked[1]
        status = "blocked" if blocked else "in_progress"
        period, physical = month_name(month), pace.physical(month)
        spent = str(pace.spent(month, physical)) if self._dice.random() > 0.02 else ""
        obstacle = OBSTACLES[sum(map(ord, one.code)) % len(OBSTACLES)] if blocked else ""
        return Line(
            "", f"{one.code}.{period}", "", one.code, status, _figure(physical), spent, period, obstacle=obstacle
        )


class _Pace:
    """How fast a program goes, and how much it spends. Neither ever falls."""

    def __init__(self, one: Planned, dice: random.Random) -> None:
        self._fate, self._program, self._dice = one.fate, one.known, dice
        self._physical, self._spent = 0.0, 0
        self._thrift = dice.uniform(0.73, 0.93) if dice.random() > 0.06 else dice.uniform(1.15, 1.5)

    def physical(self, month: int) -> float:
        blocked = self._fate.blocked
        if blocked is None or not blocked[0] <= month < blocked[1]:
            share = (month + 1 - self._fate.start) / (self._fate.end + 1 - self._fate.start)
            curve = share * share * (3 - 2 * share)
            wanted = min(97.0, 100 * curve + self._dice.uniform(-1, 4))
            self._physical = max(self._physical, round(wanted * 2) / 2, 0.5)
        return self._physical

    def spent(self, month: int, physical: float) -> int:
        """All that was spent until a month: as far as the program is, and within the ceilings so far."""
        year, of_year = FIRST + month // 12, (month % 12 + 1) / 12
        budget = self._program.budget
        closed = sum(amount for key, amount in budget.items() if int(key) < year)
        ceiling = closed + budget.get(str(year), 0) * of_year
        wanted = min(sum(budget.values()) * physical / 100 * self._thrift, ceiling * min(0.99, self._thrift))
        self._spent = max(self._spent, int(wanted // 1000) * 1000)
        return self._spent


def _figure(physical: float) -> str:
    return f"{physical:.1f}".removesuffix(".0")


def in_order(sent: list[SentLine]) -> list[Line]:
    """The lines as they arrive."""
    return [one.line for one in sorted(sent, key=lambda one: (one.arrives, one.line.department, one.line.id))]


def utc(at: datetime) -> str:
    """The same moment as another system writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
