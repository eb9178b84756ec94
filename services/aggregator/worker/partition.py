"""The owner of one partition number: takeover, restore, and one transaction after another.

Where to read on stands in the progress record of the last committed transaction, and nowhere else. The lock is held from
the fold to the broker's answer to the commit, and nothing of the next transaction is sent before.
"""

import asyncio
import itertools
import logging
import re
import time
from collections.abc import Coroutine
from typing import Any

from aiokafka import TopicPartition

from schemas.facts import Progress, RejectHeaders, Snapshot
from schemas.topics import INPUTS
from schemas.vocabulary import Reason
from services.aggregator.worker.end_offsets import ends, nothing_hangs
from services.aggregator.worker.metrics import OUTCOMES, WorkerMetrics
from services.aggregator.worker.records import InputRecord, Message
from services.aggregator.worker.restore import last_progress, restore_facts
from services.aggregator.worker.settings import WorkerSettings
from services.aggregator.worker.state import Folded, PartitionState, RefusedRecord
from services.aggregator.worker.transport import Chunk
from services.aggregator.worker.writer import PartitionWriter
from services.kit.partition_readers import Readers
from services.kit.settings import require_secret

log = logging.getLogger(__name__)

SNAPSHOT_SECONDS = 0.25  # of a partition, from some to the next
SNAPSHOTS_AT_ONCE = 4  # where more plans change, the others wait: facts come first
SNAPSHOT_SECONDS_CATCHING_UP = 15.0
CATCHING_UP_RECORDS = 2_000
REVOKE_GRACE_SECONDS = 3.0

_NOT_HOLDABLE = re.compile(r"[\x00\ud800-\udfff]")


class SecretChangedError(Exception):
    """The worker has another secret than the one that private digests and marks were made with."""


class TransactionLimiter:
    """How many transactions of a process are under way at once.

    Large ones: enough that one folds while others wait for the broker. With all partitions of a long backlog at once, every
    step of a transaction waits for the chunks of all others to be folded, and the transaction runs into its timeout.

    Small ones cost the broker more than they cost us. All at once they get in each other's way: each takes as long as all
    together, and mail that comes meanwhile waits for the next. One after another they are short, and the next chunk has
    taken in what came: with twelve partitions at 1,000 reports a second, 99 of 100 facts were visible within 125 ms with
    one at once in each of two processes, 157 with two, 297 with three and 300 with five (one run each).
    """

    SMALL = 200  # records
    SMALL_AT_ONCE = 2
    LARGE_AT_ONCE = 4

    def __init__(self) -> None:
        self._small = asyncio.Semaphore(self.SMALL_AT_ONCE)
        self._large = asyncio.Semaphore(self.LARGE_AT_ONCE)

    def of(self, records: int) -> asyncio.Semaphore:
        """What a transaction of so many records has to hold."""
        return self._small if records <= self.SMALL else self._large


class EndOffset:
    """Where a partition that only we write ends: after its last record, and where the next record will stand."""

    def __init__(self) -> None:
        self.end = 0
        self._next = 0

    def read_up_to(self, position: int) -> None:
        """All before a position was read, markers of transactions too."""
        self.end = self._next = position

    def predict(self, records: int) -> int:
        """The end after so many records more."""
        return self._next + records if records else self.end

    def wrote(self, end: int | None) -> int:
        """Records were written up to an end, or none; the marker of their transaction takes the next place."""
        if end:
            self.end, self._next = end, end + 1
        return self.end


