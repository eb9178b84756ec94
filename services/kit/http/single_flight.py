"""Answers that take long to make: made once for all who ask the same, and kept while there is room for them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from services.kit.http.responses import ResponseContent


class SharedAnswers:
    """Answers by what they answer; the least lately asked for are forgotten. Belongs to one event loop."""

    def __init__(self, room_bytes: int) -> None:
        self._room_bytes = room_bytes
        self._kept: OrderedDict[Hashable, ResponseContent] = OrderedDict()
        self._bytes = 0
        self._awaited: dict[Hashable, asyncio.Task[ResponseContent]] = {}

    def kept(self, key: Hashable) -> ResponseContent | None:
        """An answer that was made before."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: Hashable, content: ResponseContent) -> ResponseContent:
        """Keep an answer, which stays true."""
        before = self._kept.pop(key, None)
        self._bytes += content.size - (before.size if before else 0)
        self._kept[key] = content
        while self._bytes > self._room_bytes:
            self._bytes -= self._kept.popitem(last=False)[1].size
        return content

    async def once(self, question: Hashable, make: Callable[[], Awaitable[ResponseContent]]) -> ResponseContent:
        """What `make` answers, called once for all who ask meanwhile, or until it calls `begin`.

        It goes on when those who ask have gone: another may ask the same soon.
        """
        task = self._awaited.get(question)
        if task is None:
            task = self._awaited[question] = asyncio.create_task(self._make(question, make))
            task.add_done_callback(_note_error)
        return await asyncio.shield(task)

    def begin(self, question: Hashable) -> None:
        """Whoever asks from now on may know more: this answer is not for them."""
        self._awaited.pop(question, None)

    async def _make(self, question: Hashable, make: Callable[[], Awaitable[ResponseContent]]) -> ResponseContent:
        try:
            return await make()
        finally:
            if self._awaited.get(question) is asyncio.current_task():
                del self._awaited[question]


def _note_error(task: asyncio.Task[ResponseContent]) -> None:
    """An error is of those who ask; when all have gone, it is of nobody."""
    if not task.cancelled():
        task.exception()
