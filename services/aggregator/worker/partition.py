"""The owner of one partition number: takeover, restore, and one transaction after another.

The next input offsets are in the progress record of the last committed transaction, and nowhere else. The lock is held
from the fold until the broker confirms the commit; nothing of the next transaction is sent earlier.
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
from services.aggregator.worker.end_offsets import ends, wait_for_hanging_transactions
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

SNAPSHOT_SECONDS = 0.25  # at least, between two writes of snapshots of a partition
SNAPSHOTS_AT_ONCE = 4  # in one transaction; when more plans changed, the others wait: facts come first
SNAPSHOT_SECONDS_CATCHING_UP = 15.0
CATCHING_UP_RECORDS = 2_000
REVOKE_GRACE_SECONDS = 3.0

_NOT_HOLDABLE = re.compile(r"[\x00\ud800-\udfff]")


class SecretChangedError(Exception):
    """The worker's secret is not the one that private digests and attestations were made with."""


class TransactionLimiter:
    """Limits how many transactions of a process run at once.

    Large transactions: enough of them that one folds while others wait for the broker. With all partitions of a long
    backlog at once, every step of a transaction waits until the chunks of all others are folded, and it times out.

    Small transactions cost the broker more than the worker. Run at once, each takes as long as all together. Run one
    after another, each is short, and the next chunk contains what arrived meanwhile. With twelve partitions at 1,000
    reports a second in two processes, 99 of 100 facts were visible within 125 ms with one small transaction at once in
    each process, 157 ms with two, 297 ms with three and 300 ms with five (one run each).
    """

    SMALL = 200  # records
    SMALL_AT_ONCE = 2
    LARGE_AT_ONCE = 4

    def __init__(self) -> None:
        self._small = asyncio.Semaphore(self.SMALL_AT_ONCE)
        self._large = asyncio.Semaphore(self.LARGE_AT_ONCE)

    def of(self, records: int) -> asyncio.Semaphore:
        """The semaphore that a transaction of this many records must acquire."""
        return self._small if records <= self.SMALL else self._large


class EndOffset:
    """The end offset of a partition that only this worker writes, and the offset that its next record will have."""

    def __init__(self) -> None:
        self.end = 0
        self._next = 0

    def read_up_to(self, position: int) -> None:
        """Everything before this position was read, transaction markers included."""
        self.end = self._next = position

    def predict(self, records: int) -> int:
        """The end offset after this many more records."""
        return self._next + records if records else self.end

    def wrote(self, end: int | None) -> int:
        """Note that records were written up to this end offset (None: no records). Their transaction's marker has the
        next offset. Returns the end offset."""
        if end:
            self.end, self._next = end, end + 1
        return self.end


