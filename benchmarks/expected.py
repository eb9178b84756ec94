"""The expected output: one plain pass over what the generator of the records knows, without decoder, engine or broker.

The broker numbers the records of a partition from 0 in the order in which they are sent, so their offsets are known,
too. tests/unit/test_benchmark_expected.py compares this with tests/oracle.py, which reads the bytes.
"""

from array import array
from typing import NamedTuple
from zlib import crc32

from benchmarks import records
from benchmarks.plans import PROGRAM_LIST
from benchmarks.records import Report, SentRecord
from benchmarks.workloads import PROGRAMS, Workload
from schemas.vocabulary import Reason

ACCEPTED, DUPLICATE = "accepted", "duplicate"
OUTCOMES = (ACCEPTED, DUPLICATE, *(reason.value for reason in Reason))
CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}

Cells = dict[str, list[int]]


class Expected(NamedTuple):
    """The whole expected output.

    Of each partition of `program-status`, by offset: the outcome (an index of `OUTCOMES`), and the stamp of an accepted
    report's content (0 for others). Of each plan: how many facts, its version's included, and its cells: programs,
    reported, realized, overall and per dimension. Every plan version is accepted.
    """

    outcomes: list[bytearray]
    stamps: list["array[int]"]
    facts: dict[str, int]
    cells: dict[str, Cells]

    @property
    def records(self) -> int:
        """Records on `program-status`."""
        return sum(map(len, self.outcomes))

    @property
    def accepted(self) -> int:
        """Facts of both topics."""
        return sum(self.facts.values())

    @property
    def counts(self) -> dict[str, int]:
        """Records on `program-status` by outcome."""
        return {outcome: sum(one.count(code) for one in self.outcomes) for outcome, code in CODES.items()}


def stamp(content: str) -> int:
    """A number that stands for a report's content."""
    return crc32(content.encode())


class Reckoning:
    """The outcomes of the reports of a workload, in the order in which they are sent."""

    def __init__(self, workload: Workload) -> None:
        self._plans = [plan.key for plan in records.plans(workload)]
        self._outcomes = [bytearray() for _ in range(workload.partitions)]
        self._stamps: list[array[int]] = [array("I") for _ in range(workload.partitions)]
        self._known: dict[int, int] = {}  # identity -> stamp of what was accepted
        self._facts = [1] * workload.plans
        self._standing: dict[int, tuple[tuple[str, str, str], bool]] = {}

    def take(self, one: SentRecord) -> None:
        """The next report."""
        outcome, stamp_of = self._outcome(one.known)
        self._outcomes[one.partition].append(CODES[outcome])
        self._stamps[one.partition].append(stamp_of)

    def _outcome(self, report: Report | Reason) -> tuple[str, int]:
        if not isinstance(report, Report):
            return report.value, 0
        stamp_of = stamp(report.content)
        before = self._known.get(report.identity)
        if before is not None:
            return (DUPLICATE if before == stamp_of else Reason.CONFLICT.value), 0
        self._known[report.identity] = stamp_of
        self._facts[report.plan] += 1
        if report.program is not None:
            at = report.plan * PROGRAMS + report.program
            stands = self._standing.get(at)
            if stands is None or report.order > stands[0]:
                self._standing[at] = report.order, report.realized
        return ACCEPTED, stamp(report.public)

    def done(self) -> Expected:
        """The expected output after all of them."""
        cells = {key: self._cells(number) for number, key in enumerate(self._plans)}
        return Expected(self._outcomes, self._stamps, dict(zip(self._plans, self._facts, strict=True)), cells)

    def _cells(self, plan: int) -> Cells:
        cells: Cells = {}
        for number, program in enumerate(PROGRAM_LIST):
            stands = self._standing.get(plan * PROGRAMS + number)
            for key in ("overall", program.dimension):
                cell = cells.setdefault(key, [0, 0, 0])
                cell[0] += 1
                if stands is not None:
                    cell[1] += 1
                    cell[2] += stands[1]
        return cells
