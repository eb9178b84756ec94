"""Server-sent events: a full snapshot first, then what changed, once per question for all who asked it.

A client is a coroutine that waits for a flag and remembers only which answer it saw last. So one that is slow or
stopped costs nothing: it blocks in its own `send`, and what it missed meanwhile comes as one change, or when that is too
long ago as a new snapshot. One task makes the answers, one after the other, and rests as long as it worked.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Generator, Set
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from realization.cells import Grouping
from realization.formulas import Basis
from services.aggregator.api.answers import Change, Realization
from services.aggregator.api.asking import Asking, date_in, time_zone
from services.aggregator.api.books import OpenBook
from services.aggregator.api.figures import Moment, realization
from services.aggregator.api.metrics import ApiMetrics
from services.kit.problems import UnavailableProblem

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
CHANGE_BYTES = 4 * 1024
PROGRAMS_TOLD = 20
REMEMBERED = 16  # answers of a question; a client that saw an older one gets a snapshot
HEARTBEAT = b": heartbeat\n\n"
RECONNECT = b"retry: 2000\n\n"


class Question(NamedTuple):
    """What a stream is about. `as_of` None: today, in the plan's time zone, whenever that is."""

    plan: str
    as_of: date | None
    group_by: Grouping
    quick_win: int | None
    basis: Basis


class Seen(NamedTuple):
    """Which answer a client saw last."""

    seq: int
    as_of: date


class Event(NamedTuple):
    """An event as it is sent."""

    name: str
    content: bytes


class Client:
    """One who follows: a flag that says there is something to look at, and what was seen last."""

    __slots__ = ("gone", "heartbeat", "seen", "wake")

    def __init__(self, seen: Seen | None) -> None:
        self.seen = seen
        self.wake = asyncio.Event()
        self.heartbeat = self.gone = False


class Channel:
    """One question, its answers, and those who follow it."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.clients: set[Client] = set()
        self.lock = asyncio.Lock()
        self.stale = True
        self._opened: OpenBook | None = None
        self._answers: OrderedDict[Seen, Realization] = OrderedDict()
        self._events: dict[Seen | None, Event] = {}  # what leads from an answer seen to the last one

    @property
    def last(self) -> Seen | None:
        """The last answer."""
        return next(reversed(self._answers), None)

    def publish(self, opened: OpenBook, answer: Realization) -> None:
        """Take a new answer, and wake those who follow."""
        seen = Seen(answer.known_at.seq, answer.as_of)
        if seen == self.last:
            return
        self._opened = opened
        self._answers[seen] = answer
        self._answers.move_to_end(seen)
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        self._events.clear()
        self.wake()

    def wake(self) -> None:
        """Have every client look."""
        for client in self.clients:
            client.wake.set()

    def beat(self) -> None:
        """Send every client a sign of life."""
        for client in self.clients:
            client.heartbeat = True
        self.wake()

    def fail(self) -> None:
        """End the streams; clients come back and are told what is wrong."""
        for client in self.clients:
            client.gone = True
        self.wake()

    def event(self, seen: Seen | None) -> Event | None:
        """What leads from the answer a client saw (None: none) to the last one; None where that is the same."""
        if seen == self.last:
            return None
        event = self._events.get(seen)
        if event is None:
            event = self._events[seen] = self._change(seen) or self._snapshot()
        return event

    def _snapshot(self) -> Event:
        answer = self._answers[next(reversed(self._answers))]
        return _event("snapshot", answer.known_at.seq, answer.model_dump_json())

    def _change(self, seen: Seen | None) -> Event | None:
        before, after = self._answers.get(seen) if seen else None, self._answers[next(reversed(self._answers))]
        if seen is None or before is None or _frame(before) != _frame(after):
            return None
        known = {group.key: group for group in before.groups}
        assert self._opened is not None
        change = Change(
            known_at=after.known_at,
            fresh_at=after.fresh_at,
            overall=after.overall,
            groups=[group for group in after.groups if known[group.key] != group],
            programs=self._opened.moved(seen.seq, after.known_at.seq)[:PROGRAMS_TOLD],
        )
        event = _event("change", after.known_at.seq, change.model_dump_json())
        return event if len(event.content) <= CHANGE_BYTES else None


def _frame(answer: Realization) -> tuple[object, ...]:
    """What a change can't tell: where it differs, a snapshot is sent."""
    about = (answer.as_of, answer.plan_version, answer.name, answer.city, answer.start_year, answer.end_year)
    return (*about, answer.time_zone, answer.illustrative, *((group.key, group.label) for group in answer.groups))


def _event(name: str, seq: int, data: str) -> Event:
    return Event(name, f"id: {seq}\nevent: {name}\ndata: {data}\n\n".encode())


