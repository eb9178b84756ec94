"""What goes wrong in the sample's post, as it does in life: corrections, retractions, duplicates, foreign reports, late
ones, and claims that were withdrawn. None of it may change the figures but what is meant to."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from samples.department_reports import CHANGED, CORRECTED, MONTHS, Life, SentLine, month_end, month_name, utc
from samples.plan import BEHIND, LATE, NEVER, SEED, SILENT, Planned
from samples.reports import Line
from schemas.masterplan import MasterplanVersion

DECEMBER_2020: Final = 23
MARCH_2021: Final = 26
UNSTEADY: Final = frozenset({NEVER, SILENT, BEHIND, *LATE})
NOT_HANDED_OVER: Final = "Pekerjaan belum diserahterimakan; klaim terealisasi dibatalkan"
RECONSIDERED: Final = "Hasil tinjauan lapangan: pekerjaan belum sepenuhnya selesai"


def disturb(life: Life, planned: list[Planned], first: MasterplanVersion, seen_unfinished: str) -> None:
    """Add what goes wrong to the regular reports. `seen_unfinished`: the program a visit of May 2021 finds unfinished."""
    dice = random.Random(SEED + 2)
    regular = list(life.sent)
    under_way = [sent for sent in regular if sent.line.status == "in_progress"]
    dice.shuffle(under_way)
    take = _taker(under_way)
    for sent in take(48, lambda sent: True):
        _correct(life, sent, dice)
    _withdraw(life, planned, dice, seen_unfinished)
    _claimed_too_early(life, take, dice)
    for sent in take(6, lambda sent: True):
        _retract(life, sent, "Salah program; laporan ini dibatalkan", timedelta(days=dice.randrange(1, 9)))
    for sent in take(2, lambda sent: True):
        _retracted_before_it_arrives(life, sent)
    for sent in take(12, lambda sent: "2019-03" < sent.line.period < "2020-09"):
        _stuck(life, sent, timedelta(days=dice.randrange(40, 130)))
    for sent in take(4, lambda sent: "2020-09" <= sent.line.period < "2020-11"):
        _stuck(life, sent, timedelta(days=dice.randrange(150, 190)))
    _foreign(life, regular, first, dice)
    _unknown_programs(life, take)
    for sent in dice.sample(regular, 30):
        life.add(sent.at, sent.line, arrives=sent.at + timedelta(minutes=dice.randrange(1, 4000)))
    for sent in dice.sample(regular, 12):
        again = sent.line._replace(time=utc(sent.at))
        life.add(sent.at, again, arrives=sent.at + timedelta(hours=dice.randrange(1, 60)))


Taker = Callable[[int, Callable[[SentLine], bool]], list[SentLine]]


def _taker(pool: list[SentLine]) -> Taker:
    """Takes reports out of a pool, none twice, of orderly departments; not the last ones, on which their state rests."""

    def take(count: int, fits: Callable[[SentLine], bool]) -> list[SentLine]:
        found = [
            sent
            for sent in pool
            if fits(sent) and sent.line.department not in UNSTEADY and sent.line.period < month_name(MONTHS - 2)
        ][:count]
        for sent in found:
            pool.remove(sent)
        return found

    return take


def _correct(life: Life, sent: SentLine, dice: random.Random) -> None:
    line = sent.line
    physical = max(0.5, min(97.0, float(line.physical) + dice.choice((-4, -2.5, -1, 1.5, 3))))
    at = sent.at + timedelta(days=dice.randrange(1, 6), minutes=dice.randrange(300))
    better = line._replace(id=f"{line.id}.2", time="", physical=f"{physical:g}", note=CORRECTED)
    life.add(at, better)


def _retract(life: Life, sent: SentLine, reason: str, after: timedelta) -> None:
    line = sent.line
    life.add(sent.at + after, Line(line.department, f"{line.id}.ralat", "", note=reason, retracts=line.id))


def _retracted_before_it_arrives(life: Life, sent: SentLine) -> None:
    """The report waits in a spool for two days; what takes it back overtakes it."""
    _retract(life, sent, "Terkirim ganda oleh sistem; dibatalkan", timedelta(hours=3))
    life.sent.remove(sent)
    life.add(sent.at, sent.line, arrives=sent.at + timedelta(days=2))


def _stuck(life: Life, sent: SentLine, for_: timedelta) -> None:
    """A report that comes months late, with the time at which it is sent at last."""
    life.sent.remove(sent)
    life.add(sent.at + for_, sent.line._replace(time=""))


def _withdraw(life: Life, planned: list[Planned], dice: random.Random, seen_unfinished: str) -> None:
    """Claims of realization of 2020 that 2021 takes back by a newer report; one of them is realized again in November."""
    done = [
        one
        for one in planned
        if one.fate.realized is not None
        and 12 <= one.fate.realized < 20
        and not one.kind.quick_win_years
        and one.kind.lead not in UNSTEADY
        and one.code != seen_unfinished
    ]
    visited = next(one for one in planned if one.code == seen_unfinished)
    for number, one in enumerate([visited, *dice.sample(done, 3)]):
        begin = 28 if one is visited else 26 + number
        last = 34 if number == 3 else MONTHS
        final = next(
            sent.line for sent in life.sent if sent.line.program == one.code and sent.line.status == "realized"
        )
        for month in range(begin, last):
            physical = f"{min(98.0, 90 + (month - begin) * 0.5 + number):g}"
            line = Line(
                one.kind.lead, f"{one.code}.{month_name(month)}", "", one.code, "in_progress", physical, final.spent,
                month_name(month), note=RECONSIDERED if month == begin else "",
            )  # fmt: skip
            life.announce(one.kind.lead, month, line)
        if last < MONTHS:
            again = final._replace(
                id=f"{one.code}.{month_name(last)}", time="", period=month_name(last),
                effective_on=f"{month_name(last)}-24",
            )  # fmt: skip
            life.announce(one.kind.lead, last, again)


def _claimed_too_early(life: Life, take: Taker, dice: random.Random) -> None:
    """Realized was claimed: twice corrected within days, once retracted in a week, once after it stood for three months."""
    december, march = month_name(DECEMBER_2020), month_name(MARCH_2021)
    for sent in take(2, lambda sent: sent.line.period == december):
        _claim(life, sent)
        life.add(sent.at + timedelta(days=6), sent.line._replace(id=f"{sent.line.id}.2", time="", note=CORRECTED))
    (short,) = take(1, lambda sent: sent.line.period == december)
    _retract(life, _claim(life, short), NOT_HANDED_OVER, timedelta(days=8))
    (long,) = take(1, lambda sent: sent.line.period == march)
    _retract(life, _claim(life, long), NOT_HANDED_OVER, timedelta(days=84 + dice.randrange(6)))
    silent = {month_name(MARCH_2021 + 1), month_name(MARCH_2021 + 2)}
    life.sent[:] = [
        sent for sent in life.sent if sent.line.program != long.line.program or sent.line.period not in silent
    ]


def _claim(life: Life, sent: SentLine) -> SentLine:
    """The same report, but with realized in the place of what it should have said."""
    life.sent.remove(sent)
    return life.add(sent.at, sent.line._replace(status="realized", physical="100"))


def _foreign(life: Life, regular: list[SentLine], first: MasterplanVersion, dice: random.Random) -> None:
    """Supporting departments that report what only the lead can; and a lead of before that goes on for a month."""
    programs = {program.code: program for program in first.programs}
    shared = [
        sent for sent in regular if sent.line.program in programs and programs[sent.line.program].supporting
        and sent.line.status != "not_started"
    ]  # fmt: skip
    for sent in dice.sample(shared, 26):
        helper = programs[sent.line.program].supporting[0]
        if helper not in UNSTEADY and helper != sent.line.department:
            physical = sent.line.physical if sent.line.status == "realized" else f"{float(sent.line.physical) / 2:g}"
            theirs = sent.line._replace(department=helper, time="", physical=physical, spent="", evidence="")
            life.add(sent.at + timedelta(hours=dice.randrange(2, 90)), theirs)
    for code, program in programs.items():
        if life.lead(code, CHANGED) not in {None, program.department}:
            before = [
                sent for sent in regular if sent.line.program == code and sent.line.period == month_name(CHANGED - 1)
            ]
            for sent in before[:1]:
                at = datetime.fromisoformat(f"{month_end(CHANGED)}T10:00:00+07:00") + timedelta(days=5)
                still = sent.line._replace(id=f"{code}.{month_name(CHANGED)}", time="", period=month_name(CHANGED))
                life.add(at, still)


def _unknown_programs(life: Life, take: Taker) -> None:
    """A typing error in a program's code; the right report follows."""
    for sent in take(3, lambda sent: sent.line.period > "2019-06"):
        wrong = sent.line.program.replace("-0", "-9")
        life.add(
            sent.at - timedelta(minutes=20),
            sent.line._replace(id=f"{wrong}.{sent.line.period}", time="", program=wrong),
        )
