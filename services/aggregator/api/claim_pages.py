"""The claims of a plan's reports, packed in pages: a plan is loaded from a few blobs, without decoding the reports'
events.

Page n of a plan covers the `PAGE_FACTS` facts after `seq` n * PAGE_FACTS, column by column. The same facts give the
same bytes, in however many chunks they arrived. Numbers are in the machine's byte order, which is little-endian on
every platform that Pantau runs on.
"""

from array import array
from collections.abc import Iterable
from functools import cache, partial
from itertools import accumulate

import msgspec

from realization.claim_columns import UNKNOWN, Columns
from schemas.codec import ReportFact
from schemas.sources import department, parse_source
from schemas.vocabulary import Status
from services.kit.projection.facts import DecodedFact

PAGE_FACTS = 256  # larger pages load faster, but each fact rewrites the last page; a byte must number them, from 0


class _Blob(msgspec.Struct, array_like=True):
    """The stored form of a page. `received_ms` has every fact, in the order of `seq`; the other columns have the
    reports only.

    A column of repeated texts is a list of the distinct texts, and for each row the number of its text, a byte.
    """

    received_ms: bytes = b""
    seq: bytes = b""
    effective_on: bytes = b""
    time_us: bytes = b""
    ids: str = ""  # all ids, concatenated
    id_length: bytes = b""
    physical: bytes = b""
    spent: bytes = b""
    programs: list[str] = []
    program: bytes = b""
    departments: list[str] = []
    department: bytes = b""
    statuses: list[str] = []
    status: bytes = b""
    periods: list[str] = []
    period: bytes = b""


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(_Blob).decode


class _Texts:
    """A column of repeated texts: the distinct texts, and for each row the number of its text."""

    def __init__(self, texts: Iterable[str] = (), numbers: bytes = b"") -> None:
        self.texts = {text: number for number, text in enumerate(texts)}
        self.numbers = bytearray(numbers)

    def add(self, text: str) -> None:
        """Add a row."""
        self.numbers.append(self.texts.setdefault(text, len(self.texts)))

    @property
    def written(self) -> tuple[list[str], bytes]:
        """The distinct texts, and the numbers of the rows."""
        return list(self.texts), bytes(self.numbers)


class Page:
    """A page to which facts are added."""

    def __init__(self, value: bytes = b"") -> None:
        blob = _DECODE(value) if value else _Blob()
        self._received_ms = array("q", blob.received_ms)
        self._seq = array("i", blob.seq)
        self._effective_on = array("i", blob.effective_on)
        self._time_us = array("q", blob.time_us)
        self._ids = [blob.ids]
        self._id_length = array("H", blob.id_length)
        self._physical = array("h", blob.physical)
        self._spent = array("q", blob.spent)
        self._program = _Texts(blob.programs, blob.program)
        self._department = _Texts(blob.departments, blob.department)
        self._status = _Texts(blob.statuses, blob.status)
        self._period = _Texts(blob.periods, blob.period)

    def add(self, fact: DecodedFact) -> None:
        """Add the next fact. Raises ValueError for any other."""
        if fact.seq % PAGE_FACTS != (len(self._received_ms) + 1) % PAGE_FACTS:
            raise ValueError(f"seq {fact.seq} does not come after fact {len(self._received_ms)} of its page")
        self._received_ms.append(fact.received_ms)
        if not isinstance(fact, ReportFact):
            return
        report = fact.report
        self._seq.append(fact.seq)
        self._effective_on.append(report.effective_on.toordinal())
        self._time_us.append(report.time_us)
        self._ids.append(report.id)
        self._id_length.append(len(report.id))
        self._physical.append(report.physical)
        self._spent.append(UNKNOWN if report.spent is None else report.spent)
        self._program.add(report.program)
        self._department.add(parse_source(report.source).organization)
        self._status.add(report.status.value)
        self._period.add(report.period)

    def value(self) -> bytes:
        """The page in its stored form."""
        return _ENCODE(
            _Blob(
                self._received_ms.tobytes(),
                self._seq.tobytes(),
                self._effective_on.tobytes(),
                self._time_us.tobytes(),
                "".join(self._ids),
                self._id_length.tobytes(),
                self._physical.tobytes(),
                self._spent.tobytes(),
                *self._program.written,
                *self._department.written,
                *self._status.written,
                *self._period.written,
            )
        )


def page_of(seq: int) -> int:
    """The number of the page that has a fact."""
    return (seq - 1) // PAGE_FACTS


def begins_page(seq: int) -> bool:
    """Whether a fact is the first of its page."""
    return (seq - 1) % PAGE_FACTS == 0


def unpack(plan: str, values: Iterable[bytes]) -> Columns:
    """Decode all pages of a plan, in their order. Equal programs, sources and periods become one object each."""
    columns, ids, id_lengths = Columns(), [], array("H")
    source, known = cache(partial(department, plan)), dict[str, str]()
    for page in map(_DECODE, values):
        columns.received_ms.frombytes(page.received_ms)
        columns.seq.frombytes(page.seq)
        columns.effective_on.frombytes(page.effective_on)
        columns.time_us.frombytes(page.time_us)
        columns.physical.frombytes(page.physical)
        columns.spent.frombytes(page.spent)
        ids.append(page.ids)
        id_lengths.frombytes(page.id_length)
        programs = list(map(known.setdefault, page.programs, page.programs))
        periods = list(map(known.setdefault, page.periods, page.periods))
        columns.program.extend(map(programs.__getitem__, page.program))
        columns.source.extend(map(list(map(source, page.departments)).__getitem__, page.department))
        columns.status.extend(map([Status(status) for status in page.statuses].__getitem__, page.status))
        columns.period.extend(map(periods.__getitem__, page.period))
    columns.ids = "".join(ids)
    columns.id_end = array("I", accumulate(id_lengths))
    return columns
