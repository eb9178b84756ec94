"""Time limits of slow connections, and a limit of their number, beyond what uvicorn limits itself.

uvicorn closes a connection that is idle after a response. It waits without end for the first byte of a connection, for
the rest of a request's header, for the rest of a body that the app does not read, and for a client that does not read
its response. Bodies that the app reads are limited in bodies.py.
"""

import asyncio
from collections import OrderedDict
from typing import Any, Literal, NamedTuple

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_BYTES = 64 * 1024
UNREAD_BODY_SECONDS = 5.0  # for the rest of a body after the response
UNREAD_ANSWER_SECONDS = 60.0  # without the client reading a byte, while the system's send buffer is full

TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class ConnectionBounds(NamedTuple):
    """`header_seconds`: time limit of a whole header. `connections`: how many at once."""

    header_seconds: float
    connections: int


Http = Literal["h11", "httptools"]


def bounded(http: Http, bounds: ConnectionBounds) -> type[asyncio.Protocol]:
    """The protocol class of a server, which makes one instance per connection."""
    base = _H11 if http == "h11" else _HttpTools
    return type(base.__name__, (base,), {"bounds": bounds, "idle": OrderedDict()})


class _BoundedConnection(asyncio.Protocol):
    """A mixin for a protocol of uvicorn. At most one read deadline of a connection runs at a time."""

    bounds: ConnectionBounds
    idle: "OrderedDict[_BoundedConnection, None]"  # the server's connections without a request in progress
    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    _header_bytes = 0

    # Attributes of uvicorn's protocols.
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    connections: set[Any]
    cycle: Any

    def in_body(self) -> bool:
        """Whether the rest of a request's body is still to come."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.bounds.connections:
            if not self.idle:
                self.transport.abort()
                return
            longest, _ = self.idle.popitem(last=False)
            longest.transport.abort()
        self.idle[self] = None
        self._read_within(self.bounds.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self.idle.pop(self, None)
        self._read_within(None)
        self._write_within(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        request, idle = self.cycle, self._is_idle()
        if idle:
            self._header_bytes += len(data)
            if self._reading is None:
                self._read_within(self.bounds.header_seconds)
        super().data_received(data)
        if self.cycle is not request:
            self._header_bytes = 0
            self.idle.pop(self, None)
            self._read_within(None)
        elif idle and self._header_bytes > HEADER_BYTES:
            self._end(TOO_LARGE)

    def answered(self) -> None:
        """A response was written completely."""
        if self.transport.is_closing():
            return
        if self.in_body():
            self._read_within(UNREAD_BODY_SECONDS)
        elif self._is_idle():
            self.idle[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_within(UNREAD_ANSWER_SECONDS)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_within(None)

    def _is_idle(self) -> bool:
        return (self.cycle is None or self.cycle.response_complete) and not self.in_body()

    def _read_within(self, seconds: float | None) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _write_within(self, seconds: float | None) -> None:
        if self._writing is not None:
            self._writing.cancel()
        self._writing = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _too_slow(self) -> None:
        self._reading = None
        self._end(TIMEOUT if self._is_idle() and self._header_bytes else b"")

    def _end(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


class _H11(_BoundedConnection, H11Protocol):
    """The protocol in Python."""

    def in_body(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.answered()


class _HttpTools(_BoundedConnection, HttpToolsProtocol):
    """The protocol in C."""

    _in_body = False

    def in_body(self) -> bool:
        return self._in_body

    def on_headers_complete(self) -> None:
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.answered()
