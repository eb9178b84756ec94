"""Expensive responses: made once for all concurrent requests for the same, and cached within a limit of memory."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from services.kit.http.responses import ResponseContent


class SharedAnswers:
    """Responses by key; the least recently used are evicted. Used in one event loop only."""

    def __init__(self, room_bytes: int) -> None:
        self._room_bytes = room_bytes
        self._kept: OrderedDict[Hashable, ResponseContent] = OrderedDict()
        self._bytes = 0
        self._awaited: dict[Hashable, asyncio.Task[ResponseContent]] = {}

    def kept(self, key: Hashable) -> ResponseContent | None:
        """A cached response."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: Hashable, content: ResponseContent) -> ResponseContent:
        """Cache a response that never changes."""
        before = self._kept.pop(key, None)
        self._bytes += content.size - (before.size if before else 0)
        self._kept[key] = content
        while self._bytes > self._room_bytes:
            self._bytes -= self._kept.popitem(last=False)[1].size
        return content

    async def once(self, question: Hashable, make: Callable[[], Awaitable[ResponseContent]]) -> ResponseContent:
        """The result of `make`, which is called once for all requests that arrive before it ends or calls `begin`.

        It runs on when its requests are gone: another may need the same soon.
        """
        task = self._awaited.get(question)
        if task is None:
            task = self._awaited[question] = asyncio.create_task(self._make(question, make))
            task.add_done_callback(_note_error)
        return await asyncio.shield(task)

    def begin(self, question: Hashable) -> None:
        """Stop sharing the running computation: later requests may need newer data, and start another."""
        self._awaited.pop(question, None)

    async def _make(self, question: Hashable, make: Callable[[], Awaitable[ResponseContent]]) -> ResponseContent:
        try:
            return await make()
        finally:
            if self._awaited.get(question) is asyncio.current_task():
                del self._awaited[question]


def _note_error(task: asyncio.Task[ResponseContent]) -> None:
    """Mark the exception as retrieved: where all requests are gone, no caller raises it."""
    if not task.cancelled():
        task.exception()
