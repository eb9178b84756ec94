"""The irregular reports of the sample: corrections, retractions, duplicates, foreign reports, late ones, and claims that
are withdrawn. They change the figures only where they are meant to."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from samples.department_reports import CHANGED, CORRECTED, MONTHS, SampleReports, SentLine, month_end, month_name, utc
from samples.plan import BEHIND, LATE, NEVER, SEED, SILENT, Planned
from samples.reports import Line
from schemas.masterplan import MasterplanVersion

DECEMBER_2020: Final = 23
MARCH_2021: Final = 26
UNSTEADY: Final = frozenset({NEVER, SILENT, BEHIND, *LATE})
NOT_HANDED_OVER: Final = "Pekerjaan belum diserahterimakan; klaim terealisasi dibatalkan"
RECONSIDERED: Final = "Hasil tinjauan lapangan: pekerjaan belum sepenuhnya selesai"


def disturb(sample: SampleReports, planned: list[Planned], first: MasterplanVersion, seen_unfinished: str) -> None:
    """Add the irregular reports to the regular ones. `seen_unfinished`: the program a visit of May 2021 finds unfinished."""
    dice = random.Random(SEED + 2)
    regular = list(sample.sent)
    under_way = [sent for sent in regular if sent.line.status == "in_progress"]
    dice.shuffle(under_way)
    take = _taker(under_way)
    for sent in take(48, lambda sent: True):
        _correct(sample, sent, dice)
    _withdraw(sample, planned, dice, seen_unfinished)
    _claimed_too_early(sample, take, dice)
    for sent in take(6, lambda sent: True):
        _retract(sample, sent, "Salah program; laporan ini dibatalkan", timedelta(days=dice.randrange(1, 9)))
    for sent in take(2, lambda sent: True):
        _retracted_before_it_arrives(sample, sent)
    for sent in take(12, lambda sent: "2019-03" < sent.line.period < "2020-09"):
        _stuck(sample, sent, timedelta(days=dice.randrange(40, 130)))
    for sent in take(4, lambda sent: "2020-09" <= sent.line.period < "2020-11"):
        _stuck(sample, sent, timedelta(days=dice.randrange(150, 190)))
    _foreign(sample, regular, first, dice)
    _unknown_programs(sample, take)
    for sent in dice.sample(regular, 30):
        sample.add(sent.at, sent.line, arrives=sent.at + timedelta(minutes=dice.randrange(1, 4000)))
    for sent in dice.sample(regular, 12):
        again = sent.line._replace(time=utc(sent.at))
        sample.add(sent.at, again, arrives=sent.at + timedelta(hours=dice.randrange(1, 60)))


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


def _correct(sample: SampleReports, sent: SentLine, dice: random.Random) -> None:
    line = sent.line
    physical = max(0.5, min(97.0, float(line.physical) + dice.choice((-4, -2.5, -1, 1.5, 3))))
    at = sent.at + timedelta(days=dice.randrange(1, 6), minutes=dice.randrange(300))
    better = line._replace(id=f"{line.id}.2", time="", physical=f"{physical:g}", note=CORRECTED)
    sample.add(at, better)


def _retract(sample: SampleReports, sent: SentLine, reason: str, after: timedelta) -> None:
    line = sent.line
    sample.add(sent.at + after, Line(line.department, f"{line.id}.ralat", "", note=reason, retracts=line.id))


def _retracted_before_it_arrives(sample: SampleReports, sent: SentLine) -> None:
    """The report is delayed for two days; its retraction arrives first."""
    _retract(sample, sent, "Terkirim ganda oleh sistem; dibatalkan", timedelta(hours=3))
    sample.sent.remove(sent)
    sample.add(sent.at, sent.line, arrives=sent.at + timedelta(days=2))


def _stuck(sample: SampleReports, sent: SentLine, for_: timedelta) -> None:
    """A report that comes months late, with the time at which it is sent at last."""
    sample.sent.remove(sent)
    sample.add(sent.at + for_, sent.line._replace(time=""))


def _withdraw(sample: SampleReports, planned: list[Planned], dice: random.Random, seen_unfinished: str) -> None:
    """Claims of realization of 2020 that a newer report of 2021 withdraws; one of them is realized again in November."""
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
            sent.line for sent in sample.sent if sent.line.program == one.code and sent.line.status == "realized"
        )
        for month in range(begin, last):
            physical = f"{min(98.0, 90 + (month - begin) * 0.5 + number):g}"
            line = Line(
                one.kind.lead, f"{one.code}.{month_name(month)}", "", one.code, "in_progress", physical, final.spent,
                month_name(month), note=RECONSIDERED if month == begin else "",
            )  # fmt: skip
            sample.announce(one.kind.lead, month, line)
        if last < MONTHS:
            again = final._replace(
                id=f"{one.code}.{month_name(last)}", time="", period=month_name(last),
                effective_on=f"{month_name(last)}-24",
            )  # fmt: skip
            sample.announce(one.kind.lead, last, again)


def _claimed_too_early(sample: SampleReports, take: Taker, dice: random.Random) -> None:
    """Wrong claims of realization: two corrected within days, one retracted after a week, one after three months."""
    december, march = month_name(DECEMBER_2020), month_name(MARCH_2021)
    for sent in take(2, lambda sent: sent.line.period == december):
        _claim(sample, sent)
        sample.add(sent.at + timedelta(days=6), sent.line._replace(id=f"{sent.line.id}.2", time="", note=CORRECTED))
    (short,) = take(1, lambda sent: sent.line.period == december)
    _retract(sample, _claim(sample, short), NOT_HANDED_OVER, timedelta(days=8))
    (long,) = take(1, lambda sent: sent.line.period == march)
    _retract(sample, _claim(sample, long), NOT_HANDED_OVER, timedelta(days=84 + dice.randrange(6)))
    silent = {month_name(MARCH_2021 + 1), month_name(MARCH_2021 + 2)}
    sample.sent[:] = [
        sent for sent in sample.sent if sent.line.program != long.line.program or sent.line.period not in silent
    ]


def _claim(sample: SampleReports, sent: SentLine) -> SentLine:
    """The same report, but with `realized` in place of the right status."""
    sample.sent.remove(sent)
    return sample.add(sent.at, sent.line._replace(status="realized", physical="100"))


def _foreign(sample: SampleReports, regular: list[SentLine], first: MasterplanVersion, dice: random.Random) -> None:
    """Supporting departments that report what only the lead can; and a former lead that goes on for a month."""
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
            sample.add(sent.at + timedelta(hours=dice.randrange(2, 90)), theirs)
    for code, program in programs.items():
        if sample.lead(code, CHANGED) not in {None, program.department}:
            before = [
                sent for sent in regular if sent.line.program == code and sent.line.period == month_name(CHANGED - 1)
            ]
            for sent in before[:1]:
                at = datetime.fromisoformat(f"{month_end(CHANGED)}T10:00:00+07:00") + timedelta(days=5)
                still = sent.line._replace(id=f"{code}.{month_name(CHANGED)}", time="", period=month_name(CHANGED))
                sample.add(at, still)


def _unknown_programs(sample: SampleReports, take: Taker) -> None:
    """A typing error in a program's code; the right report follows."""
    for sent in take(3, lambda sent: sent.line.period > "2019-06"):
        wrong = sent.line.program.replace("-0", "-9")
        sample.add(
            sent.at - timedelta(minutes=20),
            sent.line._replace(id=f"{wrong}.{sent.line.period}", time="", program=wrong),
        )
