"""Server-sent events: a full snapshot first, then what changed, once per question for all who asked it.

A client is a coroutine that waits for a flag and remembers only which answer it saw last. So one that is slow or
stopped costs nothing: it blocks in its own `send`, and what it missed meanwhile comes as one change, or when that is too
long ago as a new snapshot. One task has the answers computed in a thread, one after the other, and rests as long as that
took. What is asked of today comes first: of that there are few questions, and of other dates there may be many.
"""

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Generator, Set
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
from services.kit.http.limits import WorkLimiter
from services.kit.http.problems import UnavailableProblem

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
CHANGE_BYTES = 4 * 1024
PROGRAMS_TOLD = 20
REMEMBERED = 16  # answers of a question; a client that saw an older one gets a snapshot
GROUPS_REMEMBERED = 200  # of all answers of a question, beside the last two
DATED_LATER_SECONDS = 5.0  # that a question of another date than today waits at most for those of today
REST_SECONDS = 0.1
HEARTBEAT = b": heartbeat\n\n"
RECONNECT = b"retry: 2000\n\n"
EVENT_ID = re.compile("[0-9]{1,15}")  # a `seq`; what else a client sends as the last id seen is nothing it had from us


class Question(NamedTuple):
    """What a stream is about. `as_of` None: today, in the plan's time zone, whenever that is."""

    plan: str
    as_of: date | None
    group_by: Grouping
    quick_win: int | None
    basis: Basis

    @property
    def is_live(self) -> bool:
        """Whether it is one of the few that a live page asks; of others there may be any number."""
        return self.as_of is None and self.quick_win is None


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


class Published(NamedTuple):
    """A new answer of a channel, and the event that leads to it from each answer that a client saw (None: none)."""

    answer: Realization
    events: dict[Seen | None, Event]


