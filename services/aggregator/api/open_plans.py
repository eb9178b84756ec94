"""The plans in memory: their facts, loaded on first use and updated as facts are committed.

A plan's facts are changed only in the event loop, and only while holding its lock. So reading in the event loop needs
no lock. Slow reading runs in a thread while the caller holds both of the plan's locks, so that nothing changes
meanwhile.
"""

import asyncio
import gc
from array import array
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from realization.plan_facts import PlanFacts
from schemas.codec import ReportFact
from schemas.facts import Fact, NewerFactError, UnknownFact
from schemas.fields import microseconds
from schemas.plan_versions import PlanVersionFact
from schemas.registry import KINDS
from services.aggregator.api.metrics import ApiMetrics
from services.aggregator.api.projection import StoredFacts, Tables
from services.kit.http.problems import UnavailableProblem
from services.kit.projection.facts import LARGE_BYTES, DecodedFact, decoded, kind_of, plan_of
from services.kit.projection.follower import Projection, Record

FACTS_IN_MEMORY = 3_000_000  # about 130 bytes each
PROGRAM_FACTS = 8  # a program of a plan version takes as much memory as this many facts
KNOWN_KINDS = frozenset(kind.name for kind in KINDS)
REMEMBERED_MOVES = 100
NEWER_RETRY_SECONDS = 60  # `Retry-After` until this program is updated
BREATH = 100  # facts after which other tasks of the event loop run


class OpenPlan:
    """A plan's facts, their times of receipt, and which programs changed lately."""

    def __init__(self, plan: str) -> None:
        self.plan_facts = PlanFacts(plan)
        self.lock = asyncio.Lock()
        self.turn = (
            asyncio.Lock()
        )  # for readers in threads: only one at a time waits for `lock`, so that facts do not wait for many
        self._received = array("q")  # milliseconds since 1970, at index seq - 1
        self._moves: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=REMEMBERED_MOVES)
        self.newer: UnknownFact | None = None  # a fact of an unknown kind, on which figures depend

    @property
    def seq(self) -> int:
        return self.plan_facts.seq

    @property
    def room(self) -> int:
        """The memory it takes, counted in facts."""
        return self.seq + PROGRAM_FACTS * sum(len(version.programs) for version in self.plan_facts.versions)

    def add(self, fact: DecodedFact) -> None:
        """Add the next fact."""
        programs: tuple[str, ...] | None
        match fact:
            case ReportFact():
                programs = self.plan_facts.add_report(fact.report, fact.seq, fact.received_ms)
            case PlanVersionFact():
                self.plan_facts.add_plan(fact.plan, fact.seq, fact.received_ms)
                programs = None
            case Fact():
                programs = self.plan_facts.add(fact)
            case UnknownFact():
                programs = self._skip(fact)
        self._received.append(fact.received_ms)
        if programs:
            self._moves.append((fact.seq, programs))

    def require_known(self) -> None:
        """Raise UnavailableProblem where figures depend on a fact of an unknown kind, rather than give a wrong
        figure."""
        if self.newer is not None:
            raise UnavailableProblem(str(NewerFactError(self.newer)), retry_after_seconds=NEWER_RETRY_SECONDS)

    def _skip(self, fact: UnknownFact) -> tuple[str, ...]:
        self.plan_facts.skip(fact.seq, fact.received_ms)
        if fact.fold:
            self.newer = fact
        return ()

    def fill(self, stored: StoredFacts) -> None:
        """Add all stored facts of the plan."""
        reports = stored.reports
        self._received = reports.received_ms
        lately = len(self._received) - REMEMBERED_MOVES
        for version in stored.plans:
            self.plan_facts.add_plan(version.plan, version.seq, version.received_ms)
        for unknown in stored.unknown:
            self._skip(unknown)
        for fact in stored.others:
            if fact.seq <= lately:
                self.plan_facts.add(fact)
        self.plan_facts.fill(reports)  # a retraction looks for what it takes back: only the late ones need to
        moves = {fact.seq: self.plan_facts.add(fact) for fact in stored.others if fact.seq > lately}
        first = bisect_right(reports.seq, lately)
        moves |= {seq: (reports.program[row],) for row, seq in enumerate(reports.seq[first:], first)}
        self._moves.extend((seq, programs) for seq, programs in sorted(moves.items()) if programs)

    def moved(self, after: int, up_to: int) -> list[str]:
        """The programs named by facts after one `seq` up to another, each once, as far as they are still remembered."""
        return list(dict.fromkeys(code for seq, codes in self._moves if after < seq <= up_to for code in codes))

    def seq_at(self, moment: datetime) -> int:
        """The last `seq` received at or before a time; 0 where there is none."""
        moment_ms = microseconds(moment) // 1000
        for at in range(len(self._received) - 1, -1, -1):
            if self._received[at] <= moment_ms:
                return at + 1
        return 0

    def received_at(self, seq: int) -> datetime | None:
        """When a fact was received; None for `seq` 0."""
        return moment_of(self._received[seq - 1]) if seq else None

    def fresh_at(self, seq: int) -> datetime | None:
        """When the latest of the facts up to a `seq` was received."""
        return moment_of(max(self._received[:seq])) if seq else None


