"""One question of a stream: its answers, the events between them, and the clients that follow it."""

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
REMEMBERED = 16  # answers of a question; a client that saw an older one gets a snapshot
GROUPS_REMEMBERED = 200  # of all answers of a question, beside the last two
DATED_LATER_SECONDS = 5.0  # that a question of another date than today waits at most for those of today


class ChannelQuestion(NamedTuple):
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


class LastSeen(NamedTuple):
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

    def __init__(self, seen: LastSeen | None) -> None:
        self.seen = seen
        self.wake = asyncio.Event()
        self.heartbeat = self.gone = False


class Published(NamedTuple):
    """A new answer of a channel, and the event that leads to it from each answer that a client saw (None: none)."""

    answer: Realization
    events: dict[LastSeen | None, Event]


class Channel:
    """One question, its answers, and those who follow it."""

    def __init__(self, question: ChannelQuestion, release: Callable[[], None]) -> None:
        self.question = question
        self.release = release  # gives the channel's room back
        self.clients: set[Client] = set()
        self.lock = asyncio.Lock()
        self.stale_since: float | None = 0.0
        self._answers: OrderedDict[LastSeen, Realization] = OrderedDict()
        self._events: dict[LastSeen | None, Event] = {}

    @property
    def last(self) -> LastSeen | None:
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

    def answer(self, moment: Moment, seen: Set[LastSeen | None]) -> Published:
        """The answer at a moment, with the events for those who saw one of these. Computed in a thread."""
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
        """Take a new answer, and wake those who follow."""
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
        """Have every client look."""
        for client in self.clients:
            client.wake.set()

    def beat(self) -> None:
        """Send every client a sign of life."""
        for client in self.clients:
            client.heartbeat = True
        self.wake()

    def fail(self) -> None:
        """End the streams; clients come back and get an answer that says what is wrong."""
        for client in self.clients:
            client.gone = True
        self.wake()

    def event(self, seen: LastSeen | None) -> Event | None:
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
        programs=moment.opened.moved(before.known_at.seq, after.known_at.seq)[:PROGRAMS_NAMED],
    )
    event = _event("change", after.known_at.seq, change.model_dump_json())
    return event if len(event.content) <= CHANGE_BYTES else None


def _frame(answer: Realization) -> tuple[object, ...]:
    """What a change can't tell: where it differs, a snapshot is sent."""
    about = (answer.as_of, answer.plan_version, answer.name, answer.city, answer.start_year, answer.end_year)
    return (*about, answer.time_zone, answer.illustrative, *((group.key, group.label) for group in answer.groups))


def _event(name: str, seq: int, data: str) -> Event:
    return Event(name, f"id: {seq}\nevent: {name}\ndata: {data}\n\n".encode())