class Channel:
    """One question, its answers, and those who follow it."""

    def __init__(self, question: Question, release: Callable[[], None]) -> None:
        self.question = question
        self.release = release  # gives the channel's room back
        self.clients: set[Client] = set()
        self.lock = asyncio.Lock()
        self.stale_since: float | None = 0.0
        self._answers: OrderedDict[Seen, Realization] = OrderedDict()
        self._events: dict[Seen | None, Event] = {}

    @property
    def last(self) -> Seen | None:
        """The last answer."""
        return next(reversed(self._answers), None)

    @property
    def due(self) -> float:
        """Which of the stale ones comes first."""
        assert self.stale_since is not None
        return self.stale_since + (0.0 if self.question.is_live else DATED_LATER_SECONDS)

    def touch(self, now: float) -> None:
        """Its answer may be another now."""
        if self.stale_since is None:
            self.stale_since = now

    def answer(self, moment: Moment, seen: Set[Seen | None]) -> Published:
        """The answer at a moment, with the events for those who saw one of these. Computed in a thread."""
        question = self.question
        answer = realization(moment, question.group_by, question.basis, question.quick_win)
        snapshot = _event("snapshot", answer.known_at.seq, answer.model_dump_json())
        changes: dict[Seen | None, Event | None] = {
            each: _change(moment, self._answers[each], answer)
            for each in seen
            if each is not None and each in self._answers
        }
        return Published(answer, {each: change or snapshot for each, change in changes.items()} | {None: snapshot})

    def publish(self, published: Published) -> None:
        """Take a new answer, and wake those who follow."""
        answer, events = published
        seen = Seen(answer.known_at.seq, answer.as_of)
        if seen == self.last:
            return
        self._events = events
        self._answers[seen] = answer
        self._answers.move_to_end(seen)
        while len(self._answers) > max(2, min(REMEMBERED, GROUPS_REMEMBERED // (1 + len(answer.groups)))):
            self._answers.popitem(last=False)
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
        return None if seen == self.last else self._events.get(seen) or self._events[None]


def _change(moment: Moment, before: Realization, after: Realization) -> Event | None:
    """What leads from one answer to another, where a change can tell it."""
    if _frame(before) != _frame(after):
        return None
    known = {group.key: group for group in before.groups}
    change = Change(
        known_at=after.known_at,
        fresh_at=after.fresh_at,
        overall=after.overall,
        groups=[group for group in after.groups if known[group.key] != group],
        programs=moment.opened.moved(before.known_at.seq, after.known_at.seq)[:PROGRAMS_TOLD],
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

    def __init__(self, asking: Asking, limits: WorkLimiter, metrics: ApiMetrics) -> None:
        self._asking, self.limits, self._metrics = asking, limits, metrics
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
        now = time.monotonic()
        for channel in self._channels.values():
            if channel.question.plan in plans:
                channel.touch(now)
                self._news.set()

    async def join(self, question: Question, last_event_id: str, *, keyed: bool) -> "Stream":
        """A stream for one more client. Raises what `Asking.open` raises."""
        if self.closing:
            raise UnavailableProblem("This process is stopping.")
        opened = await self._asking.open(question.plan, keyed=keyed)
        return Stream(self, question, self._seen(question, opened, last_event_id), keyed=keyed)

    def _seen(self, question: Question, opened: OpenBook, last_event_id: str) -> Seen | None:
        """Which answer one who comes back saw last, where that can be known.

        The id says the `seq` and not the date. It was that of today only if the fact itself came today.
        """
        seq = int(last_event_id) if EVENT_ID.fullmatch(last_event_id) else 0
        if not 0 < seq <= opened.seq:
            return None
        today = self._asking.today(opened)
        received_at = opened.received_at(seq)
        if question.as_of is None and (received_at is None or date_in(time_zone(opened), received_at) != today):
            return None
        return Seen(seq, question.as_of or today)

    @contextmanager
    def following(self, question: Question, client: Client, *, keyed: bool) -> Generator[Channel]:
        """The channel of a question, which is forgotten when the last client leaves. Raises TooManyProblem."""
        channel = self._channels.get(question)
        if channel is None:
            release = _nothing if question.is_live else self.limits.hold("channels", keyed=keyed)
            channel = self._channels[question] = Channel(question, release)
        channel.clients.add(client)
        try:
            yield channel
        finally:
            channel.clients.remove(client)
            if not channel.clients:
                del self._channels[question]
                channel.release()

    async def begin(self, channel: Channel, *, keyed: bool) -> None:
        """Give a channel its first answer. Raises TooManyProblem."""
        if channel.last is None:
            async with channel.lock:
                if channel.last is None:
                    async with self.limits.room("answers", keyed=keyed):
                        await self._bring_up_to_date(channel, "answers")

    async def _bring_up_to_date(self, channel: Channel, threads: str) -> None:
        """Publish the answer to a channel's question. For who holds the channel's lock."""
        channel.stale_since = None
        question = channel.question
        opened = await self._asking.opened(question.plan)
        seen = {channel.last, *(client.seen for client in channel.clients)}
        async with opened.turn, opened.lock:
            moment = Moment(opened, question.as_of or self._asking.today(opened), opened.seq)
            with self._metrics.figure_seconds.labels("stream").time():
                published = await self.limits.in_thread(threads, channel.answer, moment, seen)
        channel.publish(published)

    def sent(self, event: str) -> None:
        """Count an event that was sent."""
        self._metrics.stream_events.labels(event).inc()

    async def _keep_up(self) -> None:
        while True:
            await self._news.wait()
            stale = [each for each in self._channels.values() if each.stale_since is not None and each.last is not None]
            if not stale:
                self._news.clear()
                continue
            channel = min(stale, key=lambda each: each.due)
            began = time.perf_counter()
            try:
                async with channel.lock:
                    await self._bring_up_to_date(channel, "channels")
            except Exception:
                log.exception("a stream has no answer", extra={"plan": channel.question.plan})
                channel.fail()
            await asyncio.sleep(min(time.perf_counter() - began, REST_SECONDS))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for channel in self._channels.values():
                channel.beat()
                if channel.question.as_of is None:
                    channel.touch(time.monotonic())  # the date may be another
                    self._news.set()


def _nothing() -> None:
    """What is bounded by itself holds no room."""


class EventStream(Response):
    """A response of server-sent events, for the OpenAPI document."""

    media_type = "text/event-stream"


class Stream(EventStream):
    """The response that follows a channel."""

    def __init__(self, streams: Streams, question: Question, seen: Seen | None, *, keyed: bool) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._streams, self._question, self._seen, self._keyed = streams, question, seen, keyed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = Client(self._seen)
        release = self._streams.limits.hold("streams", keyed=self._keyed)
        try:
            with self._streams.following(self._question, client, keyed=self._keyed) as channel:
                await self._streams.begin(channel, keyed=self._keyed)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                watch = asyncio.create_task(_watch(receive, client), name="watch a stream's client")
                try:
                    await self._follow(channel, client, send)
                finally:
                    watch.cancel()
        finally:
            release()

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
