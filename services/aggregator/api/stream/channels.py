"""A channel: one question of streams, its responses, the events between them, and its clients."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Set
from datetime import date
from typing import NamedTuple

from realization.cells import Grouping
from realization.formulas import Basis
from services.aggregator.api.figures.models import Realization
from services.aggregator.api.figures.queries import realization
from services.aggregator.api.moments import Moment
from services.aggregator.api.stream.models import Change

CHANGE_BYTES = 4 * 1024
PROGRAMS_NAMED = 20
REMEMBERED = 16  # responses of a channel; a client that saw an older one gets a snapshot
GROUPS_REMEMBERED = 200  # in all responses of a channel, beside the last two
DATED_LATER_SECONDS = 5.0  # at most, by which questions of today come before those of other dates


class ChannelQuestion(NamedTuple):
    """What a stream is about. `as_of` None: the current date in the plan's time zone."""

    plan: str
    as_of: date | None
    group_by: Grouping
    quick_win: int | None
    basis: Basis

    @property
    def is_live(self) -> bool:
        """Whether it is one of the few questions of live pages; of others there may be any number."""
        return self.as_of is None and self.quick_win is None


class LastSeen(NamedTuple):
    """The response that a client saw last."""

    seq: int
    as_of: date


class Event(NamedTuple):
    """An event with its encoded bytes."""

    name: str
    content: bytes


class Client:
    """A client of a channel: a flag that there is something new, and the response it saw last."""

    __slots__ = ("gone", "heartbeat", "seen", "wake")

    def __init__(self, seen: LastSeen | None) -> None:
        self.seen = seen
        self.wake = asyncio.Event()
        self.heartbeat = self.gone = False


class Published(NamedTuple):
    """A new response of a channel, and for each response that a client may have seen (None: none) the event that leads
    to it."""

    answer: Realization
    events: dict[LastSeen | None, Event]


class Channel:
    """One question, its responses and its clients."""

    def __init__(self, question: ChannelQuestion, release: Callable[[], None]) -> None:
        self.question = question
        self.release = release  # frees the channel's place
        self.clients: set[Client] = set()
        self.lock = asyncio.Lock()
        self.stale_since: float | None = 0.0
        self._answers: OrderedDict[LastSeen, Realization] = OrderedDict()
        self._events: dict[LastSeen | None, Event] = {}

    @property
    def last(self) -> LastSeen | None:
        """The last response."""
        return next(reversed(self._answers), None)

    @property
    def due(self) -> float:
        """The order in which stale channels are updated."""
        assert self.stale_since is not None
        return self.stale_since + (0.0 if self.question.is_live else DATED_LATER_SECONDS)

    def touch(self, now: float) -> None:
        """Mark the channel as stale: its response may have changed."""
        if self.stale_since is None:
            self.stale_since = now

    def answer(self, moment: Moment, seen: Set[LastSeen | None]) -> Published:
        """The response at a moment, with the events for clients that saw one of `seen`. Called in a thread."""
        question = self.question
        answer = realization(moment, question.group_by, question.basis, question.quick_win)
        snapshot = _event("snapshot", answer.known_at.seq, answer.model_dump_json())
        changes: dict[LastSeen | None, Event | None] = {
            each: _change(moment, self._answers[each], answer)
            for each in seen
            if each is not None and each in self._answers
        }
        return Published(answer, {each: change or snapshot for each, change in changes.items()} | {None: snapshot})

    def publish(self, published: Published) -> None:
        """Set a new response and wake the clients."""
        answer, events = published
        seen = LastSeen(answer.known_at.seq, answer.as_of)
        if seen == self.last:
            return
        self._events = events
        self._answers[seen] = answer
        self._answers.move_to_end(seen)
        while len(self._answers) > max(2, min(REMEMBERED, GROUPS_REMEMBERED // (1 + len(answer.groups)))):
            self._answers.popitem(last=False)
        self.wake()

    def wake(self) -> None:
        """Wake every client."""
        for client in self.clients:
            client.wake.set()

    def beat(self) -> None:
        """Send every client a heartbeat."""
        for client in self.clients:
            client.heartbeat = True
        self.wake()

    def fail(self) -> None:
        """End the streams. Clients reconnect, and get a response that says what is wrong."""
        for client in self.clients:
            client.gone = True
        self.wake()

    def event(self, seen: LastSeen | None) -> Event | None:
        """The event from the response that a client saw (None: none) to the last one; None where they are the same."""
        return None if seen == self.last else self._events.get(seen) or self._events[None]


def _change(moment: Moment, before: Realization, after: Realization) -> Event | None:
    """The `change` event from one response to another; None where only a snapshot can express it."""
    if _frame(before) != _frame(after):
        return None
    known = {group.key: group for group in before.groups}
    change = Change(
        known_at=after.known_at,
        fresh_at=after.fresh_at,
        overall=after.overall,
        groups=[group for group in after.groups if known[group.key] != group],
        programs=moment.opened.moved(before.known_at.seq, after.known_at.seq)[:PROGRAMS_NAMED],
    )
    event = _event("change", after.known_at.seq, change.model_dump_json())
    return event if len(event.content) <= CHANGE_BYTES else None


def _frame(answer: Realization) -> tuple[object, ...]:
    """The fields that a `change` can't express: where they differ, a snapshot is sent."""
    about = (answer.as_of, answer.plan_version, answer.name, answer.city, answer.start_year, answer.end_year)
    return (*about, answer.time_zone, answer.illustrative, *((group.key, group.label) for group in answer.groups))


def _event(name: str, seq: int, data: str) -> Event:
    return Event(name, f"id: {seq}\nevent: {name}\ndata: {data}\n\n".encode())
