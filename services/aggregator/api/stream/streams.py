"""Server-sent events: a full snapshot first, then changes, computed once per question for all its clients.

A client is a coroutine that waits for a flag and stores only which response it saw last. So a slow client costs
nothing: it blocks in its own `send`, and gets what it missed as one change, or after a long time as a new snapshot. One
task has the responses computed in a thread, one after the other, and pauses as long as each took. Questions about today
come first: they are few, while there may be many about other dates.
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
EVENT_ID = re.compile("[0-9]{1,15}")  # a `seq`; any other last id is not from this service


class Streams:
    """All channels, and the tasks that update their responses and send heartbeats."""

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
        """End all streams and refuse new ones."""
        self.closing = True
        for channel in self._channels.values():
            channel.wake()

    def touch(self, plans: Set[str]) -> None:
        """Mark the channels of plans with new facts as stale."""
        now = time.monotonic()
        for channel in self._channels.values():
            if channel.question.plan in plans:
                channel.touch(now)
                self._news.set()

    async def last_seen(self, question: ChannelQuestion, last_event_id: str, *, keyed: bool) -> LastSeen | None:
        """The response that a reconnecting client saw last; None where that is unknown.

        The event id contains the `seq` but no date. The response was about today only if that fact was received today.
        Raises UnavailableProblem when this process stops, and as `Moments.open` does.
        """
        if self.closing:
            raise UnavailableProblem("The service is restarting; try again.")
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
        """The channel of a question, which is removed when its last client is gone. Raises TooManyProblem."""
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
        """Compute the first response of a channel. Raises TooManyProblem."""
        if channel.last is None:
            async with channel.lock:
                if channel.last is None:
                    async with self.limits.room("answers", keyed=keyed):
                        await self._bring_up_to_date(channel, "answers")

    async def _bring_up_to_date(self, channel: Channel, threads: str) -> None:
        """Compute and publish the current response of a channel. The caller holds the channel's lock."""
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
                log.exception("the response of a stream could not be computed", extra={"plan": channel.question.plan})
                channel.fail()
            await asyncio.sleep(min(time.perf_counter() - began, REST_SECONDS))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for channel in self._channels.values():
                channel.beat()
                if channel.question.as_of is None:
                    channel.touch(time.monotonic())  # the date may have changed
                    self._news.set()


def _nothing() -> None:
    """Release nothing: a channel about today needs no place."""
