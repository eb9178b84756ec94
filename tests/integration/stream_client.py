"""A client of server-sent events on a plain socket, which can be slow, and reconnect."""

import json
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.integration.facts_and_api import ApiClient
from tests.parts.history import Json

WAIT_SECONDS = 30


class StreamEvent(NamedTuple):
    """An event; a comment has only its text as `name`."""

    name: str
    id: int
    data: Json
    size: int


class StreamClient:
    """Follows a plan's stream. Reads from its socket only when an event is asked for."""

    def __init__(self, api: ApiClient, plan: str, *, had: Json | None = None, buffer: int = 0, **query: Any) -> None:
        """`had`: the last state, when it reconnects. `buffer`: bytes of the socket's receive buffer, 0 for the default."""
        url = api.client.base_url
        self._socket = socket.socket()
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.settimeout(WAIT_SECONDS)
        self._socket.connect((url.host, url.port))
        path = f"/v1/plans/{plan}/stream?{urlencode(query)}"
        seen = f"Last-Event-ID: {had['known_at']['seq']}\r\n" if had else ""
        self._socket.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n{seen}\r\n".encode())
        self._read = b""
        self.state: Json = had or {}
        head = self._until(b"\r\n\r\n").decode()
        assert " 200 " in head.splitlines()[0], head
        assert "text/event-stream" in head
        assert self._until(b"\n\n").startswith(b"retry:")

    def _until(self, end: bytes) -> bytes:
        while end not in self._read:
            more = self._socket.recv(65536)
            if not more:
                raise EOFError("the stream has ended")
            self._read += more
        found, _, self._read = self._read.partition(end)
        return found

    def next(self) -> StreamEvent:
        """The next event or comment; EOFError at the stream's end."""
        text = self._until(b"\n\n").decode()
        if text.startswith(":"):
            return StreamEvent(text, 0, {}, len(text))
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        stream_event = StreamEvent(
            fields["event"], int(fields["id"]), json.loads(fields["data"]), len(text.encode()) + 2
        )
        self._take(stream_event)
        return stream_event

    def up_to(self, seq: int) -> Iterator[StreamEvent]:
        """All events up to the one that includes a `seq`."""
        while True:
            stream_event = self.next()
            if stream_event.id:
                yield stream_event
                if stream_event.id >= seq:
                    return

    def _take(self, stream_event: StreamEvent) -> None:
        """What a page does with an event."""
        if stream_event.name == "snapshot":
            self.state = stream_event.data
            return
        changed = {group["key"]: group for group in stream_event.data["groups"]}
        groups = [changed.get(group["key"], group) for group in self.state["groups"]]
        fields = {name: stream_event.data[name] for name in ("known_at", "fresh_at", "overall")}
        self.state = self.state | fields | {"groups": groups}

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "StreamClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
