"""Clients that send half a header, half a body or a byte now and then, or read nothing: each is waited for a bounded time."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from typing import NamedTuple

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from deploy.local.process_settings import InstallationSettings
from services.kit.http import connections
from services.kit.http.bodies import limit_bodies
from services.kit.http.connections import HEADER_BYTES, Http
from services.kit.http.problems import UnauthorizedProblem, add_problems
from services.kit.http.server import config
from tests.parts.waiting import free_port, until

HEADER_SECONDS, BODY_SECONDS = 1.0, 1.5
LONG_SECONDS = 15.0  # what is not ended after this is not ended
SLOW = InstallationSettings(header_seconds=HEADER_SECONDS, body_seconds=BODY_SECONDS, connections=30)
LARGE = 8 * 1024 * 1024


def create_app(left: list[str]) -> FastAPI:
    """An app that reads a body, refuses before it reads one, answers much, and follows a client until it has `left`."""
    app = FastAPI()

    @app.get("/follow")
    async def follow(request: Request) -> None:
        await request.body()
        left.append((await request.receive())["type"])

    @app.post("/read")
    async def read(request: Request) -> Response:
        return Response(str(len(await request.body())))

    @app.post("/refuse")
    async def refuse() -> Response:
        raise UnauthorizedProblem("No key.")

    @app.get("/large")
    async def large() -> Response:
        return Response(b"x" * LARGE)

    add_problems(app)
    limit_bodies(app, {}, SLOW.body_seconds)
    return app


class ServerUnderTest(NamedTuple):
    """A server, where it listens, and the clients that connected, which are closed at the end."""

    server: uvicorn.Server
    port: int
    clients: ExitStack
    left: list[str]

    def connect(self, *, buffer: int = 0) -> socket.socket:
        client = self.clients.enter_context(socket.socket())
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(LONG_SECONDS)
        client.connect(("127.0.0.1", self.port))
        return client

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)


@contextmanager
def running(http: Http) -> Generator[ServerUnderTest]:
    port = free_port()
    left: list[str] = []
    server = uvicorn.Server(config(create_app(left), SLOW, port, http))
    thread = threading.Thread(target=server.run, name=http)
    thread.start()
    try:
        until(lambda: server.started)
        with ExitStack() as clients:
            yield ServerUnderTest(server, port, clients, left)
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(params=["h11", "httptools"])
def site(request: pytest.FixtureRequest) -> Generator[ServerUnderTest]:
    with running(request.param) as found:
        yield found


def answer(client: socket.socket) -> str:
    """The status and body of the next answer."""
    with HTTPResponse(client) as response:
        response.begin()
        return f"{response.status} {response.read().decode()}"


def rest(client: socket.socket) -> bytes:
    """All that a server sends until it closes. Fails by a timeout if it does not."""
    received = b""
    try:
        while more := client.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received


def drip(client: socket.socket, data: bytes, every_seconds: float = 0.1) -> bytes:
    """Send a byte now and then, until the server closes; returns what it sent."""
    client.settimeout(every_seconds)
    received, ends = b"", time.monotonic() + LONG_SECONDS
    for byte in data * 1_000:
        try:
            client.sendall(bytes([byte]))
            more = client.recv(65536)
        except TimeoutError:
            assert time.monotonic() < ends, "the server still waits"
            continue
        except (ConnectionResetError, BrokenPipeError):
            return received
        if not more:
            return received
        received += more
    raise AssertionError("the server still waits")


def test_silence_is_ended(site: ServerUnderTest) -> None:
    assert rest(site.connect()) == b""


def test_half_a_header_is_ended(site: ServerUnderTest) -> None:
    client = site.connect()
    client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n")
    assert rest(client).startswith(b"HTTP/1.1 408 ")


def test_a_header_that_drips_is_ended(site: ServerUnderTest) -> None:
    client = site.connect()
    client.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\n")
    began = time.monotonic()
    assert b" 408 " in drip(client, b"X: yyyyyyyyyyyyyyy\r\n")
    assert time.monotonic() - began >= HEADER_SECONDS / 2


def test_the_header_of_a_later_request_is_ended_too(site: ServerUnderTest) -> None:
    client = site.connect()
    client.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
    assert answer(client) == "200 2"
    client.sendall(b"POST /re")
    assert b" 408 " in drip(client, b"a")


def test_a_header_without_end_is_refused(site: ServerUnderTest) -> None:
    client = site.connect()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):  # it is closed while we send
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        for number in range(10_000):
            client.sendall(f"X-{number}: ".encode() + b"y" * (HEADER_BYTES // 8) + b"\r\n")


def test_half_a_body_is_a_problem(site: ServerUnderTest) -> None:
    client = site.connect()
    client.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
    received = rest(client)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"urn:pantau:problem:timeout" in received
    assert b"500 bytes" in received


@pytest.mark.parametrize("framing", ["Content-Length: 60000", "Transfer-Encoding: chunked"])
def test_a_body_that_drips_is_ended(site: ServerUnderTest, framing: str) -> None:
    client = site.connect()
    client.sendall(f"POST /read HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
    assert b" 408 " in drip(client, b"1\r\nx\r\n" if "chunked" in framing else b"x")


def test_a_body_that_the_app_does_not_read_is_ended(site: ServerUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_BODY_SECONDS", 1.0)
    client = site.connect()
    client.sendall(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
    assert b" 401 " in drip(client, b"x")


def test_a_slow_body_that_goes_on_is_read(site: ServerUnderTest) -> None:
    client = site.connect()
    parts, size = 20, 2_000  # longer than a body may take that brings nothing
    client.sendall(f"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: {parts * size}\r\n\r\n".encode())
    began = time.monotonic()
    client.settimeout(0.1)
    while time.monotonic() - began < BODY_SECONDS:
        client.sendall(b"x" * size)
        parts -= 1
        with pytest.raises(TimeoutError):  # the server sends nothing while it comes
            client.recv(1)
    client.settimeout(LONG_SECONDS)
    client.sendall(b"x" * size * parts)
    assert answer(client) == "200 40000"


def test_a_client_that_reads_nothing_is_ended(site: ServerUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_ANSWER_SECONDS", 1.0)
    client = site.connect(buffer=4096)
    client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    until(lambda: site.connections == 1)
    until(lambda: site.connections == 0, LONG_SECONDS)
    assert len(rest(client)) < LARGE


def test_a_keep_alive_connection_is_used_again(site: ServerUnderTest) -> None:
    client = site.connect()
    for _ in range(3):
        client.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        assert answer(client) == "200 2"
        client.settimeout(HEADER_SECONDS / 2)
        with pytest.raises(TimeoutError):  # idle, as between the pages that a person reads
            client.recv(1)
        client.settimeout(LONG_SECONDS)


def test_when_there_are_too_many_the_one_idle_longest_goes(site: ServerUnderTest) -> None:
    first, *others = [site.connect() for _ in range(SLOW.connections)]
    until(lambda: site.connections == SLOW.connections)
    last = site.connect()
    last.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
    assert answer(last) == "200 2"
    assert rest(first) == b""
    assert all(rest(each) == b"" for each in others)


def test_many_halves_do_not_keep_a_whole_one_waiting(site: ServerUnderTest) -> None:
    halves = [site.connect() for _ in range(20)]
    for number, each in enumerate(halves):
        whole = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab"
        each.sendall(whole[: 20 if number % 2 else len(whole)])
    client = site.connect()
    client.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
    assert answer(client) == "200 2"
    for each in halves:
        rest(each)
    until(lambda: site.connections <= 1, LONG_SECONDS)


def test_a_client_that_only_reads_is_not_ended(site: ServerUnderTest) -> None:
    """What ends a slow body does not end a stream's client, who sends none."""
    client = site.connect()
    client.sendall(b"GET /follow HTTP/1.1\r\nHost: x\r\n\r\n")
    client.settimeout(BODY_SECONDS * 1.5)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.close()
    until(lambda: site.left == ["http.disconnect"])