def moment_of(received_ms: int) -> datetime:
    """Milliseconds since 1970 as an aware datetime, exact."""
    return datetime.fromtimestamp(received_ms // 1000, UTC).replace(microsecond=received_ms % 1000 * 1000)


class OpenPlans:
    """All plans. `projection` must be set before the first is loaded."""

    projection: Projection

    def __init__(self, tables: Tables, metrics: ApiMetrics, facts_in_memory: int) -> None:
        self._tables = tables
        self._room = facts_in_memory
        self._metrics = metrics
        self._seqs: dict[str, int] = {}
        self._open: OrderedDict[str, OpenPlan] = OrderedDict()
        self._loading: dict[str, asyncio.Task[OpenPlan]] = {}
        self._arrived: dict[str, list[Record]] = {}  # plan -> facts committed while it is being loaded
        metrics.facts_in_memory.set_function(lambda: float(self._taken()))

    def load(self, connection: Connection) -> None:
        """Load the last `seq` of every plan."""
        self._seqs = self._tables.seqs(connection)

    def seq(self, plan: str) -> int | None:
        """The last `seq` known now; None for a plan without facts."""
        return self._seqs.get(plan)

    def peek(self, plan: str) -> OpenPlan | None:
        """A plan if it is in memory. Raises UnavailableProblem where figures depend on a fact of an unknown kind."""
        found = self._open.get(plan)
        if found is not None:
            self._open.move_to_end(plan)
            found.require_known()
        return found

    async def open(self, plan: str) -> OpenPlan:
        """A known plan, loaded if it is not in memory."""
        found = self.peek(plan)
        if found is not None:
            return found
        task = self._loading.get(plan)
        if task is None:
            task = self._loading[plan] = asyncio.create_task(self._load(plan), name=f"load {plan}")
        opened = await asyncio.shield(task)
        opened.require_known()
        return opened

    def _taken(self) -> int:
        return sum(each.room for each in self._open.values())

    async def _load(self, plan: str) -> OpenPlan:
        self._arrived[plan] = []
        try:
            with self._metrics.open_seconds.time():
                opened = await self.projection.read(
                    lambda connection: _read(plan, self._tables.stored_facts(connection, plan))
                )
            for record in self._arrived[plan]:
                fact = decoded(record)
                if fact.seq > opened.seq:
                    opened.add(fact)
        finally:
            del self._arrived[plan], self._loading[plan]
        self._open[plan] = opened
        while len(self._open) > 1 and self._taken() > self._room:
            self._open.popitem(last=False)
        return opened

    async def on_commit(self, records: Sequence[Record]) -> set[str]:
        """Add committed facts to the plans in memory. Returns the plans that have new ones."""
        by_plan: dict[str, list[Record]] = {}
        for record in records:
            if record.topic != "facts" or record.value is None:
                continue
            plan = plan_of(record)
            if kind_of(record) not in KNOWN_KINDS:
                self._metrics.unknown_facts.inc()
            by_plan.setdefault(plan, []).append(record)
        for plan, arrived in by_plan.items():
            if plan in self._arrived:
                self._arrived[plan] += arrived
            opened = self._open.get(plan)
            if opened is not None:
                await self._advance(plan, opened, arrived)
        seqs = {plan: (await _decoded(arrived[-1])).seq for plan, arrived in by_plan.items()}
        self._seqs |= seqs  # last: a request that waits for a `seq` then finds its fact in memory
        return set(seqs)

    async def _advance(self, plan: str, opened: OpenPlan, records: Iterable[Record]) -> None:
        async with opened.lock:
            for number, record in enumerate(records, start=1):
                fact = await _decoded(record)
                if fact.seq > opened.seq + 1:
                    self._open.pop(plan, None)  # a gap: the plan is loaded again on next use
                    return
                if fact.seq == opened.seq + 1:
                    opened.add(fact)
                if number % BREATH == 0:
                    await asyncio.sleep(0)


async def _decoded(record: Record) -> DecodedFact:
    """The fact of a record; a large one is decoded in a thread."""
    is_large = len(record.value or b"") >= LARGE_BYTES
    return await asyncio.to_thread(decoded, record) if is_large else decoded(record)


def _read(plan: str, stored: StoredFacts) -> OpenPlan:
    opened = OpenPlan(plan)
    opened.fill(stored)
    # A loaded plan lives long and has no cycles, but each garbage collection of it would stop the process: 450 ms for
    # 600,000 facts, measured. So it is frozen, after a collection of the young garbage, which would be frozen with it.
    gc.collect(1)
    gc.freeze()
    return opened