class Partition:
    """One partition number of all topics."""

    def __init__(
        self,
        settings: WorkerSettings,
        number: int,
        metrics: WorkerMetrics,
        readers: Readers,
        limiter: TransactionLimiter,
    ) -> None:
        self.number = number
        self.epoch = 0
        self.owned = False
        self._settings = settings
        self._metrics = metrics
        self._readers = readers
        self._limiter = limiter
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

        First open the transactional id, which fences the former owner and ends its transaction. Only then read the last
        progress record: before that, an open transaction of the former owner could still commit a newer one.
        """
        await self.give_up()
        epoch = self.epoch
        async with self._lock:
            await self._open_then_load_progress()
            if epoch == self.epoch:  # else it was given up meanwhile, and perhaps taken over again
                self.owned, self._restored = True, False
                self._metrics.owned.labels(self.number).set(1)
                self.progressed_at = time.monotonic()
                self._restoring = asyncio.create_task(self._restore(epoch))
        return dict(self._next)

    async def _open_then_load_progress(self) -> None:
        await self._writer.open()
        await wait_for_hanging_transactions(self._readers, self.number)
        await self._load_progress()

    async def _load_progress(self) -> None:
        progress = await last_progress(self._readers, self.number)
        if progress and progress.secret not in {"", self._secret.check}:
            raise SecretChangedError(
                "PANTAU_SECRET is not the one that the facts were written with: restore the former secret from its backup"
            )
        input_ends = await ends(self._readers, self.number, INPUTS)
        for topic in INPUTS:
            decided = progress.next_offsets.get(topic, 0) if progress else 0  # type: ignore[call-overload]  # an input's name is a plain string here
            self._next[topic] = self._resume_offset(topic, decided, input_ends[topic])
            self._behind[topic] = 0  # until the first fetch: what is in memory may be from an earlier ownership
            self._metrics.lag_records.labels(topic, self.number).set(0)
            outcomes = progress.outcomes.get(topic) if progress else None  # type: ignore[call-overload]  # as above
            self._outcomes[topic] = outcomes.model_dump() if outcomes else dict.fromkeys(OUTCOMES, 0)
        self._rejected = EndOffset()
        self._rejected.wrote(progress.rejected_end if progress else 0)
        self._private = EndOffset()
        self._private.wrote(progress.private_end if progress else 0)

    def _resume_offset(self, topic: str, decided: int, end: int) -> int:
        """The next offset to read: after what was processed, or the end of the log where the broker lost its tail. The
        broker then assigns the lost offsets again, to new records."""
        if decided > end:
            log.critical(
                "the input log ends before the offset already processed: records from its end on are processed as new",
                extra={"partition": self.number, "topic": topic, "decided": decided, "end": end},
            )
        return min(decided, end)

    async def give_up(self) -> None:
        """Stop owning the partition: fetched chunks become void, a running transaction gets REVOKE_GRACE_SECONDS to
        end."""
        self.epoch += 1
        self.owned = False
        self._metrics.owned.labels(self.number).set(0)
        for task in (self._restoring, self._running):
            await self._end(task)
        for plan in self._state.plans:
            self._metrics.plans.forget(plan)  # its new owner exports its metrics

    async def _end(self, task: "asyncio.Task[None] | None") -> None:
        """Let a task end by itself, as a restore does when the epoch changes; cancel it after REVOKE_GRACE_SECONDS."""
        if task is None or task.done():
            return
        _, going_on = await asyncio.wait({task}, timeout=REVOKE_GRACE_SECONDS)
        if going_on:
            log.warning("cancelling a task of a partition that was given up", extra={"partition": self.number})
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """Give the partition up and close its connections."""
        await self.give_up()
        await self._writer.close()

    # ── restore ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _restore(self, epoch: int) -> None:
        """Read the facts that are not in the state yet: all of them, or those that another owner wrote meanwhile."""
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
                    "the facts log ends before the offset already read: the state is rebuilt from its beginning",
                    extra={"partition": self.number},
                )
                self._reset_state()
            began, had = time.monotonic(), self._state.facts
            log.info("restoring", extra={"partition": self.number, "position": self._facts.end})
            await restore_facts(consumer, tp, self._facts.end, self._state.restore, report)
        if epoch != self.epoch:
            return
        self._restored, self._snapshots_at = True, time.monotonic()
        # This owner now writes the snapshots and metrics of these plans, also where no fact is new.
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
        """Fold a chunk and write the results, or nothing when the partition is no longer owned by this worker."""
        if self._restoring is not None:
            await asyncio.wait({self._restoring})
        if self.failure is not None:
            raise self.failure
        await self._run(chunk.epoch, self._chunk(topic, chunk), self._limiter.of(len(chunk.records)))

    async def write_due_snapshots(self) -> None:
        """Write the snapshots that are due, when no transaction with facts came that could carry them."""
        idle = time.monotonic() - self.progressed_at >= SNAPSHOT_SECONDS and not self._lock.locked()
        if self._restored and self.owned and idle and self._due():
            await self._run(self.epoch, self._only_snapshots(), self._limiter.of(0))

    async def _run(self, epoch: int, work: Coroutine[Any, Any, None], permit: asyncio.Semaphore) -> None:
        async with self._lock, permit:
            if epoch != self.epoch or not self._restored:
                work.close()
                return
            self._running = asyncio.create_task(work)
            try:
                await asyncio.wait({self._running})
            finally:
                task, self._running = self._running, None
        if task.cancelled():
            self._reset_state()  # cancelled midway: its transaction may have committed or not, and the state is ahead
        else:
            task.result()

    def _reset_state(self) -> None:
        """Discard the state, to be restored from the first fact on."""
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
        # All topics are sent at once, to save round trips. The progress record names the end offsets of the records
        # that are sent with it, so they are predicted. After a wrong prediction a second progress record corrects it.
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
        """The plans whose snapshots are written now: those that changed first, several together, because each topic in
        a transaction costs the broker a marker and wakes its readers."""
        catching_up, changed = self.behind > CATCHING_UP_RECORDS, self._state.changed
        pause = SNAPSHOT_SECONDS_CATCHING_UP if catching_up else SNAPSHOT_SECONDS
        if time.monotonic() - self._snapshots_at < pause:
            return []
        return list(changed) if catching_up else list(itertools.islice(changed, SNAPSHOTS_AT_ONCE))

    def _progress(self, facts_end: int, rejected_end: int, private_end: int) -> Message:
        progress = Progress(
            partition=self.number,
            next_offsets=self._next,  # type: ignore[arg-type]  # its keys are INPUTS
            outcomes=self._outcomes,  # type: ignore[arg-type]  # its keys are INPUTS, and pydantic converts its values
            facts_end=facts_end,
            rejected_end=rejected_end,
            private_end=private_end,
            secret=self._secret.check,
        )
        return Message(str(self.number).encode(), progress.model_dump_json().encode())

    # ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _count(self, topic: str, folded: Folded) -> None:
        for outcome in OUTCOMES:
            self._outcomes[topic][outcome] += getattr(folded, outcome)

    def _show(self, plan: str) -> Snapshot | None:
        """The snapshot of a plan, also exported as metrics; None when it fails. A failed snapshot must not stop the
        facts."""
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
        """The lag in input records, as of the last fetch."""
        return sum(self._behind.values())

    @property
    def ready(self) -> bool:
        """Whether the state is restored from the facts log."""
        return self._restored

    @property
    def failure(self) -> BaseException | None:
        """The exception that a restore failed with; None where it did not."""
        task = self._restoring
        return task.exception() if task is not None and task.done() and not task.cancelled() else None


def _snapshot(snapshot: Snapshot) -> Message:
    return Message(snapshot.plan.encode(), snapshot.model_dump_json().encode())


def _reject(topic: str, partition: int, refused: RefusedRecord) -> Message:
    """A refused record as written to `rejected`: its original value and headers, followed by the reject headers."""
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
    """A text that every database can store: lone surrogates and U+0000 are replaced by U+FFFD."""
    return _NOT_HOLDABLE.sub("\ufffd", text)