class Partition:
    """One partition number of all topics."""

    def __init__(
        self, settings: WorkerSettings, number: int, metrics: WorkerMetrics, readers: Readers, turns: TransactionLimiter
    ) -> None:
        self.number = number
        self.epoch = 0
        self.owned = False
        self._settings = settings
        self._metrics = metrics
        self._readers = readers
        self._turns = turns
        self._lock = asyncio.Lock()
        self._writer = PartitionWriter(settings, number)
        self._secret = require_secret(settings)
        self._state = PartitionState(number, settings.partitions, self._secret)
        self._next: dict[str, int] = dict.fromkeys(INPUTS, 0)
        self._behind: dict[str, int] = dict.fromkeys(INPUTS, 0)
        self._outcomes: dict[str, dict[str, int]] = {topic: dict.fromkeys(OUTCOMES, 0) for topic in INPUTS}
        self._facts = EndOffset()
        self._rejected = EndOffset()
        self._private = EndOffset()
        self._restored = False
        self._running: asyncio.Task[None] | None = None
        self._restoring: asyncio.Task[None] | None = None
        self._snapshots_at = 0.0
        self.progressed_at = time.monotonic()

    # ── ownership ────────────────────────────────────────────────────────────────────────────────────────────────

    async def take_over(self) -> dict[str, int]:
        """Become the owner. Returns the next offset to read of each input.

        In this order: open the transactional id, which fences the former owner and ends its transaction; only then
        look for the last progress record, which before that may be older than what a transaction carries.
        """
        await self.give_up()
        epoch = self.epoch
        async with self._lock:
            await self._open_then_ask()
            if epoch == self.epoch:  # else it was given up meanwhile: it is another one's, or taken over once more
                self.owned, self._restored = True, False
                self._metrics.owned.labels(self.number).set(1)
                self.progressed_at = time.monotonic()
                self._restoring = asyncio.create_task(self._restore(epoch))
        return dict(self._next)

    async def _open_then_ask(self) -> None:
        await self._writer.open()
        await nothing_hangs(self._readers, self.number)
        await self._ask()

    async def _ask(self) -> None:
        progress = await last_progress(self._readers, self.number)
        if progress and progress.secret not in {"", self._secret.check}:
            raise SecretChangedError(
                "PANTAU_SECRET is not the one that the facts were written with: restore the former secret from its backup"
            )
        input_ends = await ends(self._readers, self.number, INPUTS)
        for topic in INPUTS:
            decided = progress.next_offsets.get(topic, 0) if progress else 0  # type: ignore[call-overload]  # an input's name is a plain string here
            self._next[topic] = self._in_the_log(topic, decided, input_ends[topic])
            self._behind[topic] = 0  # until a fetch says more: it may be a former owner's word
            self._metrics.lag_records.labels(topic, self.number).set(0)
            outcomes = progress.outcomes.get(topic) if progress else None  # type: ignore[call-overload]  # as above
            self._outcomes[topic] = outcomes.model_dump() if outcomes else dict.fromkeys(OUTCOMES, 0)
        self._rejected = EndOffset()
        self._rejected.wrote(progress.rejected_end if progress else 0)
        self._private = EndOffset()
        self._private.wrote(progress.private_end if progress else 0)

    def _in_the_log(self, topic: str, decided: int, end: int) -> int:
        """Where to read on: after what was decided, or where the log ends now, when its broker has lost the end of it.
        What it takes from there on is new mail, under offsets that were other mail's."""
        if decided > end:
            log.critical(
                "the log ends before what was decided of it: what comes from its end on is taken as new",
                extra={"partition": self.number, "topic": topic, "decided": decided, "end": end},
            )
        return min(decided, end)

    async def give_up(self) -> None:
        """Stop owning the partition: what was fetched for it is void, a running transaction gets a moment to end."""
        self.epoch += 1
        self.owned = False
        self._metrics.owned.labels(self.number).set(0)
        for task in (self._restoring, self._running):
            await self._end(task)
        for plan in self._state.plans:
            self._metrics.plans.forget(plan)  # its new owner tells

    async def _end(self, task: "asyncio.Task[None] | None") -> None:
        """Let a task end by itself, as a restore does when the epoch changes; abandon it when it takes too long."""
        if task is None or task.done():
            return
        _, going_on = await asyncio.wait({task}, timeout=REVOKE_GRACE_SECONDS)
        if going_on:
            log.warning("abandoning what was under way", extra={"partition": self.number})
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """Let go of the broker."""
        await self.give_up()
        await self._writer.close()

    # ── restore ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _restore(self, epoch: int) -> None:
        """Read the facts that the state does not have yet: all of them, or those another owner wrote meanwhile."""
        async with self._lock:
            await self._read_facts(epoch)

    async def _read_facts(self, epoch: int) -> None:
        def report(position: int, end: int) -> bool:
            self._facts.read_up_to(position)
            self._metrics.restored.labels(self.number).set(position)
            self._metrics.to_restore.labels(self.number).set(end)
            self.progressed_at = time.monotonic()
            return epoch == self.epoch

        tp = TopicPartition(f"{self._settings.topic_prefix}facts", self.number)
        async with self._readers.consumer() as consumer:
            if self._facts.end > (await consumer.end_offsets([tp]))[tp]:
                log.critical(
                    "the book ends before what is in memory of it: it is read anew", extra={"partition": self.number}
                )
                self._begin_anew()
            began, had = time.monotonic(), self._state.facts
            log.info("restoring", extra={"partition": self.number, "position": self._facts.end})
            await restore_facts(consumer, tp, self._facts.end, self._state.restore, report)
        if epoch != self.epoch:
            return
        self._restored, self._snapshots_at = True, time.monotonic()
        # Snapshots and metrics of its plans are ours to tell now, though nothing in the book is new.
        self._state.changed.update(dict.fromkeys(self._state.plans))
        log.info(
            "partition taken over",
            extra={
                "partition": self.number,
                "facts": self._state.facts,
                "facts_read": self._state.facts - had,
                "seconds": round(time.monotonic() - began, 3),
                "next_offsets": dict(self._next),
            },
        )

    # ── transactions ─────────────────────────────────────────────────────────────────────────────────────────────

    async def process(self, topic: str, chunk: Chunk) -> None:
        """Decide a chunk and write what follows from it, or nothing when the partition is not ours any more."""
        if self._restoring is not None:
            await asyncio.wait({self._restoring})
        if self.failure is not None:
            raise self.failure
        await self._run(chunk.epoch, self._chunk(topic, chunk), self._turns.of(len(chunk.records)))

    async def write_due_snapshots(self) -> None:
        """Write the snapshots that were held back, when no transaction came that could have taken them along."""
        idle = time.monotonic() - self.progressed_at >= SNAPSHOT_SECONDS and not self._lock.locked()
        if self._restored and self.owned and idle and self._due():
            await self._run(self.epoch, self._only_snapshots(), self._turns.of(0))

    async def _run(self, epoch: int, work: Coroutine[Any, Any, None], turn: asyncio.Semaphore) -> None:
        async with self._lock, turn:
            if epoch != self.epoch or not self._restored:
                work.close()
                return
            self._running = asyncio.create_task(work)
            try:
                await asyncio.wait({self._running})
            finally:
                task, self._running = self._running, None
        if task.cancelled():
            self._begin_anew()  # abandoned in the middle: the log may have it or not, and the state is ahead of it
        else:
            task.result()

    def _begin_anew(self) -> None:
        """Forget the state: it is to be restored from the first fact on."""
        self._state = PartitionState(self.number, self._settings.partitions, self._secret)
        self._facts, self._restored = EndOffset(), False

    async def _chunk(self, topic: str, chunk: Chunk) -> None:
        began, chunk.taken = time.monotonic(), True
        records, first = chunk.records, self._next[topic]
        if records[0].offset < first:
            records = [record for record in records if record.offset >= first]
        if not records:
            return
        folded = self._state.fold(topic, records)
        self._count(topic, folded)
        self._next[topic] = records[-1].offset + 1
        self._behind[topic] = chunk.behind
        await self._transaction(folded, topic)
        self._observe(topic, chunk, folded, records, time.monotonic() - began)

    async def _only_snapshots(self) -> None:
        await self._transaction(Folded(), None)

    async def _transaction(self, folded: Folded, topic: str | None) -> None:
        due = self._due()
        snapshots = [snapshot for plan in due if (snapshot := self._show(plan)) is not None]
        writer = self._writer
        # All is sent at once: each way to the broker and back would else be waited for by itself. Progress names the ends
        # of what is written beside it, so they are foretold; where that was wrong another record says it right.
        predicted = (
            self._facts.predict(len(folded.facts)),
            self._rejected.predict(len(folded.refused)),
            self._private.predict(len(folded.private)),
        )
        ends = await writer.write(
            {
                "facts": folded.facts,
                "facts-private": folded.private,
                "rejected": [_reject(topic or "", self.number, one) for one in folded.refused],
                "realization": [_snapshot(snapshot) for snapshot in snapshots],
                "aggregator-progress": [self._progress(*predicted)],
            }
        )
        wrote = (
            self._facts.wrote(ends.get("facts")),
            self._rejected.wrote(ends.get("rejected")),
            self._private.wrote(ends.get("facts-private")),
        )
        if wrote != predicted:
            await writer.write({"aggregator-progress": [self._progress(*wrote)]})
        await writer.commit()
        self.progressed_at = time.monotonic()
        if due:
            self._snapshots_at = self.progressed_at

    def _due(self) -> list[str]:
        """The plans whose snapshots are to be written now: those that have waited longest, some together, because each
        topic that a transaction touches costs the broker a marker and wakes a reader."""
        catching_up, changed = self.behind > CATCHING_UP_RECORDS, self._state.changed
        pause = SNAPSHOT_SECONDS_CATCHING_UP if catching_up else SNAPSHOT_SECONDS
        if time.monotonic() - self._snapshots_at < pause:
            return []
        return list(changed) if catching_up else list(itertools.islice(changed, SNAPSHOTS_AT_ONCE))

    def _progress(self, facts_end: int, rejected_end: int, private_end: int) -> Message:
        progress = Progress(
            partition=self.number,
            next_offsets=self._next,  # type: ignore[arg-type]  # its keys are INPUTS
            outcomes=self._outcomes,  # type: ignore[arg-type]  # its keys are INPUTS, and pydantic makes its values
            facts_end=facts_end,
            rejected_end=rejected_end,
            private_end=private_end,
            secret=self._secret.check,
        )
        return Message(str(self.number).encode(), progress.model_dump_json().encode())

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _count(self, topic: str, folded: Folded) -> None:
        for outcome in OUTCOMES:
            self._outcomes[topic][outcome] += getattr(folded, outcome)

    def _show(self, plan: str) -> Snapshot | None:
        """The snapshot of a plan, also told as metrics. It is a projection: a fault in it must not stop the book."""
        try:
            snapshot = self._state.snapshot(plan)
        except Exception:
            log.exception("a snapshot could not be made", extra={"plan": plan})
            self._metrics.errors.labels("snapshot").inc()
            return None
        self._metrics.plans.update(snapshot, self._state.plan_facts(plan).last_received)
        return snapshot

    def _observe(self, topic: str, chunk: Chunk, folded: Folded, records: list[InputRecord], seconds: float) -> None:
        metrics, now = self._metrics, time.time()
        for outcome in OUTCOMES:
            metrics.records.labels(topic, outcome).inc(getattr(folded, outcome))
        for refused in folded.refused:
            metrics.rejected.labels(refused.why.reason.value).inc()
            if refused.why.reason is Reason.INTERNAL_ERROR:
                metrics.errors.labels("decide").inc()
        metrics.facts.inc(folded.accepted)
        metrics.chunk.observe(len(records))
        metrics.transaction.observe(seconds)
        metrics.last_commit.labels(self.number).set(now)
        metrics.lag_records.labels(topic, self.number).set(chunk.behind)
        waiting = any(self._behind.values())
        metrics.lag_seconds.labels(self.number).set(max(0.0, now - records[-1].received_ms / 1000) if waiting else 0)

    @property
    def behind(self) -> int:
        """Records of the inputs not yet decided, as far as is known."""
        return sum(self._behind.values())

    @property
    def ready(self) -> bool:
        """Whether the state is the book's."""
        return self._restored

    @property
    def failure(self) -> BaseException | None:
        """What a restore failed with."""
        task = self._restoring
        return task.exception() if task is not None and task.done() and not task.cancelled() else None


def _snapshot(snapshot: Snapshot) -> Message:
    return Message(snapshot.plan.encode(), snapshot.model_dump_json().encode())


def _reject(topic: str, partition: int, refused: RefusedRecord) -> Message:
    """A record as it stands on `rejected`: the original value and headers, and after these our own."""
    record, why = refused
    headers = RejectHeaders(
        reason=why.reason,
        detail=_holdable(why.detail),
        topic=topic,  # type: ignore[arg-type]  # one of INPUTS
        partition=partition,
        offset=record.offset,
        received_ms=record.received_ms,
        plan=why.plan,
        source=_holdable(why.source),
        id=_holdable(why.id),
    )
    own = [(name, str(value).encode()) for name, value in headers.model_dump(mode="json").items()]
    return Message(
        why.plan.encode() or None, record.value if record.value is not None else b"", [*record.headers, *own]
    )


def _holdable(text: str) -> str:
    """A text as every database holds it: without halves of characters and U+0000, in whose place stands U+FFFD."""
    return _NOT_HOLDABLE.sub("\ufffd", text)
