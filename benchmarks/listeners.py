"""Many clients of one stream of server-sent events in one process: when each received which fact.

    python -m benchmarks.listeners PORT PATH LISTENERS STOPPED

Stopped clients send the request and read nothing. When all others have their snapshot a line is written. Then a line
with a `seq` is read, and when all have received that one, JSON is written: for each `seq` the time (monotonic seconds,
the same for all processes of a machine) at which the last of them received it.
"""

import asyncio
import json
import socket
import sys
import time

AT_ONCE = 50  # connections opened at a time: a server accepts that many without refusing any
STOPPED_BUFFER_BYTES = 4_096
EVENT_END = b"\n\n"


class StreamListener(asyncio.Protocol):
    """A client that reads everything, and keeps when it first received each `seq`."""

    def __init__(self, news: asyncio.Event) -> None:
        self._news, self._read = news, bytearray()
        self.known: list[tuple[int, float]] = []
        self.begun = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(EVENT_END)) >= 0:
            event = self._read[:end]
            del self._read[: end + len(EVENT_END)]
            at = event.find(b"id: ")  # the first one comes in a piece of a chunked body
            if at >= 0:
                self.known.append((int(event[at + 4 : event.index(b"\n", at)]), time.monotonic()))
                self._news.set()
                if not self.begun.done():
                    self.begun.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(ConnectionError(f"no stream: {error} {bytes(self._read[:200])!r}"))


def ask_and_stop(port: int, request: bytes) -> socket.socket:
    """A client that sends its request and reads nothing."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STOPPED_BUFFER_BYTES)
    one.connect(("127.0.0.1", port))
    one.sendall(request)
    return one


def last_received(listeners: list[StreamListener]) -> dict[int, float]:
    """For each received `seq`, when the last listener received it or a later one."""
    all_received = min(listener.known[-1][0] for listener in listeners)
    seqs = sorted({seq for listener in listeners for seq, _ in listener.known if seq <= all_received})
    latest = dict.fromkeys(seqs, 0.0)
    for listener in listeners:
        known = iter(listener.known)
        received, at = next(known)
        for seq in seqs:
            while received < seq:
                received, at = next(known)
            latest[seq] = max(latest[seq], at)
    return latest


async def main() -> None:
    """Listen until the last `seq` is received."""
    port, path, listening, stopping = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    stopped = [ask_and_stop(port, request) for _ in range(stopping)]
    news, room = asyncio.Event(), asyncio.Semaphore(AT_ONCE)

    async def listen() -> StreamListener:
        async with room:
            loop = asyncio.get_running_loop()
            transport, listener = await loop.create_connection(lambda: StreamListener(news), "127.0.0.1", port)
            transport.write(request)
            await listener.begun
            return listener

    listeners = await asyncio.gather(*(listen() for _ in range(listening)))
    print("listening", flush=True)
    seq = int(await asyncio.to_thread(sys.stdin.readline))
    while any(each.known[-1][0] < seq for each in listeners):
        news.clear()
        await news.wait()
    print(json.dumps(last_received(listeners)))
    for one in stopped:
        one.close()


if __name__ == "__main__":
    asyncio.run(main())