class Streams:
    """All channels, and the tasks that keep their answers up and hearts beating."""

    def __init__(self, asking: Asking, metrics: ApiMetrics) -> None:
        self._asking, self._metrics = asking, metrics
        self._channels: dict[Question, Channel] = {}
        self._news = asyncio.Event()
        self.closing = False
        metrics.stream_clients.set_function(lambda: float(sum(len(each.clients) for each in self._channels.values())))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Serve streams while the block runs."""
        tasks = {asyncio.create_task(self._keep_up(), name="streams"), asyncio.create_task(self._beat(), name="hearts")}
        try:
            yield
        finally:
            self.close()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def close(self) -> None:
        """End all streams; no new ones are taken."""
        self.closing = True
        for channel in self._channels.values():
            channel.wake()

    def touch(self, plans: Set[str]) -> None:
        """Facts of these plans were committed."""
        for channel in self._channels.values():
            if channel.question.plan in plans:
                channel.stale = True
                self._news.set()

    async def join(self, question: Question, last_event_id: str) -> "Stream":
        """A stream for one more client. Raises what `Asking.open` raises."""
        if self.closing:
            raise UnavailableProblem("This process is stopping.")
        opened = await self._asking.open(question.plan)
        return Stream(self, question, self._seen(question, opened, last_event_id))

    def _seen(self, question: Question, opened: OpenBook, last_event_id: str) -> Seen | None:
        """Which answer one who comes back saw last, where that can be known.

        The id says the `seq` and not the date. It was that of today only if the fact itself came today.
        """
        if not last_event_id.isdigit() or not 0 < int(last_event_id) <= opened.seq:
            return None
        seq, today = int(last_event_id), self._asking.today(opened)
        received_at = opened.received_at(seq)
        if question.as_of is None and (received_at is None or date_in(time_zone(opened), received_at) != today):
            return None
        return Seen(seq, question.as_of or today)

    @contextmanager
    def following(self, question: Question, client: Client) -> Generator[Channel]:
        """The channel of a question, which is forgotten when the last client leaves."""
        channel = self._channels.setdefault(question, Channel(question))
        channel.clients.add(client)
        try:
            yield channel
        finally:
            channel.clients.remove(client)
            if not channel.clients:
                del self._channels[question]

    async def bring_up_to_date(self, channel: Channel) -> None:
        """Publish the answer to a channel's question, if facts came since it was last made."""
        async with channel.lock:
            if not channel.stale:
                return
            channel.stale = False
            question = channel.question
            opened = await self._asking.open(question.plan)
            with self._metrics.figure_seconds.labels("stream").time():
                moment = Moment(opened, question.as_of or self._asking.today(opened), opened.seq)
                answer = realization(moment, question.group_by, question.basis, question.quick_win)
            channel.publish(opened, answer)

    def sent(self, event: str) -> None:
        """Count an event that was sent."""
        self._metrics.stream_events.labels(event).inc()

    async def _keep_up(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            began = time.perf_counter()
            for channel in [each for each in self._channels.values() if each.stale]:
                try:
                    await self.bring_up_to_date(channel)
                except Exception:
                    log.exception("a stream has no answer", extra={"plan": channel.question.plan})
                    channel.fail()
                await asyncio.sleep(0)
            await asyncio.sleep(time.perf_counter() - began)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for channel in self._channels.values():
                channel.beat()
                if channel.question.as_of is None:
                    channel.stale = True  # the date may be another
                    self._news.set()


class EventStream(Response):
    """A response of server-sent events, for the OpenAPI document."""

    media_type = "text/event-stream"


class Stream(EventStream):
    """The response that follows a channel."""

    def __init__(self, streams: Streams, question: Question, seen: Seen | None) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._streams, self._question, self._seen = streams, question, seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = Client(self._seen)
        with self._streams.following(self._question, client) as channel:
            await self._streams.bring_up_to_date(channel)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            watch = asyncio.create_task(_watch(receive, client), name="watch a stream's client")
            try:
                await self._follow(channel, client, send)
            finally:
                watch.cancel()

    async def _follow(self, channel: Channel, client: Client, send: Send) -> None:
        if client.seen != channel.last:
            client.seen = None
        await send({"type": "http.response.body", "body": RECONNECT, "more_body": True})
        while not (client.gone or self._streams.closing):
            client.wake.clear()
            event = channel.event(client.seen)
            if event is not None:
                client.seen = channel.last
                await send({"type": "http.response.body", "body": event.content, "more_body": True})
                self._streams.sent(event.name)
            elif client.heartbeat:
                client.heartbeat = False
                await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})
            else:
                await client.wake.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive, client: Client) -> None:
    """Note when a client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
    client.gone = True
    client.wake.set()
