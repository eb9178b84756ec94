"""A TCP proxy on this machine that delays, resets and cuts: what a network does to those who talk through it.

Kafka's clients follow the addresses a broker advertises, so a broker behind proxies has a listener for each that advertises
the proxy's (`broker_behind`).
"""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeAlias

from deploy.local.broker import HOST, Broker
from tests.parts import broker
from tests.parts.waiting import free_port

Direction: TypeAlias = Literal["to_server", "to_client"]
DIRECTIONS: tuple[Direction, Direction] = ("to_server", "to_client")

PIECE_BYTES = 64 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: closing sends a reset at once


class Proxy:
    """Hands on what comes to `port` to `server_port`, both of 127.0.0.1, from a thread of its own."""

    def __init__(self, server_port: int) -> None:
        self.port, self.server_port = free_port(), server_port
        self.held = Counter[Direction]()
        """Bytes held up so far, by a cut, a delay, or for ever."""
        self.delay_seconds = 0.0
        """How long each piece is held up, in both directions."""
        self._cut: dict[Direction, bool] = dict.fromkeys(DIRECTIONS, False)
        self._links: dict[_ProxiedConnection, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        self._healed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {self.port}", daemon=True)

    def start(self) -> None:
        """Take connections."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """Take no more, and end those there are."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def reset(self) -> int:
        """Reset every connection, on both sides. Returns how many there were."""
        return self._in_loop(self._reset)

    def cut(self, direction: Direction) -> None:
        """From now on nothing arrives in this direction, neither data nor the end of a connection, and no side is notified.

        What is sent is kept, as the sender's kernel would, and arrives when the cut is healed, also when the sender
        has given up meanwhile.
        """
        self._in_loop(lambda: self._cut.update({direction: True}))

    def forget(self) -> int:
        """Carry nothing more on any existing connection and reset none, as a firewall that has lost its table; new
        ones work. Returns how many there were."""
        return self._in_loop(self._forget)

    def heal(self) -> None:
        """Whatever was cut or delayed goes on; what was forgotten stays so."""
        asyncio.run_coroutine_threadsafe(self._heal(), self._loop).result(10)

    # ── in the thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _in_loop(self, do: Callable[[], int | None]) -> int:
        async def call() -> int:
            return do() or 0

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, HOST, self.port)

    async def _close(self) -> None:
        assert self._server is not None, "the proxy was not started"
        self._server.close()
        self._reset()
        for link in self._links:
            link.forgotten = False
        await self._heal()
        if self._links:
            await asyncio.wait(self._links.values())

    def _reset(self) -> int:
        for link in self._links:
            link.reset()
        return len(self._links)

    def _forget(self) -> int:
        for link in self._links:
            link.forgotten = True
        return len(self._links)

    async def _heal(self) -> None:
        self.delay_seconds = 0.0
        self._cut = dict.fromkeys(DIRECTIONS, False)
        async with self._healed:
            self._healed.notify_all()

    async def _connected(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            server_reader, server = await asyncio.open_connection(HOST, self.server_port)
        except OSError:  # nothing listens there, which the client must notice
            _reset_on_close(client)
            client.close()
            return
        link, task = _ProxiedConnection(client, server), asyncio.current_task()
        assert task is not None
        self._links[link] = task
        try:
            await asyncio.gather(
                self._hand_on(link, "to_server", client_reader, server),
                self._hand_on(link, "to_client", server_reader, client),
            )
        finally:
            link.close()
            del self._links[link]

    async def _hand_on(
        self,
        link: "_ProxiedConnection",
        direction: Direction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Hand on one direction of a connection until it ends, also its end."""
        with suppress(OSError):
            while piece := await _read(reader):
                await self._hold(link, direction, len(piece))
                writer.write(piece)
                await writer.drain()
        await self._hold(link, direction, 0)
        with suppress(OSError):
            writer.write_eof()

    async def _hold(self, link: "_ProxiedConnection", direction: Direction, size: int) -> None:
        if self.delay_seconds or self._cut[direction] or link.forgotten:
            self.held[direction] += size
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        async with self._healed:
            await self._healed.wait_for(lambda: not (self._cut[direction] or link.forgotten))


class _ProxiedConnection:
    """Both sides of a connection."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.forgotten = False
        self._writers = writers

    def reset(self) -> None:
        for writer in self._writers:
            _reset_on_close(writer)
            writer.transport.abort()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """The next piece; none when the connection has ended, in whatever way."""
    try:
        return await reader.read(PIECE_BYTES)
    except OSError:
        return b""


def _reset_on_close(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


@contextmanager
def running(server_port: int) -> Generator[Proxy]:
    """A proxy before a port of this machine."""
    proxy = Proxy(server_port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


@contextmanager
def broker_behind(folder: Path, *names: str) -> Generator[tuple[Broker, dict[str, Proxy]]]:
    """A broker that is reached directly, and through a proxy of each of these names (upper case)."""
    port, controller_port = free_port(), free_port()
    listeners = {name: free_port() for name in names}
    with ExitStack() as stack:
        proxies = {name: stack.enter_context(running(listener)) for name, listener in listeners.items()}
        ports = {name: proxy.port for name, proxy in proxies.items()}
        also = {
            "listeners": _addresses({"PLAINTEXT": port, "CONTROLLER": controller_port} | listeners),
            "advertised.listeners": _addresses({"PLAINTEXT": port} | ports),
            "listener.security.protocol.map": ",".join(
                f"{name}:PLAINTEXT" for name in ("CONTROLLER", "PLAINTEXT", *names)
            ),
        }
        yield stack.enter_context(broker.started(Broker(folder, port, controller_port, also=also))), proxies


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
