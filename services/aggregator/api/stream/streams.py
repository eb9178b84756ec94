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
from collections.abc import AsyncGenerator, Generator, Set
from contextlib import asynccontextmanager, contextmanager

from services.aggregator.api.metrics import ApiMetrics
from services.aggregator.api.moments import Moment, Moments, date_in, time_zone
from services.aggregator.api.stream.channels import Channel, ChannelQuestion, Client, LastSeen
from services.kit.http.limits import WorkLimiter
from services.kit.http.problems import UnavailableProblem

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
REST_SECONDS = 0.1
EVENT_ID = re.compile("[0-9]{1,15}")  # a `seq`; what else a client sends as the last id seen is nothing it had from us


class Streams:
    """All channels, and the tasks that keep their answers up and hearts beating."""

    def __init__(self, moments: Moments, limits: WorkLimiter, metrics: ApiMetrics) -> None:
        self._moments, self.limits, self._metrics = moments, limits, metrics
        self._channels: dict[ChannelQuestion, Channel] = {}
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

    async def last_seen(self, question: ChannelQuestion, last_event_id: str, *, keyed: bool) -> LastSeen | None:
        """Which answer a client that comes back saw last, where that can be known.

        The id says the `seq` and not the date. It was that of today only if the fact itself came today. Raises
        UnavailableProblem when this process stops, and what `Moments.open` raises.
        """
        if self.closing:
            raise UnavailableProblem("This process is stopping.")
        opened = await self._moments.open(question.plan, keyed=keyed)
        seq = int(last_event_id) if EVENT_ID.fullmatch(last_event_id) else 0
        if not 0 < seq <= opened.seq:
            return None
        today = self._moments.today(opened)
        received_at = opened.received_at(seq)
        if question.as_of is None and (received_at is None or date_in(time_zone(opened), received_at) != today):
            return None
        return LastSeen(seq, question.as_of or today)

    @contextmanager
    def following(self, question: ChannelQuestion, client: Client, *, keyed: bool) -> Generator[Channel]:
        """The channel of a question, which is forgotten when its last client is gone. Raises TooManyProblem."""
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
        """Publish the answer to a channel's question. The caller holds the channel's lock."""
        channel.stale_since = None
        question = channel.question
        opened = await self._moments.opened(question.plan)
        seen = {channel.last, *(client.seen for client in channel.clients)}
        async with opened.turn, opened.lock:
            moment = Moment(opened, question.as_of or self._moments.today(opened), opened.seq)
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
